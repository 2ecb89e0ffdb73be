"""95% intervals of the metrics: images drawn anew with replacement, percentiles of what the metrics become.

An interval says what another draw of images from the same world might give, not another training run. In a draw
without any positive of a rare attribute its recall is 0, as the conventions have it, so that its interval is wide.

The metrics are means over images or ratios of counts, so that a draw is a vector of how often each image occurs, and
all draws are one matrix product: the same numbers as computing the metrics of every draw, in a fraction of the time.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from snnpar.metrics import (
    FIVE,
    AttributeMetrics,
    Decisions,
    PedestrianMetrics,
    attribute_counts,
    decisions,
    finish,
    per_image,
)

RESAMPLES, SEED = 1000, 0
PERCENTILES = (2.5, 97.5)
_WEIGHTS_AT_ONCE = 4_000_000  # of float64, 32 MB: few enough for any machine, enough for a fast product


@dataclass(frozen=True)
class Intervals:
    """Lower and upper end for every metric, from `resamples` draws of images."""

    low: PedestrianMetrics
    high: PedestrianMetrics
    resamples: int


@dataclass(frozen=True)
class PairedDifference:
    """Difference b - a of one metric on the same images, with its bootstrap 95% interval."""

    metric: str
    difference: float
    low: float
    high: float


def bootstrap_intervals(
    labels: np.ndarray, probs: np.ndarray, convention: str = "published", *, threshold: float | None = None,
    ignore_unknown: bool = False, resamples: int = RESAMPLES, seed: int = SEED,
) -> Intervals:
    """95% intervals of what `pedestrian_metrics` returns for labels and probabilities (n, A), by the same rules."""
    decided = decisions(labels, probs, convention, threshold, ignore_unknown)
    five, attributes = _resampled([decided], convention, resamples, seed)[0]
    ends = np.percentile(five, PERCENTILES, axis=0)
    per_attribute = {field.name: np.percentile(getattr(attributes, field.name), PERCENTILES, axis=0)
                     for field in fields(AttributeMetrics)}
    low, high = (
        PedestrianMetrics(*map(float, ends[i]), AttributeMetrics(**{k: v[i] for k, v in per_attribute.items()}))
        for i in (0, 1)
    )
    return Intervals(low, high, resamples)


def paired_bootstrap(
    labels: np.ndarray, probs_a: np.ndarray, probs_b: np.ndarray, *, resamples: int = RESAMPLES, seed: int = SEED,
    convention: str = "published", ignore_unknown: bool = False,
) -> list[PairedDifference]:
    """Resample images with replacement, the same ones for both models, and difference the five metrics."""
    pair = [decisions(labels, probs, convention, ignore_unknown=ignore_unknown) for probs in (probs_a, probs_b)]
    (drawn_a, _), (drawn_b, _) = _resampled(pair, convention, resamples, seed)
    low, high = np.percentile(drawn_b - drawn_a, PERCENTILES, axis=0)
    a, b = (finish(per_image(d).mean(0), attribute_counts(d).sum(0), convention)[0] for d in pair)
    return [PairedDifference(name, *map(float, row))
            for name, *row in zip(FIVE, b - a, low, high, strict=True)]


def _resampled(
    models: list[Decisions], convention: str, resamples: int, seed: int
) -> list[tuple[np.ndarray, AttributeMetrics]]:
    """Per model the five metrics (resamples, 5) and those by attribute (resamples, A), on the same draws for all."""
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1; got {resamples}")
    n, attributes = models[0].positive.shape
    columns = np.concatenate(
        [np.concatenate([per_image(m), attribute_counts(m).reshape(n, -1)], axis=1) for m in models], axis=1
    )
    rng = np.random.default_rng(seed)
    sums = np.empty((resamples, columns.shape[1]))
    step = max(1, _WEIGHTS_AT_ONCE // n)
    for start in range(0, resamples, step):
        draws = range(start, min(start + step, resamples))
        weights = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in draws])
        sums[start : start + step] = weights.astype(np.float64) @ columns
    return [
        finish(part[:, :4] / n, part[:, 4:].reshape(resamples, 4, attributes), convention)
        for part in np.split(sums, len(models), axis=1)
    ]
