"""95% intervals of the metrics: images drawn anew with replacement, percentiles of what the metrics become.

Near duplicates are drawn together, as one group: they are one observation, however often it was photographed. A draw
of G groups is G groups with replacement, so that it may hold more or fewer images than there are; without near
duplicates it is the ordinary bootstrap over images (Field and Welsh, "Bootstrapping clustered data", JRSS B 2007).

An interval says what another draw of images from the same world might give, not another training run. In a draw
without any positive of a rare attribute its recall is 0, as the conventions have it, so that its interval is wide.

The metrics are means over images or ratios of counts, so that a draw is a vector of how often each image occurs, and
all draws are one matrix product: the same numbers as computing the metrics of every draw, in a fraction of the time.
mA over the attributes with enough positives is over the same attributes in every draw.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from snnpar.core.errors import SnnparError
from snnpar.metrics.pedestrian import (
    FIVE,
    SUPPORTED,
    AttributeMetrics,
    Decisions,
    PedestrianMetrics,
    attribute_counts,
    decisions,
    finish,
    mean_of,
    pedestrian,
    per_image,
    supported,
)

RESAMPLES, SEED = 1000, 0
PERCENTILES = (2.5, 97.5)
_WEIGHTS_AT_ONCE = 4_000_000  # of float64, 32 MB: few enough for any machine, enough for a fast product


@dataclass(frozen=True)
class Intervals:
    """Lower and upper end for every metric, from `resamples` draws."""

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
    labels: np.ndarray,
    probs: np.ndarray,
    convention: str = "published",
    *,
    threshold: float | None = None,
    ignore_unknown: bool = False,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    groups: np.ndarray | None = None,
) -> Intervals:
    """95% intervals of what `pedestrian_metrics` returns for labels and probabilities (n, A), by the same rules.

    groups (n,): images of one number are drawn together; None draws each alone.
    """
    decided = decisions(labels, probs, convention, threshold, ignore_unknown)
    five, attributes = _resampled([decided], convention, resamples, seed, groups)[0]
    ends = np.percentile(five, PERCENTILES, axis=0)
    several = np.percentile(mean_of(attributes.ma, supported(labels)), PERCENTILES)
    per_attribute = {
        field.name: np.percentile(getattr(attributes, field.name), PERCENTILES, axis=0)
        for field in fields(AttributeMetrics)
    }
    low, high = (
        pedestrian(ends[i], AttributeMetrics(**{k: v[i] for k, v in per_attribute.items()}), several[i]) for i in (0, 1)
    )
    return Intervals(low, high, resamples)


def paired_bootstrap(
    labels: np.ndarray,
    probs_a: np.ndarray,
    probs_b: np.ndarray,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    convention: str = "published",
    groups: np.ndarray | None = None,
    ignore_unknown: bool = False,
) -> list[PairedDifference]:
    """Resample images with replacement, the same ones for both models, and difference the metrics.

    The five, and mA over the attributes with enough positives if there are such. groups: as in `bootstrap_intervals`.
    """
    pair = [decisions(labels, probs, convention, ignore_unknown=ignore_unknown) for probs in (probs_a, probs_b)]
    kept = supported(labels)
    drawn = _resampled(pair, convention, resamples, seed, groups)
    drawn_a, drawn_b = (_with_supported(*of_one, kept) for of_one in drawn)
    low, high = np.percentile(drawn_b - drawn_a, PERCENTILES, axis=0)
    a, b = (
        _with_supported(*finish(per_image(d).mean(0), attribute_counts(d).sum(0), convention, d.masked), kept)
        for d in pair
    )
    return [
        PairedDifference(name, *map(float, row))
        for name, *row in zip((*FIVE, SUPPORTED), b - a, low, high, strict=True)
        if kept.any() or name in FIVE
    ]


def _with_supported(five: np.ndarray, attributes: AttributeMetrics, kept: np.ndarray) -> np.ndarray:
    """(..., 6): the five metrics (..., 5) and mA over the attributes kept."""
    return np.concatenate([five, mean_of(attributes.ma, kept)[..., None]], axis=-1)


def _resampled(
    models: list[Decisions], convention: str, resamples: int, seed: int, groups: np.ndarray | None
) -> list[tuple[np.ndarray, AttributeMetrics]]:
    """Per model the five metrics (resamples, 5) and those by attribute (resamples, A), on the same draws for all."""
    if resamples < 1:
        raise SnnparError(f"resamples must be at least 1; got {resamples}")
    n, attributes = models[0].positive.shape
    columns = np.concatenate(
        [np.concatenate([per_image(m), attribute_counts(m).reshape(n, -1)], axis=1) for m in models], axis=1
    )
    columns, sizes = _by_group(columns, groups)
    count = len(sizes)
    rng = np.random.default_rng(seed)
    sums, drawn = np.empty((resamples, columns.shape[1])), np.empty((resamples, 1))
    step = max(1, _WEIGHTS_AT_ONCE // count)
    for start in range(0, resamples, step):
        draws = range(start, min(start + step, resamples))
        weights = np.stack([np.bincount(rng.integers(0, count, count), minlength=count) for _ in draws])
        sums[start : start + step] = weights.astype(np.float64) @ columns
        drawn[start : start + step, 0] = weights @ sizes  # images
    return [
        finish(part[:, :4] / drawn, part[:, 4:].reshape(resamples, 4, attributes), convention, models[0].masked)
        for part in np.split(sums, len(models), axis=1)
    ]


def _by_group(columns: np.ndarray, groups: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Sums (G, C) over each group's rows of (n, C), and how many these are (G,); each row alone without groups."""
    if groups is None:
        return columns, np.ones(len(columns), int)
    if np.shape(groups) != (len(columns),):
        raise ValueError(f"groups must be one number for each of {len(columns)} images; got {np.shape(groups)}")
    _, place, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    sums = np.zeros((len(sizes), columns.shape[1]))
    np.add.at(sums, place, columns)
    return sums, sizes
