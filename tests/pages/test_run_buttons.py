"""What can be done with a run on the Train page, by its state."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from made_runs import make_run
from screen import said

from snnpar.runs.jobs import write_status


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list:
    """What the buttons ask for, instead of doing it."""
    calls: list = []
    for name in ("stop", "kill", "launch", "delete_run"):
        monkeypatch.setattr(
            f"pages.ui.train.run_controls.{name}",
            lambda run, name=name, **options: calls.append((name, run.name, options)),
        )
    return calls


BUTTONS = {
    "created": {"Start", "Delete…"},
    "queued": {"Leave the queue"},
    "running": {"Stop and save", "Kill…"},
    "stalled": {"Stop and save", "Kill…"},
    "stopping": {"Stop and save", "Kill…"},
    "stopped": {"Resume", "Delete…"},
    "killed": {"Resume", "Delete…"},
    "lost": {"Resume", "Delete…"},
    "failed": {"Resume", "Delete…"},
    "done": {"Delete…"},
}


@pytest.mark.parametrize("name", BUTTONS)
def test_each_state_has_its_buttons(view, tmp_path: Path, state: Callable, name: str) -> None:
    make_run(tmp_path, "a")
    state(name, "the message")
    test = view(tmp_path)
    every = set().union(*BUTTONS.values())
    assert {button.label for button in test.button} & every == BUTTONS[name]
    assert "the message" in said(test.markdown)


@pytest.mark.parametrize(
    ("name", "key", "call"),
    [
        ("running", "stop", ("stop", "a", {})),
        ("running", "kill", ("kill", "a", {})),
        ("queued", "stop", ("stop", "a", {})),
        ("done", "delete", ("delete_run", "a", {})),
    ],
)
def test_a_button_does_what_it_says(
    view, tmp_path: Path, state: Callable, asked: list, name: str, key: str, call: tuple
) -> None:
    make_run(tmp_path, "a")
    state(name)
    test = view(tmp_path)
    if key in ("kill", "delete"):
        test.button(key=f"ask_{key}").click().run()
        assert not asked
    test.button(key=key).click().run()
    assert asked == [call] and not test.exception


def test_a_question_can_be_answered_with_no(view, tmp_path: Path, state: Callable, asked: list) -> None:
    make_run(tmp_path, "a")
    state("running")
    test = view(tmp_path)
    test.button(key="ask_kill").click().run().run()  # and it outlives the page's polling
    test.button(key="keep_kill").click().run()
    assert not asked and "kill" not in [button.key for button in test.button]


def test_resume_goes_on_from_the_saved_state(view, tmp_path: Path, state: Callable, asked: list) -> None:
    make_run(tmp_path, "a")
    state("killed")
    test = view(tmp_path)
    next(button for button in test.button if button.label == "Resume").click().run()
    assert asked == [("launch", "a", {"resume": True})]


def test_a_run_out_of_sight_is_taken_over_after_a_question(view, tmp_path: Path, asked: list) -> None:
    run = make_run(tmp_path, "a")
    write_status(run, state="running", boot="other", host="node7")
    for path in run.path.iterdir():
        if path.is_file():
            os.utime(path, (1.0, 1.0))
    path = run.path / "status.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"written": 1.0}))
    test = view(tmp_path)
    test.button(key="ask_resume").click().run()
    assert not asked and "node7" in said(test.warning)
    test.button(key="resume").click().run()
    assert asked == [("launch", "a", {"resume": True})] and not test.exception
