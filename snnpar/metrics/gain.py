"""What a run gained over its own step 0, on images that it did not train on.

The answers before the first update and those of the weights that are kept are compared image by image. Training
measures it in the end and keeps it as result.json in the run's folder; the log, the page and the card tell it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snnpar.core.atomic import write_text
from snnpar.metrics.bootstrap import PairedDifference, bootstrap_intervals, paired_bootstrap
from snnpar.metrics.pedestrian import FIVE, pedestrian_metrics, supported, without_positives
from snnpar.metrics.report import SUPPORTED_HEADING, support_words

RESULT = "result.json"
CHANCE = 0.5  # mA of answers that do not depend on the image, whatever they are
GAINS = {"mean_accuracy": "mA", "f1": "F1"}


@dataclass(frozen=True)
class Gain:
    """Metrics by the names of FIVE as fractions, published convention; 95% intervals are a bootstrap's over groups
    of near duplicates.

    images: which, in words; chose: did they choose the epoch, too; epoch: whose weights are kept; interval: of the
    mA of `end`; supported: its mA over the supported_attributes that enough images have, of `attributes` in all, of
    which without_positives have none; gains: `end` minus `start` by metric as (difference, low, high), for the metrics
    of GAINS.
    """

    images: str
    n: int
    chose: bool
    epoch: int
    seed: int
    start: dict[str, float]
    end: dict[str, float]
    interval: tuple[float, float]
    supported: float | None
    supported_attributes: int
    without_positives: tuple[str, ...]
    attributes: int
    gains: dict[str, tuple[float, float, float]]

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            if set(getattr(self, name)) != set(FIVE):
                raise ValueError(f"{name} must have the metrics {', '.join(FIVE)}; got {getattr(self, name)}")
        if set(self.gains) != set(GAINS) or any(len(gain) != 3 for gain in self.gains.values()):
            raise ValueError(f"gains must have (difference, low, high) of {', '.join(GAINS)}; got {self.gains}")
        object.__setattr__(self, "without_positives", tuple(self.without_positives))
        object.__setattr__(self, "interval", (float(self.interval[0]), float(self.interval[1])))
        object.__setattr__(self, "gains", {name: tuple(map(float, gain)) for name, gain in self.gains.items()})

    @property
    def is_chance(self) -> bool:
        """Is the mA not shown to be above what guessing reaches?"""
        return self.interval[0] <= CHANCE

    @property
    def is_shown(self) -> bool:
        """Does the interval of the gain in mA lie above zero?"""
        return self.gains["mean_accuracy"][1] > 0

    def worded(self, metric: str) -> str:
        """+8.3 [+7.6, +9.1] in percent points."""
        return "{:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * value for value in self.gains[metric]))

    def numbers(self) -> str:
        """mA 58.3 [57.6, 59.0], +8.3 [+7.6, +9.1] over step 0; F1 71.2, +10.4 [+9.1, +11.6] over step 0"""
        low, high = (100 * end for end in self.interval)
        ma, f1 = (100 * self.end[name] for name in GAINS)
        several = "" if self.supported is None else f" ({SUPPORTED_HEADING}: {100 * self.supported:.1f})"
        return (
            f"mA {ma:.1f} [{low:.1f}, {high:.1f}]{several}, {self.worded('mean_accuracy')} over step 0; "
            f"F1 {f1:.1f}, {self.worded('f1')} over step 0"
        )

    def verdict(self) -> str:
        """One sentence on what that shows."""
        if self.is_chance:
            low, high = (100 * end for end in self.interval)
            return (
                f"At chance: the mA's interval [{low:.1f}, {high:.1f}] is not above 50, which is reached without a "
                "look at the image. Train for more epochs, or on more images."
            )
        if not self.is_shown:
            return "No gain over step 0 is shown: its interval is not above zero."
        return "It learned: the gain over step 0 is above zero beyond chance."

    def about(self) -> str:
        """What the numbers are of, and what they leave open."""
        chose = (
            "these images also chose the epoch, which favours it"
            if self.chose
            else "neither trained on nor used to choose the epoch"
        )
        return (
            f"On {self.n} images ({self.images}; {chose}), the weights of epoch {self.epoch} against those before "
            "the first update; published convention, 95% bootstrap intervals over groups of near duplicates, "
            f"seed {self.seed}: other seeds may differ. "
            f"{support_words(self.without_positives, self.supported_attributes, self.attributes)}."
        )


def measure_gain(
    labels: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    groups: np.ndarray,
    *,
    attributes: tuple[str, ...],
    ignore_unknown: bool,
    **about: Any,
) -> Gain:
    """The gain of the answers `end` over `start`, probabilities (n, A) each, against labels (n, A) of `attributes`.

    groups (n,): images of one number are near duplicates (snnpar.datasets.duplicates), which are drawn together.
    `about`: the fields of Gain that say which images and weights these are.
    """
    how = {"ignore_unknown": ignore_unknown, "groups": groups}
    rows = {row.metric: row for row in paired_bootstrap(labels, start, end, **how)}
    before, after = (pedestrian_metrics(labels, probs, ignore_unknown=ignore_unknown) for probs in (start, end))
    kept = supported(labels)
    ends = bootstrap_intervals(labels, end, **how)
    return Gain(
        n=len(labels),
        start=before.summary(),
        end=after.summary(),
        interval=(ends.low.mean_accuracy, ends.high.mean_accuracy),
        supported=after.mean_accuracy_supported if kept.any() else None,
        supported_attributes=int(kept.sum()),
        without_positives=without_positives(labels, attributes),
        attributes=len(attributes),
        gains={name: _triple(rows[name]) for name in GAINS},
        **about,
    )


def _triple(row: PairedDifference) -> tuple[float, float, float]:
    return row.difference, row.low, row.high


def write_gain(run: Path, gain: Gain) -> None:
    """Keep it in the run's folder."""
    write_text(run / RESULT, json.dumps(asdict(gain), indent=1) + "\n")


def read_gain(run: Path) -> Gain | None:
    """The gain of the run in this folder; None where none was measured, or what is there is none."""
    try:
        return Gain(**json.loads((run / RESULT).read_text("utf-8")))
    except (OSError, ValueError, TypeError, IndexError, RecursionError):
        return None
