"""What tests in a real browser share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from servers import port_of
from tiny import STUDENT, TEACHER, write_checkpoint

from snnpar.metrics.defaults import ATTRIBUTE
from snnpar.schema.attributes import load_schema

ROOT = Path(__file__).resolve().parents[1]
FIRST = load_schema("pa100k").labels[load_schema("pa100k").index(ATTRIBUTE)]  # the attribute looked for at first
PATIENCE_MS = 60_000  # for whatever a test waits for; a busy machine is slow, not broken
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTH, HEIGHT = 640, 480  # of the scene that people are cut out of
SLOW_S = 120  # a training run on a busy machine
MARKS = [
    pytest.mark.browser,
    pytest.mark.flaky(reruns=1),  # a machine that is busy with something else can be late in many ways
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: apt-get install chromium)"),
]


def choose(page, label: str, option: str) -> None:
    """Pick an option of a select box."""
    box = page.get_by_test_id("stSelectbox").filter(has=page.get_by_text(label, exact=True)).get_by_role("combobox")
    box.click()
    box.fill(option)  # the list draws only what is in view
    page.get_by_role("option", name=option, exact=True).click()


def press(page, name: str, leads_to: str) -> None:
    """Press a button of a part that polls; once more if it led nowhere: a click that meets a run of the whole page, of
    which the part is not drawn yet, is dropped by Streamlit."""
    from playwright.sync_api import expect

    page.get_by_role("button", name=name).click()
    try:
        expect(page.get_by_text(leads_to)).to_be_visible(timeout=PATIENCE_MS / 3)
    except AssertionError:
        page.get_by_role("button", name=name).click()
        expect(page.get_by_text(leads_to)).to_be_visible()


def downloaded(page, button) -> bytes:
    """The content of a file that a button hands over. A click that meets a run of the part that the button is in is
    dropped by Streamlit: then once more."""
    from playwright.sync_api import Error

    for last in (False, True):
        try:
            with page.expect_download(timeout=PATIENCE_MS / 3) as saved:
                button.click()
            return Path(saved.value.path()).read_bytes()
        except Error:
            if last:
                raise
    raise AssertionError("unreachable")


def settle(page) -> None:
    """Wait until the script has ended, so that nothing of the run before is left on screen."""
    page.evaluate("() => { window.quietSince = null; }")  # quiet from now on, not since the last time
    page.wait_for_function(
        "() => { const app = document.querySelector('[data-testid=stApp]');"
        " const busy = app?.dataset.testScriptState !== 'notRunning' || document.querySelector('[data-stale=true]');"
        " window.quietSince = busy ? null : (window.quietSince ?? performance.now());"
        " return window.quietSince !== null && performance.now() - window.quietSince > 600; }",
        timeout=SLOW_S * 1000,
    )


@contextmanager
def served(root: Path, script: Path = ROOT / "app.py") -> Iterator[tuple[subprocess.Popen, str]]:
    """The server's process and its address, over the checkpoints in `root`; `script`: another app than ours."""
    flags = {"port": "0", "address": "127.0.0.1", "headless": "true"}
    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    command += [word for name, value in flags.items() for word in (f"--server.{name}", value)]
    environment = os.environ | {"SNNPAR_CHECKPOINTS": str(root), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with open(root / "server.log", "wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield server, f"http://127.0.0.1:{port_of(server, root / 'server.log')}"
    finally:
        server.kill()  # it has nothing to save
        server.wait()


@contextmanager
def served_pair(root: Path) -> Iterator[str]:
    """The address of a server over a tiny teacher and student in `root`."""
    write_checkpoint(root / "tiny-teacher", TEACHER)
    write_checkpoint(root / "tiny-student", STUDENT)
    with served(root) as (_, address):
        yield address


_open: list = []  # the browser and what drives it: starting one takes longer than most tests


def _browser():
    from playwright.sync_api import expect, sync_playwright

    if not _open:
        expect.set_options(timeout=PATIENCE_MS)
        play = sync_playwright().start()
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        _open.extend((play.chromium.launch(executable_path=CHROMIUM, args=arguments), play))
    return _open[0]


def close_browser() -> None:
    """Also its event loop, which other tests cannot have beside theirs."""
    if _open:
        browser, play = _open
        _open.clear()
        browser.close()
        play.stop()


@contextmanager
def browser_context() -> Iterator:
    """A fresh profile in the browser, patient."""
    context = _browser().new_context(viewport={"width": 1440, "height": 1600})
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield context
    finally:
        context.close()


def pick_file(page, name: str, data: bytes, within: str = "") -> None:
    """Give a file to the bar's own menu, or to the uploader in an element."""
    if not within:
        page.get_by_role("button", name="Your own").click()
    page.locator(f'{within or "[data-testid=stPopoverBody]"} input[type="file"]').first.set_input_files(
        {"name": name, "mimeType": "image/png", "buffer": data}
    )
