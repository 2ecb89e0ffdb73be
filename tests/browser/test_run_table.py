"""Runs as a table in a real browser: rows are marked and sorted by clicks while the page polls a run at work."""

from __future__ import annotations

import csv
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import MARKS, PATIENCE_MS, browser_context, downloaded, served
from made_runs import make_run
from tiny import STUDENT, TEACHER, write_checkpoint

from snnpar.runs.jobs import process_identity, write_status
from snnpar.runs.notes import change_tags, read_notes, set_note
from snnpar.runs.run import Run

pytestmark = MARKS
ROW_PX, TICK_PX = 35, 16
NAMES = {"d", "b", "c", "live"}
FIRST_MS = 240_000  # for a fresh server's first page on a busy machine


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """Four runs; the process of the newest one lives."""
    write_checkpoint(tmp_path / "tiny-teacher", TEACHER)
    write_checkpoint(tmp_path / "tiny-student", STUDENT)
    for number, name in enumerate(("d", "b", "c", "live")):
        set_note(make_run(tmp_path, name, lr=0.001 * (number + 1), firing=None), "+ " + name)
    process = subprocess.Popen(["sleep", "900"])
    write_status(Run(tmp_path / "runs" / "live"), state="running", **process_identity(process.pid))
    yield tmp_path
    process.kill()
    process.wait()


def tick(page, row: int) -> None:
    """Click the box of a row as shown, from 0; -1 is the heading's, which ticks all."""
    box = page.get_by_test_id("stDataFrame").first.bounding_box()
    page.mouse.click(box["x"] + TICK_PX, box["y"] + ROW_PX * (row + 1.5))
    settle_polling(page)


def settle_polling(page) -> None:
    """A page that polls is never quiet for long."""
    page.wait_for_timeout(2500)


def expect_ticked(page, *names: str) -> None:
    """The ticked rows are those of these runs, soon."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while ticked(page) != set(names):
        assert time.monotonic() < end, f"ticked are {ticked(page)}, not {names}"
        page.wait_for_timeout(500)


def ticked(page) -> set[str]:
    """The names in the ticked rows, as the table tells screen readers."""
    rows = page.get_by_test_id("stDataFrame").first.locator("canvas [role=row][aria-selected=true]")
    return {text for row in rows.all() for text in row.locator("[role=gridcell]").all_text_contents()} & NAMES


def exported(page) -> str:
    """The table as CSV."""
    return downloaded(page, page.get_by_test_id("stDownloadButton").get_by_role("button")).decode()


def test_rows_are_marked_sorted_compared_exported_and_deleted(root: Path, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    with browser_context() as context, served(root) as (_, url):
        page = context.new_page()
        page.goto(f"{url}/train?run=d")
        expect(page.get_by_text("4 of 4 runs")).to_be_visible(timeout=FIRST_MS)
        expect_ticked(page, "d")  # from the link
        settle_polling(page)
        tick(page, 1)  # newest first: live, c, b, d
        expect_ticked(page, "c", "d")
        expect(page).to_have_url(re.compile("run=d&beside=c"))
        expect(page.get_by_text("Settings that differ")).to_be_visible()
        head = page.get_by_test_id("stDataFrame").first.bounding_box()
        page.mouse.click(head["x"] + 33 + 118 + 60, head["y"] + ROW_PX / 2)  # by name: b, c, d, live
        settle_polling(page)
        expect_ticked(page, "c", "d")  # a mark belongs to its run
        tick(page, 0)
        expect_ticked(page, "b", "c", "d")
        expect(page).to_have_url(re.compile("beside=b"))
        change_tags(Run(root / "runs" / "d"), add=["told"])  # as from a terminal
        make_run(root, "e", epochs=1, firing=None)
        expect(page.get_by_text("5 of 5 runs")).to_be_visible(timeout=PATIENCE_MS)
        settle_polling(page)
        expect_ticked(page, "b", "c", "d")  # a new run moves no mark
        rows = list(csv.DictReader(exported(page).splitlines()))
        assert {row["name"]: row["note"] for row in rows} == {one: f"'+ {one}" for one in NAMES} | {"e": ""}
        page.get_by_role("button", name="Delete 3 runs…").click()
        settle_polling(page)  # the question outlives the polling
        page.get_by_role("button", name="Delete 3 for good").click()
        expect(page.get_by_text("2 of 2 runs")).to_be_visible()
        assert {path.parent.name for path in (root / "runs").glob("*/config.json")} == {"live", "e"}
        expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_note_that_is_being_written_survives_the_polling(root: Path) -> None:
    from playwright.sync_api import expect

    with browser_context() as context, served(root) as (_, url):
        page = context.new_page()
        page.goto(f"{url}/train?run=live")
        note = page.get_by_label("Note")
        expect(note).to_have_value("+ live", timeout=FIRST_MS)
        note.fill("<b>half a")
        settle_polling(page)
        expect(note).to_have_value("<b>half a")
        note.press("Control+Enter")
        expect(note).to_have_value("<b>half a")
        page.wait_for_timeout(3000)
        assert read_notes(Run(root / "runs" / "live")).note == "<b>half a"
        page.get_by_label("Filter").fill("nothing like it")
        expect(page.get_by_text("None of 4 runs matches")).to_be_visible()
        expect(page).to_have_url(re.compile("runs_text=nothing"))
