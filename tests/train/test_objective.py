"""A task is one registry entry: another one goes through settings, flags, runs, training and resume."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import toy_task

from snnpar.checkpoint import read_checkpoint
from snnpar.config import TASKS, ConfigError, TrainConfig, setting_fields
from snnpar.flags import parse_command
from snnpar.history import read_metrics
from snnpar.jobs import status
from snnpar.recipes import to_arguments
from snnpar.resuming import check_resume
from snnpar.runs import create_run
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
