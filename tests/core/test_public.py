"""When a server is public."""

from __future__ import annotations

import pytest

from snnpar.core.public import VARIABLE, is_public


@pytest.mark.parametrize(
    ("value", "public"),
    [
        (None, False),
        ("", False),
        ("0", False),
        ("false", False),
        (" No ", False),
        ("off", False),
        ("1", True),
        ("true", True),
        ("yes", True),
        ("anything", True),
    ],
)
def test_only_a_clear_no_opens_the_server(monkeypatch: pytest.MonkeyPatch, value: str | None, public: bool) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    assert is_public() is public
