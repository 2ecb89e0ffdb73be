"""How good a checkpoint is, as far as this machine knows: its run's best epoch, and its evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from snnpar.evaluations import EvaluationError, list_evaluations, revision
from snnpar.history import METRICS, read_metrics
from snnpar.metrics import FIVE, THRESHOLDS
from snnpar.runs import Run


@dataclass(frozen=True)
class Score:
    """The five metrics, fractions by the names of FIVE, on n images (None: not recorded) under one convention."""

    images: str
    split: str
    n: int | None
    convention: str
    values: dict[str, float]

    @property
    def threshold(self) -> float:
        return THRESHOLDS[self.convention]


def known_scores(folder: Path) -> list[Score]:
    """Of a checkpoint's folder: the validation of its best epoch if it is a run's, then its complete evaluations."""
    best = best_epoch(folder)
    found = []
    if best:
        found.append(Score(f"validation images of its training (epoch {best['epoch']}, the best)", "val",
                           best.get("val_images"), "published", {name: best[name] for name in FIVE}))
    return found + _evaluated(folder)


def best_epoch(folder: Path) -> dict | None:
    """The epoch whose weights a run keeps; None without one."""
    if not (folder / METRICS).is_file():
        return None
    return next((row for row in reversed(read_metrics(Run(folder))) if row.get("best")), None)


def _evaluated(folder: Path) -> list[Score]:
    """Both conventions of each evaluation of these very weights."""
    weights, found = None, []
    for evaluation in list_evaluations():
        if not evaluation.is_complete:
            continue
        try:
            info = evaluation.info()
            source, data = info["provenance"]["checkpoint"], info["provenance"]["data"]
            weights = weights or revision(folder)
            if source["sha256"] == weights:
                found += [Score(data["title"], data["split"] if data["data"] else "test", info["n"], name,
                                {one: info["metrics"][name][one]["value"] for one in FIVE}) for name in THRESHOLDS]
        except (EvaluationError, KeyError, TypeError):
            continue  # the Evaluate page tells about it
    return found
