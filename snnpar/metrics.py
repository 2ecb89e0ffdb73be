"""The five metrics of pedestrian attribute recognition, under either published convention.

| convention   | probability threshold (strict >) | F1                                              |
| published    | 0.45 (VTB, SNN-PAR, OpenPAR)     | mean over images of each image's F1              |
| rethinking   | 0.5 (Rethinking_of_PAR)          | 2PR / (P + R) of the mean precision and recall   |

Both add 1e-20 to denominators, so that an empty case scores 0. All values are float64 fractions in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

THRESHOLDS = {"published": 0.45, "rethinking": 0.5}
EPS = 1e-20


@dataclass(frozen=True)
class AttributeMetrics:
    """One float64 array (A,) per quantity."""

    pos_recall: np.ndarray
    neg_recall: np.ndarray
    prec: np.ndarray
    acc: np.ndarray
    f1: np.ndarray
    ma: np.ndarray


@dataclass(frozen=True)
class PedestrianMetrics:
    """mean_accuracy (mA) averages attributes; the other four average images."""

    mean_accuracy: float
    accuracy: float
    precision: float
    recall: float
    f1: float
    per_attribute: AttributeMetrics

    def summary(self) -> dict[str, float]:
        """The five numbers by name."""
        return {name: getattr(self, name) for name in FIVE}


FIVE = ("mean_accuracy", "accuracy", "precision", "recall", "f1")


def pedestrian_metrics(
    labels: np.ndarray, probs: np.ndarray, convention: str = "published", threshold: float | None = None, *,
    ignore_unknown: bool | None = None,
) -> PedestrianMetrics:
    """Metrics of probabilities (n, A) against labels (n, A) in {0, 1}: 1 positive, 0 negative, else unknown.

    ignore_unknown: a prediction where the label is unknown counts for nothing; otherwise predicting one costs
    precision and accuracy, as in the published code. None is what the convention does: `rethinking` ignores them,
    `published` masks nothing.
    """
    labels, probs = np.asarray(labels), np.asarray(probs)
    if labels.shape != probs.shape or labels.ndim != 2 or not len(labels):
        raise ValueError(f"labels and probs must be equal (n, A), n >= 1; got {labels.shape}, {probs.shape}")
    if convention not in THRESHOLDS:
        raise ValueError(f"no metric convention {convention!r}; there are {', '.join(THRESHOLDS)}")
    # Compared in the type of the probabilities, as the published code does: float32(0.45) is not above 0.45.
    predicted = probs > (THRESHOLDS[convention] if threshold is None else threshold)
    positive, negative = labels == 1, labels == 0
    if convention == "rethinking" if ignore_unknown is None else ignore_unknown:
        predicted = predicted & (positive | negative)
    per_attribute = _per_attribute(positive, negative, predicted)
    hits = (positive & predicted).sum(1).astype(np.float64)
    union = (positive | predicted).sum(1)
    precision = hits / (predicted.sum(1) + EPS)
    recall = hits / (positive.sum(1) + EPS)
    mean_precision, mean_recall = precision.mean(), recall.mean()
    if convention == "published":
        f1 = (2 * precision * recall / (precision + recall + EPS)).mean()
    else:
        f1 = 2 * mean_precision * mean_recall / (mean_precision + mean_recall + EPS)
    return PedestrianMetrics(
        float(per_attribute.ma.mean()), float((hits / (union + EPS)).mean()), float(mean_precision),
        float(mean_recall), float(f1), per_attribute,
    )


def _per_attribute(positive: np.ndarray, negative: np.ndarray, predicted: np.ndarray) -> AttributeMetrics:
    tp = (positive & predicted).sum(0).astype(np.float64)
    fp = (negative & predicted).sum(0)
    pos, neg = positive.sum(0), negative.sum(0)
    pos_recall, neg_recall = tp / (pos + EPS), (neg - fp) / (neg + EPS)
    prec, acc = tp / (tp + fp + EPS), tp / (pos + fp + EPS)
    f1 = 2 * prec * pos_recall / (prec + pos_recall + EPS)
    return AttributeMetrics(pos_recall, neg_recall, prec, acc, f1, (pos_recall + neg_recall) / 2)


@dataclass(frozen=True)
class PairedDifference:
    """Difference b - a of one metric on the same images, with its bootstrap 95% interval."""

    metric: str
    difference: float
    low: float
    high: float


def paired_bootstrap(
    labels: np.ndarray, probs_a: np.ndarray, probs_b: np.ndarray, *, resamples: int = 1000, seed: int = 0,
    convention: str = "published",
) -> list[PairedDifference]:
    """Resample images with replacement, the same ones for both models, and difference the five metrics."""
    rng = np.random.default_rng(seed)

    def differences(rows: np.ndarray | slice) -> list[float]:
        a = pedestrian_metrics(labels[rows], probs_a[rows], convention).summary()
        b = pedestrian_metrics(labels[rows], probs_b[rows], convention).summary()
        return [b[name] - a[name] for name in FIVE]

    observed = differences(slice(None))
    low, high = _percentiles(len(labels), resamples, rng, differences)
    return [PairedDifference(*row) for row in zip(FIVE, observed, low, high, strict=True)]


def _percentiles(n: int, resamples: int, rng: np.random.Generator, statistic: Callable) -> np.ndarray:
    draws = [statistic(rng.integers(0, n, n)) for _ in range(resamples)]
    return np.percentile(draws, (2.5, 97.5), axis=0)
