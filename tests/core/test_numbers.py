"""Numbers read the same everywhere."""

from __future__ import annotations

import pytest

from snnpar.core import numbers


@pytest.mark.parametrize(
    ("energy", "words"),
    [
        (0.0, "0 µJ"),
        (2.814, "2.81 µJ"),
        (95.06, "95.1 µJ"),
        (596.24, "596 µJ"),
        (6431.3, "6,431 µJ"),
        (145_000.0, "145 mJ"),
    ],
)
def test_energies_read_well(energy: float, words: str) -> None:
    assert numbers.energy(energy) == words


def test_what_is_no_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="nan s is no duration"):
        numbers.duration(float("nan"))
