"""What is written is read back by TensorBoard's own reader, also after a run was interrupted and resumed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from train.events import EVENTS, add_row, open_events, scalars

FIRING = {
    "kind": "firing",
    "epoch": 1,
    "step": 4,
    "rates": {"block.0.mlp.mlp1_lif": 0.25},
    "dead": {"block.0.mlp.mlp1_lif": 0.5},
    "saturated": {"block.0.mlp.mlp1_lif": 0.125},
    "neurons": {"block.0.mlp.mlp1_lif": 8},
}


def step_row(step: int, ce: float) -> dict:
    return {
        "kind": "step",
        "epoch": 1,
        "step": step,
        "steps": 9,
        "ce": ce,
        "logit": 0.5,
        "loss": ce + 0.5,
        "lr": 1e-3,
        "grad_norm": 2.0,
        "images_per_s": 7.5,
        "eta_s": 60,
        "memory_gb": 0.5,
        "time": 1000.0 + step,
    }


def read(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by tag, as TensorBoard would show them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / EVENTS)).Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_rows_come_back_under_their_tags(tmp_path: Path) -> None:
    writer = open_events(tmp_path, 1)
    for row in (
        step_row(1, 2.5),
        step_row(4, 1.5),
        FIRING,
        {"kind": "epoch", "epoch": 1, "step": 4, "best": True, "mean_accuracy": 0.75, "f1": 0.5, "time": 9.0},
    ):
        add_row(writer, row)
    writer.close()
    found = read(tmp_path)
    layer = "firing/block.0.mlp.mlp1_lif"
    assert found == {
        "loss/ce": [(1, 2.5), (4, 1.5)],
        "loss/logit": [(1, 0.5), (4, 0.5)],
        "loss/loss": [(1, 3.0), (4, 2.0)],
        "lr": [(1, pytest.approx(1e-3)), (4, pytest.approx(1e-3))],
        "grad_norm": [(1, 2.0), (4, 2.0)],
        "cost/images_per_s": [(1, 7.5), (4, 7.5)],
        "cost/eta_s": [(1, 60.0), (4, 60.0)],
        "cost/memory_gb": [(1, 0.5), (4, 0.5)],
        "val/mean_accuracy": [(4, 0.75)],
        "val/f1": [(4, 0.5)],
        f"{layer}/rate": [(4, 0.25)],
        f"{layer}/dead": [(4, 0.5)],
        f"{layer}/saturated": [(4, 0.125)],
    }


def test_a_resumed_run_has_no_step_twice(tmp_path: Path) -> None:
    """Killed after step 5 with the state of step 3: steps 4 and 5 come again, with other values to tell them apart."""
    writer = open_events(tmp_path, 1)
    for step in range(1, 6):
        add_row(writer, step_row(step, float(step)))
    writer.flush()  # and never closed
    writer = open_events(tmp_path, 4)
    for step in range(4, 8):
        add_row(writer, step_row(step, 10.0 + step))
    writer.close()
    assert read(tmp_path)["loss/ce"] == [(1, 1), (2, 2), (3, 3), (4, 14), (5, 15), (6, 16), (7, 17)]


def test_an_unknown_line_is_told() -> None:
    with pytest.raises(ValueError, match="no line of metrics.jsonl is of kind 'x'; there are step, epoch, firing"):
        scalars({"kind": "x"})


def test_tensorboard_is_imported_late() -> None:
    """It costs a second; only a run that trains pays it."""
    code = "import sys, train.events; sys.exit('tensorboard' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0
