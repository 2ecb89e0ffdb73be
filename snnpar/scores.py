"""How good a checkpoint is, as far as this machine knows: its run's best epoch, a copy's config, and evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from snnpar import history
from snnpar.checkpoint import read_checkpoint
from snnpar.evaluations import EvaluationError, list_evaluations, revision
from snnpar.metrics import FIVE, SUPPORTED, THRESHOLDS
from snnpar.report import supported_attributes, supported_mean
from snnpar.runs import Run
from snnpar.schema import check_words

TOLD = "scores"  # in the provenance of a copy


@dataclass(frozen=True)
class Score:
    """The five metrics, fractions by the names of FIVE, on n images (None: not recorded) under one convention."""

    images: str
    split: str
    n: int | None
    convention: str
    values: dict[str, float]
    supported: float | None = None  # mA over the attributes with enough positives, `supported_attributes` of them
    supported_attributes: int | None = None  # None: not recorded
    without_positives: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.convention not in THRESHOLDS:
            raise ValueError(f"no convention is called {self.convention!r}; there are {', '.join(THRESHOLDS)}")
        if self.n is not None and (not isinstance(self.n, int) or self.n < 1):
            raise ValueError(f"n must be a number of images; got {self.n!r}")
        told, over = self.supported, self.supported_attributes
        if told is not None and not (isinstance(told, float) and 0 <= told <= 1 and isinstance(over, int)):
            raise ValueError(f"supported must be a share from 0 to 1 over some attributes; got {told!r} over {over!r}")
        if set(self.values) != set(FIVE) or not all(isinstance(v, float) and 0 <= v <= 1 for v in self.values.values()):
            raise ValueError(f"values must be shares from 0 to 1 by {', '.join(FIVE)}; got {self.values}")

    @property
    def threshold(self) -> float:
        return THRESHOLDS[self.convention]


def known_scores(folder: Path) -> list[Score]:
    """Of a checkpoint's folder: the validation of its best epoch if it is a run's, else what was known where it was
    copied from; then its complete evaluations here."""
    best = best_epoch(folder)
    if not best:
        return _told(read_checkpoint(folder).provenance.get(TOLD)) + _evaluated(folder)
    images = f"validation images of its training (epoch {best['epoch']}, the best)"
    values = {name: best[name] for name in FIVE}
    support = (best.get(SUPPORTED), best.get("supported_attributes"), tuple(best.get("without_positives", ())))
    return [Score(images, "val", best.get("val_images"), "published", values, *support), *_evaluated(folder)]


def _told(rows: object) -> list[Score]:
    """The scores that came with a copy; what is not one is left out, as anybody may have written it."""
    found = []
    for row in rows if isinstance(rows, list) else []:
        try:
            score = Score(**{**row, "without_positives": tuple(row.get("without_positives", ()))})
            check_words((score.images, score.split, *score.without_positives), "What a score tells")
            found.append(score)
        except (AttributeError, TypeError, ValueError):
            continue
    return found


def best_epoch(folder: Path) -> dict | None:
    """The validation of the weights that a run keeps; None without one."""
    rows = history.read_metrics(Run(folder))
    return history.best_epoch([row for row in rows if "best" in row])


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
                                {one: info["metrics"][name][one]["value"] for one in FIVE}, *_support(info, name))
                          for name in THRESHOLDS]
        except (EvaluationError, KeyError, TypeError):
            continue  # the Evaluate page tells about it
    return found


def _support(info: dict, convention: str) -> tuple[float | None, int, tuple[str, ...]]:
    """mA over the attributes with enough positives, how many these are, and the names of those without any."""
    several = supported_mean(info, convention)
    return (several["value"] if several else None, len(supported_attributes(info)),
            tuple(info["attributes_without_positives"]))
