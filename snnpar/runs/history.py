"""What a run wrote into metrics.jsonl, read as it grows, and made small and smooth enough to draw.

One JSON object a line, with its kind: "step" (a logged step), "epoch" (a validation; epoch 0 is before the first
step), "firing" (neurons on the pinned images). Logged steps become columns of numbers, so that 100,000 of them take
little memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from snnpar.runs.jobs import Job

METRICS = "metrics.jsonl"
POINTS = 1000  # of one drawn line; more than a screen has pixels for


@dataclass(frozen=True, eq=False)
class History:
    """A metrics.jsonl up to its last whole line.

    steps: float64 columns of one length, NaN where a line lacks the number. epochs and firing: those lines as they are.
    """

    steps: Mapping[str, np.ndarray] = field(default_factory=dict)
    epochs: tuple[dict, ...] = ()
    firing: tuple[dict, ...] = ()
    inode: int = 0  # a resumed run rewinds its metrics into a new file
    size: int = 0  # bytes read

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.steps.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of steps must be of one length; got {lengths}")

    def __len__(self) -> int:
        """Logged steps."""
        return len(next(iter(self.steps.values()), ()))

    @property
    def last(self) -> dict[str, float]:
        """The numbers of the last logged step; {} before the first."""
        return {name: float(column[-1]) for name, column in self.steps.items() if np.isfinite(column[-1])}


def read_history(run: Path, before: History | None = None) -> History:
    """The history of a run's folder; given the one read before, only what was added since is read.

    `before` itself if nothing was. Lines that are no JSON objects, such as one cut by a kill, are left out.
    """
    before = before or History()
    try:
        with open(run / METRICS, "rb") as file:
            found = os.fstat(file.fileno())
            if found.st_ino != before.inode or found.st_size < before.size:
                before = History(inode=found.st_ino)
            file.seek(before.size)
            added = file.read()
    except FileNotFoundError:
        return before if not before.size else History()
    whole = added.rfind(b"\n") + 1  # the last line may be half-written
    if not whole:
        return before
    rows = _rows(added[:whole])
    return History(
        _appended(before.steps, len(before), rows.get("step", [])),
        before.epochs + tuple(rows.get("epoch", ())),
        before.firing + tuple(rows.get("firing", ())),
        before.inode,
        before.size + whole,
    )


def best_epoch(rows: Sequence[Mapping]) -> Mapping | None:
    """The validation whose weights a run keeps: the last one marked best; None before there is one.

    Of rows without marks (earlier versions wrote none), the one of the highest mA + F1.
    """
    if any("best" in row for row in rows):
        return next((row for row in reversed(rows) if row.get("best")), None)
    return max(rows, key=lambda row: row["mean_accuracy"] + row["f1"], default=None)


def place_words(place: Mapping) -> str:
    """How far a run is, the same everywhere: epoch 3 of 20, step 120 of 900.

    Step k is the k-th update of the weights in all epochs, epoch e the pass over the images that it belongs to, both
    from 1; 0 is before the first update.
    """
    if not place.get("step"):
        return "before the first step"
    return ", ".join(
        f"{one} {place[one]:,.0f}" + (f" of {place[f'{one}s']:,.0f}" if place.get(f"{one}s") else "")
        for one in ("epoch", "step")
        if place.get(one)
    )


def how_far(history: History, progress: Mapping, epochs: int | None) -> dict[str, int | None]:
    """epoch, epochs, step and steps of a run, from its last logged step or what its process said since; None: unknown.

    progress: the content of progress.json.
    """
    logged = history.last
    told = progress if progress.get("steps") and progress.get("step", 0) >= logged.get("step", 0) else logged
    place = {"epochs": epochs, **told}
    return {
        name: int(place[name]) if isinstance(place.get(name), int | float) else None
        for name in ("epoch", "epochs", "step", "steps")
    }


def seconds_at_work(history: History, batch_size: int, epochs: int) -> float | None:
    """Seconds of training and validation up to now, pauses left out; None when no speed is logged.

    Of each epoch: its steps at its last logged speed (images/s, the mean since the epoch began), and the time from
    its last logged step to its validation.
    """
    if not {"images_per_s", "steps", "time"} <= history.steps.keys():
        return None
    step, epoch, speed = (history.steps[name] for name in ("step", "epoch", "images_per_s"))
    last = np.append(np.flatnonzero(np.diff(epoch)), len(epoch) - 1)  # the last logged step of each epoch
    per_epoch = history.steps["steps"][last] / epochs
    training = (step[last] - (epoch[last] - 1) * per_epoch) * batch_size / speed[last]
    ended = {row["epoch"]: row["time"] for row in history.epochs if "time" in row}
    logged = dict(zip(epoch[last].astype(int).tolist(), history.steps["time"][last].tolist(), strict=True))
    validation = [max(0.0, ended[one] - time) for one, time in logged.items() if one in ended]
    return float(np.nansum(training) + np.nansum(validation))


def read_metrics(run: Job, kind: str = "epoch") -> list[dict]:
    """The lines of one kind ('epoch', 'step' or 'firing') in a run's metrics.jsonl; a half-written one is left out."""
    path = run.path / METRICS
    return _rows(path.read_bytes()).get(kind, []) if path.exists() else []


def start_of(epochs: Iterable[dict]) -> dict | None:
    """The validation of step 0, before the first update; None in a run of an earlier version."""
    return next((row for row in epochs if not row["epoch"]), None)


def downsample(values: np.ndarray, points: int = POINTS) -> np.ndarray:
    """Indices (at most `points`, ascending) of a line's values worth drawing.

    The first, the last, and the lowest and highest of each window: no spike is lost. What is not finite is never
    chosen in a window that has numbers.
    """
    count = len(values)
    if points < 4:
        raise ValueError(f"points must be at least 4; got {points}")
    if count <= points:
        return np.arange(count)
    width = -(-count // ((points - 2) // 2))
    filled = np.full((-(-count // width), width), np.inf)
    starts = np.arange(len(filled)) * width
    finite = np.isfinite(values)
    chosen = [np.array([0, count - 1])]
    for sign in (1, -1):
        filled.ravel()[:count] = np.where(finite, sign * values, np.inf)
        chosen.append(starts + filled.argmin(1))
    return np.unique(np.concatenate(chosen))


def smooth(values: np.ndarray, weight: float) -> np.ndarray:
    """Exponential moving average, debiased: s[n] = sum of (1-w) w^(n-i) x[i] / (1 - w^(n+1)); weight 0 changes nothing.

    Values that are not finite stay as they are and do not count. Raises ValueError unless 0 <= weight < 1.
    """
    from scipy.signal import lfilter

    if not 0 <= weight < 1:
        raise ValueError(f"weight must be at least 0 and below 1; got {weight}")
    smoothed, finite = np.array(values, float), np.isfinite(values)
    known = smoothed[finite]
    if weight and len(known):
        total = 1 - weight ** np.arange(1, len(known) + 1)
        smoothed[finite] = lfilter([1 - weight], [1, -weight], known) / total
    return smoothed


def config_diff(configs: Mapping[str, Mapping]) -> dict[str, dict[str, Any]]:
    """The fields in which configs, by name of their run, differ: {field: {run: value}}; None where one lacks it."""
    fields = dict.fromkeys(name for config in configs.values() for name in config)
    told = {name: {run: config.get(name) for run, config in configs.items()} for name in fields}
    return {name: values for name, values in told.items() if len({repr(value) for value in values.values()}) > 1}


def _rows(text: bytes) -> dict[str, list[dict]]:
    """The lines by kind."""
    found: dict[str, list[dict]] = {}
    for line in text.split(b"\n"):
        try:
            row = json.loads(line)
            found.setdefault(row["kind"], []).append(row)
        except (ValueError, LookupError, TypeError, RecursionError):
            continue
    return found


def _appended(steps: Mapping[str, np.ndarray], count: int, rows: list[dict]) -> Mapping[str, np.ndarray]:
    """The columns with more rows below them."""
    if not rows:
        return steps
    names = dict.fromkeys([*steps, *(name for row in rows for name in row if name != "kind")])
    missing = np.full(count, np.nan)
    return {
        name: np.concatenate([steps.get(name, missing), _column([row.get(name) for row in rows])]) for name in names
    }


def _column(values: list) -> np.ndarray:
    try:
        return np.array(values, float)  # None becomes NaN
    except (TypeError, ValueError):
        return np.array([value if isinstance(value, int | float) else np.nan for value in values], float)
