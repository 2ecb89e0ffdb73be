"""A run outlives the tab and the server that it was started from. Skipped with a reason where there is no Chromium."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import MARKS, SLOW_S, browser_context, served
from tiny import STUDENT, TEACHER, write_checkpoint

from snnpar.config import TrainConfig
from snnpar.runs.jobs import kill, processes, status
from snnpar.runs.run import Run, create_run

pytestmark = MARKS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Checkpoints, and a run that would train for days."""
    write_checkpoint(tmp_path / "tiny-teacher", TEACHER)
    write_checkpoint(tmp_path / "tiny-student", STUDENT)
    return tmp_path


@pytest.fixture
def run(root: Path) -> Iterator[Run]:
    config = TrainConfig.of(model="spikingformer_1_64", epochs=10_000, batch_size=8, rendered_count=32, threads=1)
    run = create_run(config, root / "runs" / "long")
    yield run
    if processes(run):
        kill(run, grace_s=0)


def wait_for(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + SLOW_S
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {SLOW_S} s"
        time.sleep(0.2)


def test_a_run_outlives_tab_and_server_and_is_stopped_and_resumed_from_new_ones(root: Path, run: Run) -> None:
    from playwright.sync_api import expect

    with browser_context() as context:
        with served(root) as (server, url):
            tab = context.new_page()
            tab.goto(f"{url}/train")
            tab.get_by_role("button", name="Start", exact=True).click()
            wait_for(lambda: status(run).state == "running", "the start")
            expect(tab.get_by_role("button", name="Stop and save")).to_be_visible()
            pid = status(run).pid
            tab.close()
            server.kill()
            server.wait()
        assert status(run).pid == pid and status(run).is_active
        with served(root) as (_, url):
            tab = context.new_page()
            tab.goto(f"{url}/train")
            tab.get_by_role("button", name="Stop and save").click()
            expect(tab.get_by_text("stopped on request", exact=False).first).to_be_visible(timeout=SLOW_S * 1000)
            assert status(run).state == "stopped" and processes(run) == []
            tab.get_by_role("button", name="Resume").click()
            expect(tab.get_by_role("button", name="Stop and save")).to_be_visible()
            wait_for(lambda: status(run).state == "running" and status(run).pid != pid, "the resumption")
            tab.get_by_role("button", name="Kill…").click()
            tab.get_by_role("button", name="Kill it now").click()
            expect(tab.get_by_text(re.compile("kill was requested|killed on request")).first).to_be_visible()
            assert status(run).state == "killed" and processes(run) == []
            expect(tab.get_by_test_id("stException")).to_have_count(0)
