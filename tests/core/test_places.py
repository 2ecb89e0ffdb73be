"""Folders and files that people name."""

from __future__ import annotations

from pathlib import Path

import pytest

from snnpar.core.errors import SnnparError
from snnpar.core.places import place


@pytest.mark.parametrize("named", ["", ".", "no/such/place", "/etc/passwd/x", "é"])
def test_what_may_be_a_path_is_one(named: str) -> None:
    assert place(named) == Path(named)


def test_home_is_meant_by_a_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert place("~/data") == tmp_path / "data"


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("~nosuchuser/x", "there is no user of that name"),
        ("a" * 300, "File name too long"),
        ("a\0b", "character of code 0"),
        ("/".join(["ab"] * 3000), "File name too long"),
    ],
)
def test_what_can_be_no_path_is_one_sentence(named: str, told: str) -> None:
    with pytest.raises(SnnparError, match=told) as caught:
        place(named)
    assert len(str(caught.value)) < 200


def test_a_path_that_may_not_be_looked_at_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_path: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.stat", refused)
    with pytest.raises(SnnparError, match="may not be looked at"):
        place("/proc/1/root")
