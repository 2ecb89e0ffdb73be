"""A server over throwaway checkpoints, and a browser tab on it."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from browsing import HEIGHT, WIDTH, browser_context, close_browser, pick_file, served_pair, settle
from PIL import Image


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app, served from a fresh process over throwaway checkpoints; tests leave runs and evaluations there."""
    with served_pair(tmp_path_factory.mktemp("served")) as address:
        yield address


@pytest.fixture(scope="package", autouse=True)
def one_browser() -> Iterator[None]:
    """For all tests here."""
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
