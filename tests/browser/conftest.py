"""A server over throwaway checkpoints, and a browser tab on it."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from browsing import HEIGHT, WIDTH, browser_context, close_browser, pick_file, served_pair, settle
from PIL import Image


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app, served from a fresh process over throwaway checkpoints; tests leave runs and evaluations there."""
    with served_pair(tmp_path_factory.mktemp("served")) as address:
        yield address


@pytest.fixture(scope="module", autouse=True)
def one_browser() -> Iterator[None]:
    """For the tests of a file."""
    yield
    close_browser()


@pytest.fixture
def page(url: str) -> Iterator:
    """A fresh browser tab on the Compare page."""
    with browser_context() as context:
        tab = context.new_page()
        tab.goto(url)
        yield tab


@pytest.fixture(scope="module")
def scene() -> bytes:
    """A street, so to speak: every place has its own colour."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    pixels = np.stack([rows * 255 // HEIGHT, columns * 255 // WIDTH, (rows // 40 + columns // 40) % 2 * 120], -1)
    file = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def tool(page, scene: bytes):
    """The page with the scene on, and what is sent from then on."""
    from playwright.sync_api import expect

    frames: list = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: frames.append(data)))
    page.reload()
    expect(page.get_by_text("Two networks look at one person")).to_be_visible()
    pick_file(page, "street.png", scene)
    expect(page.get_by_text("much wider than one standing person")).to_be_visible()
    page.keyboard.press("Escape")
    settle(page)
    frames.clear()
    return frames


# What `make test` drives a browser for: each thing that only a browser can show, once. All of it is in make test-all.
QUICK = (
    "test_a_page_has_no_serious_violation[Compare]",
    "test_the_gallery_is_read_from_its_file_alone",
    "test_a_view_is_exported_as_it_is_seen",
    "test_cells_are_chosen_by_keyboard",
    "test_a_first_visit",
    "test_two_tabs_do_not_disturb_each_other",
    "test_text_is_shown_letter_by_letter",
    "test_playing_never_asks_the_server",
    "test_arrow_keys_take_everything",
    "test_dragging_and_playing_send_nothing",
    "test_a_run_outlives_tab_and_server",
    "test_the_views_work_without_a_server[390-844]",
    "test_a_phone_shows_image_and_answer_first",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if item.path.parent == Path(__file__).parent]
    for item in here:
        if not item.name.startswith(QUICK):
            item.add_marker(pytest.mark.slow)
    if len(here) > 2 * len(QUICK):  # the whole folder
        gone = [name for name in QUICK if not any(item.name.startswith(name) for item in here)]
        assert not gone, f"QUICK names tests that are not there: {gone}"
