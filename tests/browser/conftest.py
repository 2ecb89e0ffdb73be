"""A server over throwaway checkpoints, and a browser tab on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browsing import browser_context, served_pair


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app, served from a fresh process over throwaway checkpoints; tests leave runs and evaluations there."""
    with served_pair(tmp_path_factory.mktemp("served")) as address:
        yield address


@pytest.fixture
def page(url: str) -> Iterator:
    """A fresh browser tab on the Compare page."""
    with browser_context() as context:
        tab = context.new_page()
        tab.goto(url)
        yield tab
