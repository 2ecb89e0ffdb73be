"""Whether two runs of training are the same, bit for bit."""

from __future__ import annotations

import json

import torch
from safetensors.torch import load_file

from snnpar.runs.run import Run
from train.metrics_log import METRICS
from train.state import read_progress, saved_states

CLOCK = ("time", "images_per_s", "eta_s", "memory_gb")  # what of a line is not the training's result


def lines(run: Run) -> list[dict]:
    rows = [json.loads(line) for line in (run.path / METRICS).read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in CLOCK} for row in rows]


def assert_same(run: Run, whole: Run) -> None:
    """Bit for bit: every line of metrics, the kept weights, and everything in the last state."""
    assert lines(run) == lines(whole)
    last, expected = saved_states(run.path)[0], saved_states(whole.path)[0]
    assert last.name == expected.name
    progress = read_progress(last)
    assert progress is not None and progress == read_progress(expected)
    pairs = [(path, expected / path.name) for path in last.glob("*.safetensors")]
    for one, other in [*pairs, *((r.path / "model.safetensors" for r in (run, whole)),)]:
        first, second = load_file(one), load_file(other)
        assert first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first), one
