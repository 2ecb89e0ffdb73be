"""What tests in a real browser share."""

from __future__ import annotations

import shutil

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SLOW_S = 120  # a training run on a busy machine
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: apt-get install chromium)"),
]


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
