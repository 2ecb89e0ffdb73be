from __future__ import annotations

import json
from pathlib import Path

import pytest

from train.metrics_log import METRICS, append_metrics, flush_metrics, rewind_metrics

ROWS = [
    {"kind": "step", "epoch": 1, "step": 5},
    {"kind": "step", "epoch": 1, "step": 8},
    {"kind": "epoch", "epoch": 1, "step": 8},
    {"kind": "firing", "epoch": 1, "step": 8},
    {"kind": "step", "epoch": 2, "step": 13},
    {"kind": "step", "epoch": 2, "step": 16},
    {"kind": "epoch", "epoch": 2, "step": 16},
]


def test_a_run_without_lines_is_left_alone(tmp_path: Path) -> None:
    rewind_metrics(tmp_path, 3, 10)
    flush_metrics(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("epochs", "steps", "kept"),
    [
        (0, 0, 0),
        (0, 4, 0),
        (0, 6, 1),
        (0, 8, 2),
        (1, 8, 4),
        (1, 12, 4),
        (1, 13, 5),
        (1, 16, 6),
        (2, 16, 7),
    ],
)
def test_lines_after_the_state_are_dropped(tmp_path: Path, epochs: int, steps: int, kept: int) -> None:
    """Steps before the state; the validation of an epoch only where the state is after it."""
    for row in ROWS:
        append_metrics(tmp_path, row)
    flush_metrics(tmp_path)
    with open(tmp_path / METRICS, "a") as file:
        file.write('{"kind": "st')
    rewind_metrics(tmp_path, epochs, steps)
    lines = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    assert all(line.pop("time") > 0 for line in lines) and lines == ROWS[:kept]


@pytest.mark.parametrize(
    "damage",
    [
        b'{"kind": "st\xff',
        b"\xff\xfe",
        b"[" * 100_000,
        b"[" * 50_000 + b"]" * 50_000,
        b"null",
        b"7",
    ],
)
def test_a_damaged_line_costs_itself_alone(tmp_path: Path, damage: bytes) -> None:
    for row in ROWS[:3]:
        append_metrics(tmp_path, row)
    with open(tmp_path / METRICS, "ab") as file:
        file.write(damage + b"\n")
    for row in ROWS[3:]:
        append_metrics(tmp_path, row)
    rewind_metrics(tmp_path, 2, 16)
    lines = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    assert all(line.pop("time") > 0 for line in lines) and lines == ROWS
