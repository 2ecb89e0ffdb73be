"""A server over throwaway checkpoints, and a browser tab on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browsing import browser_context, served
from tiny import STUDENT, TEACHER, write_checkpoint


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app, served from a fresh process over throwaway checkpoints."""
    root = tmp_path_factory.mktemp("served")
    write_checkpoint(root / "tiny-teacher", TEACHER)
    write_checkpoint(root / "tiny-student", STUDENT)
    with served(root) as (_, address):
        yield address


@pytest.fixture
def page(url: str) -> Iterator:
    """A fresh browser tab on the Compare page."""
    with browser_context() as context:
        tab = context.new_page()
        tab.goto(url)
        yield tab
