"""metrics.jsonl: what a run learned, one JSON line per epoch and per logged step."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from snnpar.core.atomic import write_text

METRICS = "metrics.jsonl"


def append_metrics(run: Path, row: dict) -> None:
    """Add one line; it has kind, epoch (from 1) and step (steps done in all epochs)."""
    with open(run / METRICS, "a", encoding="utf-8") as file:
        file.write(json.dumps({**row, "time": round(time.time(), 3)}) + "\n")


def flush_metrics(run: Path) -> None:
    """Have the lines on the disk, so that no power cut takes one that a saved state counts on."""
    if (run / METRICS).exists():
        with open(run / METRICS, "a", encoding="utf-8") as file:
            os.fsync(file.fileno())


def rewind_metrics(run: Path, epochs: int, steps: int) -> None:
    """Keep the lines of the first `epochs` epochs and `steps` steps; a resumed run writes the others anew."""
    if not (run / METRICS).exists():
        return
    kept = []
    for line in (run / METRICS).read_text("utf-8", "replace").split("\n"):  # a damaged byte costs its line at most
        try:
            row = json.loads(line)
            if row["step"] <= steps and (row["kind"] == "step" or row["epoch"] <= epochs):
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # half-written when the process ended
    write_text(run / METRICS, "".join(kept))
