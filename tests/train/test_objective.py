"""A task is one registry entry: another one goes through settings, flags, runs, training and resume."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import make_dataclass, replace
from pathlib import Path

import pytest
import toy_task

from snnpar import ROOT
from snnpar.checkpoint import read_checkpoint
from snnpar.config import TASKS, ConfigError, TrainConfig, fields_of, setting, setting_fields
from snnpar.config.flags import parse_command
from snnpar.config.recipes import to_arguments
from snnpar.runs.history import read_metrics
from snnpar.runs.jobs import status
from snnpar.runs.resuming import check_resume
from snnpar.runs.run import create_run
from train import loop
from train.session import objective_of


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> TrainConfig:
    monkeypatch.setitem(TASKS, "light", toy_task.TASK)
    return TrainConfig.of(task="light", scale=2.0, epochs=2, batch_size=4, rendered_count=16, threads=1, lr=2e-3)


def test_its_own_settings_are_a_group_with_flags(light: TrainConfig) -> None:
    assert light.task == toy_task.LightSettings(scale=2.0) and objective_of(light) is toy_task.OBJECTIVE
    assert light.settings()["task"] == "light" and light.to_dict()["task"] == {"name": "light", "scale": 2.0}
    assert TrainConfig.from_dict(json.loads(json.dumps(light.to_dict()))) == light
    assert parse_command(" ".join(["python", "-m", "train", *to_arguments(light)])) == light
    assert "scale" not in {spec.name for spec in setting_fields("attributes")}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"task": "light", "ce_weight": 1.0}, "task light has no ce_weight"),
        ({"scale": 2.0}, "task attributes has no scale"),
        ({"task": "light", "scale": 11.0}, "scale must be between 0.0 and 10.0"),
        ({"task": "light", "dataset": "pa100k", "data": "/d"}, "task light trains on rendered; dataset 'pa100k' is of"),
        ({"task": "light", "role": "teacher"}, "task light trains no teacher; it has student"),
        ({"task": "boxes"}, "task must be one of attributes, light; got 'boxes'"),
        ({"task": None}, "task must be one of attributes, light; got None"),
    ],
)
def test_what_does_not_belong_to_a_task_is_told(light: TrainConfig, settings: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig.of(**settings)


def test_it_trains_in_the_same_runs(light: TrainConfig, tmp_path: Path) -> None:
    run = create_run(light, tmp_path / "run")
    assert read_checkpoint(run.path).schema.attributes == ("Light",) and run.config == light
    loop.train(run)
    rows = [row for row in read_metrics(run) if row["kind"] == "epoch"]
    assert [row["epoch"] for row in rows] == [1, 2] and all(row["light_images"] == 1 for row in rows)
    best = min(row["error"] for row in rows)
    assert (status(run).state, status(run).message) == ("done", f"error {best:.2f}")
    lines = map(json.loads, (run.path / "metrics.jsonl").read_text().splitlines())
    steps = [row for row in lines if row["kind"] == "step"]
    assert steps and all(row["loss"] == pytest.approx(row["light"]) for row in steps)
    assert f"Best on the validation split: error {best:.4g}." in (run.path / "README.md").read_text()
    check_resume(run)


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_whole(name: str) -> None:
    """Its settings have names of their own among all, and its places are there."""
    task = TASKS[name]
    assert task.settings().name == name
    names = [spec.name for spec in setting_fields()]
    assert len(names) == len(set(names))
    assert objective_of(TrainConfig.of(task=name)).read and set(task.models) <= {"student", "teacher"}


def test_settings_that_cannot_be_are_refused_where_they_are_declared() -> None:
    with pytest.raises(TypeError, match="its minimum and its maximum"):
        setting(1.0, "half bounded", minimum=0.0)
    with pytest.raises(TypeError, match="choices are words"):
        setting(1, "numbers", choices=(1, 2))
    with pytest.raises(TypeError, match="setting odd must be a str, int, float or bool"):
        fields_of(make_dataclass("Odd", [("odd", str | None, setting("", "odd"))], namespace={"name": "odd"}), "task")


def test_a_name_that_is_taken_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    own = make_dataclass("Own", [("name", str, "own"), ("lr", float, setting(1.0, "x", minimum=0.0, maximum=2.0))])
    monkeypatch.setitem(TASKS, "own", replace(toy_task.TASK, settings=own))
    with pytest.raises(ConfigError, match="two settings are called lr"):
        setting_fields()


def test_two_tasks_may_have_fields_of_one_name(light: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    scale = setting(3.0, "another scale", name="dark_scale", minimum=0.0, maximum=10.0)
    dark = make_dataclass("Dark", [("name", str, "dark"), ("scale", float, scale)], frozen=True)
    monkeypatch.setitem(TASKS, "dark", replace(toy_task.TASK, settings=dark))
    assert light.settings()["scale"] == 2.0 and TrainConfig.of(task="dark", dark_scale=5.0).task.scale == 5.0


def test_a_task_has_datasets_of_its_own(light: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    mined = make_dataclass("Mined", [("name", str, "mined")], frozen=True)
    monkeypatch.setitem(TASKS, "mined", replace(toy_task.TASK, settings=mined, datasets=("mine",)))
    config = TrainConfig.of(task="mined", data="/d")
    assert config.data.dataset == "mine" and parse_command("python -m train --task mined --data /d") == config


def test_a_place_that_is_not_there_is_told(light: TrainConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for place in ("nowhere:OBJECTIVE", ".attributes:NOTHING", "", "toy_task"):
        monkeypatch.setitem(TASKS, "light", replace(toy_task.TASK, training=place))
        with pytest.raises(ConfigError, match="task light has no objective at"):
            objective_of(light)


@pytest.mark.parametrize("group", ["task", "optimisation", "data"])
@pytest.mark.parametrize("value", [None, [], 3, {}])
def test_what_is_no_group_is_refused(group: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"{group} must be a group of settings"):
        TrainConfig(**{group: value})


@pytest.mark.slow
def test_every_command_knows_a_task_of_others(tmp_path: Path) -> None:
    """A module that SNNPAR_MODELS names registers it; trained, as a stranger does, from the command line."""
    (tmp_path / "mine.py").write_text(
        "import toy_task\nfrom snnpar.config import TASKS\nTASKS['light'] = toy_task.TASK\n"
    )
    paths = os.pathsep.join((str(tmp_path), str(ROOT), str(ROOT / "tests")))
    environment = os.environ | {"PYTHONPATH": paths, "SNNPAR_MODELS": "mine", "SNNPAR_CHECKPOINTS": str(tmp_path)}
    flags = ["--task", "light", "--scale", "2", "--epochs", "1", "--batch-size", "4", "--rendered-count", "16"]
    command = [sys.executable, "-m", "train", *flags, "--threads", "1", "--out", str(tmp_path / "run")]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "done; error 0." in done.stderr, done.stderr
