"""The Train page: its form is TrainConfig, its command is the run's, and every run is shown."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest
from screen import said
from tiny import STUDENT, write_checkpoint

from snnpar.config import TrainConfig, setting_fields
from snnpar.config.recipes import to_arguments
from snnpar.models import unnamed
from snnpar.runs.jobs import write_status
from snnpar.runs.run import create_run, list_runs


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list:
    """Runs the page starts, instead of starting them."""
    runs: list = []
    monkeypatch.setattr("pages.ui.train.starting.launch", lambda run, resume=False: runs.append(run))
    return runs


def write_run(root: Path, state: str, *, steps: int = 3) -> Path:
    """A run with curves and weights, as training leaves it."""
    run = create_run(TrainConfig.of(model="spikingformer_1_64", epochs=2), root / "runs" / f"20260101-{state}")
    train = json.loads((run.path / "config.json").read_text("utf-8"))["train"]
    write_checkpoint(run.path, STUDENT)
    config = json.loads((run.path / "config.json").read_text("utf-8"))
    (run.path / "config.json").write_text(json.dumps(config | {"train": train}), "utf-8")
    lines = [
        {
            "kind": "step",
            "epoch": 1,
            "step": i + 1,
            "steps": 6,
            "ce": 1.0 / (i + 1),
            "loss": 1.0 / (i + 1),
            "lr": 1e-3,
            "images_per_s": 40.0,
            "eta_s": 90,
        }
        for i in range(steps)
    ]
    lines.append(
        {
            "kind": "epoch",
            "epoch": 1,
            "best": True,
            "mean_accuracy": 0.6,
            "accuracy": 0.5,
            "precision": 0.7,
            "recall": 0.6,
            "f1": 0.65,
        }
    )
    (run.path / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", "utf-8")
    (run.path / "log.txt").write_text("the log\n", "utf-8")
    write_status(run, state=state, message="because")
    return run.path


def test_the_form_has_every_setting(app, pair: Path) -> None:
    test = app(pair, "train")
    keys = {
        element.key
        for element in (*test.segmented_control, *test.selectbox, *test.text_input, *test.number_input, *test.toggle)
    }
    assert {f"set_{spec.name}" for spec in setting_fields() if spec.name != "task"} <= keys  # there is one task


def test_it_starts_as_the_command_without_flags(app, pair: Path) -> None:
    test = app(pair, "train")
    assert not test.error and test.code[0].value == "python -m train"
    assert test.selectbox(key="set_teacher").disabled and not test.button(key="start").disabled


def test_the_teacher_of_the_bar_is_at_hand_once_something_is_distilled(app, pair: Path) -> None:
    test = app(pair, "train")
    test.toggle(key="set_logit_kd").set_value(True).run()
    assert test.code[0].value == f"python -m train --teacher {pair / 'tiny-teacher'} --logit-kd"
    test.toggle(key="set_feature_kd").set_value(True).run()
    assert "pick models of equal widths" in said(test.caption) and test.button(key="start").disabled


def test_real_data_brings_the_recipe_for_it_and_back(app, pair: Path) -> None:
    test = app(pair, "train")
    test.selectbox(key="set_dataset").set_value("csv").run()
    assert test.selectbox(key="set_recipe").value == "default" and test.number_input(key="set_epochs").value == 20
    test.selectbox(key="set_dataset").set_value("rendered").run()
    assert test.selectbox(key="set_recipe").value == "first-run" and test.code[0].value == "python -m train"
    test.selectbox(key="set_dataset").set_value("csv").run()
    test.button(key="form_undo").click().run()
    assert test.selectbox(key="set_recipe").value == "first-run", "what was picked by hand stays"
    assert test.number_input(key="set_epochs").value == 5


def test_the_command_shown_is_that_of_the_run(app, pair: Path, tmp_path: Path, launched: list) -> None:
    shutil.copytree(pair, tmp_path, dirs_exist_ok=True)
    test = app(tmp_path, "train")
    test.number_input(key="set_epochs").set_value(7)
    test.number_input(key="set_seed").set_value(5)
    test.toggle(key="set_prior_bias").set_value(False).run()
    shown = test.code[0].value
    test.button(key="start").click().run()
    assert not test.exception
    (run,) = launched
    assert shlex.split(shown) == ["python", "-m", "train", *to_arguments(run.config)]
    assert (run.config.optimisation.epochs, run.config.optimisation.seed, run.config.model.prior_bias) == (7, 5, False)
    assert [one.path for one in list_runs(tmp_path / "runs")] == [run.path]
    assert test.selectbox(key="run").value == run.name


def test_a_setting_out_of_sight_keeps_its_value(app, pair: Path) -> None:
    test = app(pair, "train")
    test.number_input(key="set_seed").set_value(9).run()
    test.text_input(key="set_search").set_value("learning rate").run()
    assert not any(one.key == "set_seed" for one in test.number_input)
    assert "--seed 9" in test.code[0].value
    test.text_input(key="set_search").set_value("zebra").run()
    assert "zebra" in said(test.caption)


def test_a_teacher_is_trained_without_distillation(app, pair: Path) -> None:
    test = app(pair, "train")
    test.segmented_control(key="set_role").set_value("teacher").run()
    assert not test.error and "kd" not in test.code[0].value
    assert test.toggle(key="set_feature_kd").disabled and "only a student" in test.toggle(key="set_feature_kd").help


def test_missing_data_folder_is_a_sentence(app, pair: Path) -> None:
    test = app(pair, "train")
    test.selectbox(key="set_dataset").set_value("pa100k").run()
    assert "needs --data" in said(test.caption) and test.button(key="start").disabled and not test.exception
    assert "needs --data" in test.button(key="start").help


def test_without_runs_it_says_what_to_do(app, pair: Path) -> None:
    assert "No run of yours yet" in said(app(pair, "train").info)


@pytest.mark.parametrize("state", ["done", "stopped", "failed", "lost", "created"])
def test_a_run_shows_its_state_and_what_can_be_done(app, tmp_path: Path, state: str) -> None:
    write_run(tmp_path, state)
    test = app(tmp_path, "train")
    labels = {button.label for button in test.button}
    assert ("Resume" in labels) == (state in ("stopped", "failed", "lost"))
    assert "Stop" not in labels and "Use as student" in labels
    assert "because" in said(test.markdown) and "mA 60.0, F1 65.0" in said(test.markdown)
    assert "the log" in said(test.code)


def test_a_finished_run_becomes_the_student(app, pair: Path, tmp_path: Path) -> None:
    shutil.copytree(pair, tmp_path, dirs_exist_ok=True)
    path = write_run(tmp_path, "done")
    test = app(tmp_path, "train")
    assert f"runs/{path.name}" in test.selectbox(key="student").options
    next(button for button in test.button if button.label == "Use as student").click().run()
    assert not test.exception
    assert test.session_state["selection"].checkpoints["student"].path == path
    assert "Comparison" in said(test.header)


def test_a_run_with_a_broken_config_is_told(app, tmp_path: Path) -> None:
    path = write_run(tmp_path, "done")
    (path / "config.json").write_text("{", "utf-8")
    test = app(tmp_path, "train")
    assert "config.json" in said(test.error) and not test.exception


def test_the_states_of_all_runs_are_counted(app, tmp_path: Path) -> None:
    """The list itself holds names only: a browser keeps an option's old words when only they change."""
    for state in ("done", "done", "stopped"):
        write_status(create_run(TrainConfig.of(model="spikingformer_1_64"), root=tmp_path / "runs"), state=state)
    test = app(tmp_path, "train")
    assert set(test.selectbox(key="run").options) == {run.name for run in list_runs(tmp_path / "runs")}
    assert "2 ✓ done" in said(test.caption) and "1 ■ stopped" in said(test.caption)


@pytest.mark.parametrize("public", [False, True])
def test_a_shipped_run_is_there_to_look_at(
    app, pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, public: bool
) -> None:
    """Where the shipped checkpoints are; beside runs of one's own, which a public server does not show."""
    shutil.copytree(pair / "tiny-student", tmp_path / unnamed("student"))
    write_run(tmp_path, "done")
    if public:
        monkeypatch.setenv("SNNPAR_PUBLIC", "1")
    test = app(tmp_path, "train", run="first-run")
    assert test.selectbox(key="run").value == "first-run"
    assert test.selectbox(key="run").options == (["first-run"] if public else ["20260101-done", "first-run"])
    assert "it has no weights" in said(test.caption) and "It learned" in said(
        [*test.success, *test.markdown, *test.info]
    )
    labels = {button.label for button in test.button}
    labels |= {area.label for area in test.text_area}
    assert not labels & {"Use as student", "Resume", "Delete…", "Note"}
