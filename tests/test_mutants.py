"""The table of mutants follows the modules; `make mutants` breaks them."""

from __future__ import annotations

import pytest
from mutants import MUTANTS, ROOT, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.module)
def test_the_text_to_break_occurs_once(mutant: Mutant) -> None:
    assert (ROOT / mutant.module).read_text("utf-8").count(mutant.text) == 1 and mutant.text != mutant.instead


def test_the_mutants_are_in_twenty_modules_and_more() -> None:
    assert len({mutant.module for mutant in MUTANTS}) == len(MUTANTS) >= 20
