"""The explorer in a real Chromium, as a person uses it. Skipped with a reason where there is no Chromium."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from screen import png
from tiny import STUDENT, TEACHER, write_checkpoint

from pages.ui.tables import ROW_HEIGHT

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SLOW_S = 120  # a training run on a busy machine

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app, served from a fresh process over throwaway checkpoints."""
    root = tmp_path_factory.mktemp("served")
    write_checkpoint(root / "tiny-teacher", TEACHER)
    write_checkpoint(root / "tiny-student", STUDENT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port),
               "--server.address", "127.0.0.1", "--server.headless", "true"]
    environment = os.environ | {"SNNPAR_CHECKPOINTS": str(root), "OMP_NUM_THREADS": "1"}
    with open(root / "server.log", "wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}", server, root / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def _wait_until_healthy(address: str, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"the app did not start: {log.read_text('utf-8', 'replace')[-2000:]}")


@pytest.fixture
def page(url: str) -> Iterator:
    """A fresh browser tab on the Compare page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        tab = browser.new_context(viewport={"width": 1440, "height": 1600}).new_page()
        tab.set_default_timeout(30_000)
        tab.goto(url)
        yield tab
        browser.close()


def choose(page, label: str, option: str) -> None:
    """Pick an option of a select box."""
    box = page.get_by_test_id("stSelectbox").filter(has=page.get_by_text(label, exact=True)).get_by_role("combobox")
    box.click()
    box.fill(option)  # the list draws only what is in view
    page.get_by_role("option", name=option, exact=True).click()


def settle(page) -> None:
    """Wait until the script has ended, so that nothing of the run before is left on screen."""
    page.wait_for_function(
        "() => { const app = document.querySelector('[data-testid=stApp]');"
        " const busy = app?.dataset.testScriptState !== 'notRunning' || document.querySelector('[data-stale=true]');"
        " window.quietSince = busy ? null : (window.quietSince ?? performance.now());"
        " return window.quietSince !== null && performance.now() - window.quietSince > 1000; }",
        timeout=SLOW_S * 1000,
    )


def toggle(page, label: str) -> None:
    page.get_by_test_id("stCheckbox").filter(has_text=label).locator("label").click()


def click_row(page, row: int) -> None:
    """Click a cell of the attribute table, which is drawn on a canvas: a header, then rows of equal height."""
    settle(page)  # a canvas says nothing about being ready
    box = page.get_by_test_id("stDataFrame").bounding_box()
    page.mouse.click(box["x"] + 80, box["y"] + ROW_HEIGHT * (row + 1.5))


def number(page, label: str, value: int) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")


def test_a_first_visit(page) -> None:
    from playwright.sync_api import expect

    expect(page.get_by_text("Where they look for “Female”")).to_be_visible(timeout=60_000)
    expect(page.get_by_test_id("stPlotlyChart")).to_have_count(2)

    page.get_by_role("button", name="Your own").click()
    page.locator('input[type="file"]').set_input_files({"name": "me.png", "mimeType": "image/png", "buffer": png()})
    expect(page.get_by_text("The truth is not known for your own picture")).to_be_visible()
    page.keyboard.press("Escape")

    choose(page, "Attribute", "Backpack")
    expect(page.get_by_text("Where they look for “Backpack”")).to_be_visible()
    assert "attribute=Backpack" in page.url and "me.png" not in page.url

    click_row(page, 3)
    expect(page.get_by_text("Where they look for “Under 18”")).to_be_visible()
    choose(page, "Attribute", "Backpack")
    expect(page.get_by_text("Where they look for “Backpack”")).to_be_visible()

    page.get_by_role("link", name="Spikes").click()
    expect(page.get_by_text("Which neurons spike when")).to_be_visible()
    expect(page.get_by_test_id("stMultiSelect")).to_contain_text("Backpack")
    assert "attribute=Backpack" in page.url
    page.go_back()
    expect(page.get_by_text("Where they look for “Backpack”")).to_be_visible()

    page.get_by_role("link", name="Train").click()
    choose(page, "Model", "spikingformer_1_64")
    toggle(page, "Distil features")
    toggle(page, "Distil logits")
    number(page, "Epochs", 1)
    page.get_by_text("more settings").click()
    number(page, "Rendered count", 32)
    command = page.get_by_test_id("stCode").first
    expect(command).to_contain_text("--model spikingformer_1_64")
    expect(command).not_to_contain_text("logit-kd")
    expect(command).to_contain_text("--rendered-count 32")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text("best epoch 1: mA", exact=False).first).to_be_visible(timeout=SLOW_S * 1000)
    expect(page.get_by_test_id("stPlotlyChart")).to_have_count(2)

    settle(page)
    page.get_by_role("button", name="Use as student").click()
    expect(page.get_by_text("Attribute by attribute")).to_be_visible()
    expect(page.get_by_text("student-rendered", exact=False).first).to_be_visible()
    assert "student=runs" in page.url
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)


def test_two_tabs_do_not_disturb_each_other(page, url: str) -> None:
    from playwright.sync_api import expect

    other = page.context.new_page()
    other.goto(f"{url}/?attribute=Hat")
    expect(other.get_by_text("Where they look for “Hat”")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Where they look for “Female”")).to_be_visible(timeout=60_000)
    choose(page, "Attribute", "Boots")
    expect(page.get_by_text("Where they look for “Boots”")).to_be_visible()
    other.reload()
    expect(other.get_by_text("Where they look for “Hat”")).to_be_visible(timeout=60_000)
