"""Cards and exported checkpoints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny
import torch

from snnpar.card import export_run, run_card, training_hours
from snnpar.checkpoint import load_model, read_checkpoint, save_weights
from snnpar.config import TrainConfig
from snnpar.runs import Run, RunError, create_run

ROWS = [
    {"kind": "step", "epoch": 1, "time": 100.0},
    {"kind": "step", "epoch": 1, "time": 1900.0},
    {"kind": "epoch", "epoch": 1, "best": True, "mean_accuracy": 0.7, "accuracy": 0.6, "precision": 0.5,
     "recall": 0.4, "f1": 0.3, "time": 2000.0},
    {"kind": "step", "epoch": 2, "time": 90_000.0},  # resumed a day later
    {"kind": "step", "epoch": 2, "time": 91_800.0},
    {"kind": "epoch", "epoch": 2, "best": False, "mean_accuracy": 0.6, "accuracy": 0.6, "precision": 0.5,
     "recall": 0.4, "f1": 0.3, "time": 92_000.0},
]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    config = TrainConfig(model="spikingformer_1_64", dataset="mixed", data=str(tmp_path / "private" / "pa100k"),
                         teacher=str(tmp_path / "private" / "a-teacher"), logit_kd=True, seed=7)
    run = create_run(config, tmp_path / "run")
    save_weights(tiny.lively(read_checkpoint(run.path).model), run.path / "model.safetensors")
    (run.path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return run


def test_pauses_are_not_training_time(run: Run) -> None:
    assert training_hours(run) == pytest.approx(1.0)


def test_the_card_tells_what_was_done(run: Run) -> None:
    card = run_card(run, "my-student")
    assert "# my-student" in card and "CC BY 4.0" in card and "rendered" in card
    assert "--data pa100k --teacher a-teacher" in card and "--seed 7" in card and "1.00 h" in card
    assert "Best of 2 epochs" in card and "(epoch 1;" in card
    assert "| 70.00 | 60.00 | 50.00 | 40.00 | 30.00 |" in card


def test_an_export_loads_and_tells_no_path(run: Run, tmp_path: Path) -> None:
    export_run(run, tmp_path / "shared" / "my-student")
    exported = read_checkpoint(tmp_path / "shared" / "my-student")
    before, after = load_model(read_checkpoint(run.path)).state_dict(), load_model(exported).state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert sorted(path.name for path in exported.path.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    for path in (exported.path / "README.md", exported.path / "config.json"):
        assert str(tmp_path) not in path.read_text("utf-8")


def test_an_export_overwrites_nothing_and_needs_weights(run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="exists"):
        export_run(run, tmp_path)
    (run.path / "model.safetensors").unlink()
    with pytest.raises(RunError, match="has no model.safetensors yet"):
        export_run(run, tmp_path / "new")
    assert not (tmp_path / "new").exists()
