"""Evaluations that the Evaluate page starts, by the very command it shows, and those under way."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from made_evaluations import FEW, ROLES
from screen import press, said

from snnpar.evaluation.evaluations import Evaluation, create_evaluation
from snnpar.evaluation.slices import DataChoice
from snnpar.runs.jobs import process_identity, write_status


def terminal(evaluations: list[Evaluation]) -> list[list[str]]:
    """What each job runs, as typed in a terminal of the same checkpoint root."""
    kept = []
    for one in evaluations:
        out = one.arguments.index("--out") if "--out" in one.arguments else None  # a throwaway root
        kept.append(["python", *one.arguments[:out]])
    return kept


def test_it_opens_with_one_button_that_runs_the_command_shown(app, root: Path, launched: list) -> None:
    test = app(root, "evaluate")
    assert "Nothing of this pair is evaluated yet" in said(test.info) and not test.dataframe
    shown = [line.split() for line in test.code[0].value.splitlines()]
    press(test, "Evaluate this pair on 500 rendered pedestrians")
    assert not test.exception and shown == terminal(launched)
    assert [one.checkpoint for one in launched] == [root / name for name in ROLES.values()]
    assert all(one.choice == DataChoice(rendered=500) for one in launched)


def test_the_form_gives_the_exact_command(app, root: Path, launched: list) -> None:
    test = app(root, "evaluate")
    test.number_input(key="choose_rendered").set_value(60).run()
    shown = [line.split() for line in test.code[-1].value.splitlines()]
    press(test, "Evaluate")
    assert shown == terminal(launched) and all(one.choice == DataChoice(rendered=60) for one in launched)


def test_data_that_cannot_be_opened_is_told_and_nothing_starts(app, root: Path, launched: list) -> None:
    test = app(root, "evaluate")
    test.text_input(key="choose_data").set_value(str(root / "nowhere")).run()
    press(test, "Evaluate")
    assert "no such folder" in said(test.error) and not launched and not test.exception


@pytest.mark.parametrize(("state", "button"), [("stopped", "Resume"), ("failed", "Resume"), ("created", "Start")])
def test_unfinished_evaluations_can_go_on(app, root: Path, launched: list, state: str, button: str) -> None:
    evaluation = create_evaluation(root / "tiny-student", FEW, root=root / "evaluations")
    (evaluation.path / "log.txt").write_text("the reason\n", "utf-8")
    write_status(evaluation, state=state, message="because")
    test = app(root, "evaluate")
    assert "because" in said(test.markdown)
    assert ("the reason" in said(test.code)) == (state == "failed")
    press(test, button)
    assert launched == [evaluation]


def test_a_running_evaluation_shows_how_far_it_is(app, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluation = create_evaluation(root / "tiny-student", FEW, root=root / "evaluations")
    write_status(evaluation, state="running", **process_identity(os.getpid()))
    progress = {"done": 10, "n": 40, "batch_size": 5, "seconds": 20.0}
    (evaluation.path / "progress.json").write_text(json.dumps(progress), "utf-8")
    asked = []
    monkeypatch.setattr("pages.ui.evaluate.evaluating.stop", asked.append)
    test = app(root, "evaluate")
    bar = next(element for element in test.get("progress"))
    assert bar.proto.value == 25 and "10 of 40 images, 5 at a time · about 0:01:00 left" in bar.proto.text
    press(test, "Stop")
    assert asked == [evaluation]
