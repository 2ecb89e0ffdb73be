"""Keys of the session are named in one place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pages.ui import state

PAGES = Path(state.__file__).parents[1]
ASKED = re.compile(r"""session_state(\[|\.(get|pop|setdefault)\()["']|["'] (not )?in st\.session_state""")


@pytest.mark.parametrize("path", sorted(PAGES.rglob("*.py")), ids=lambda path: path.relative_to(PAGES).as_posix())
def test_nobody_asks_the_session_by_a_string(path: Path) -> None:
    found = [line.strip() for line in path.read_text("utf-8").splitlines() if ASKED.search(line)]
    assert not found, f"give it a name in pages/ui/state.py: {found}"


def test_no_two_values_share_a_key() -> None:
    keys = [value for name, value in vars(state).items() if name.isupper()]
    assert len(keys) > 50 and len(keys) == len(set(keys))


def test_keys_that_are_made_of_names_share_none() -> None:
    made = [f("a") for f in (state.kept, state.setting, state.evaluation, state.heatmap, state.marks, state.edition)]
    made += [state.label("tags", "a"), state.label("note", "a"), state.label("note", "b"), state.assumption("a", "b")]
    assert len(made) == len(set(made))
