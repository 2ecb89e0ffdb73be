"""The five metrics of pedestrian attribute recognition, under either published convention.

| convention   | probability threshold (strict >) | F1                                              |
| published    | 0.45 (VTB, SNN-PAR, OpenPAR)     | mean over images of each image's F1              |
| rethinking   | 0.5 (Rethinking_of_PAR)          | 2PR / (P + R) of the mean precision and recall   |

A label of 2 (unknown) is neither positive nor negative in `published`, so that predicting one costs precision and
accuracy; `rethinking` reads it as 0, as Rethinking_of_PAR does where it reads RAP. To leave such labels out is neither
convention's, but an option of both; an attribute with nothing but unknown labels is then left out of mA.

Both add 1e-20 to denominators, so that an empty case scores 0. All values are float64 fractions in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snnpar.core.errors import SnnparError

THRESHOLDS = {"published": 0.45, "rethinking": 0.5}
EPS = 1e-20
ENOUGH = 4  # positives that an attribute needs for its mA to say something
SUPPORTED = "mean_accuracy_supported"  # the name of mA over the attributes that have so many


@dataclass(frozen=True)
class AttributeMetrics:
    """One float64 array (A,) per quantity; (resamples, A) inside the bootstrap."""

    pos_recall: np.ndarray
    neg_recall: np.ndarray
    prec: np.ndarray
    acc: np.ndarray
    f1: np.ndarray
    ma: np.ndarray


@dataclass(frozen=True)
class PedestrianMetrics:
    """mean_accuracy (mA) averages attributes; the other four average images.

    mean_accuracy_supported averages those attributes alone that at least ENOUGH images have; NaN when there are none.
    """

    mean_accuracy: float
    accuracy: float
    precision: float
    recall: float
    f1: float
    per_attribute: AttributeMetrics
    mean_accuracy_supported: float

    def summary(self) -> dict[str, float]:
        """The five numbers by name."""
        return {name: getattr(self, name) for name in FIVE}


FIVE = ("mean_accuracy", "accuracy", "precision", "recall", "f1")


@dataclass(frozen=True, eq=False)
class Decisions:
    """Labels and thresholded probabilities, boolean (n, A) each; a label may be neither positive nor negative.

    masked: such labels count for nothing.
    """

    positive: np.ndarray
    negative: np.ndarray
    predicted: np.ndarray
    masked: bool = False


def decisions(
    labels: np.ndarray, probs: np.ndarray, convention: str, threshold: float | None = None, ignore_unknown: bool = False
) -> Decisions:
    """What `pedestrian_metrics` counts; same arguments, same errors."""
    labels, probs = np.asarray(labels), np.asarray(probs)
    if labels.shape != probs.shape or labels.ndim != 2 or not len(labels):
        raise ValueError(f"labels and probs must be equal (n, A), n >= 1; got {labels.shape}, {probs.shape}")
    if convention not in THRESHOLDS:
        raise SnnparError(f"no metric convention {convention!r}; there are {', '.join(THRESHOLDS)}")
    # Compared in the type of the probabilities, as the published code does: float32(0.45) is not above 0.45.
    predicted = probs > (THRESHOLDS[convention] if threshold is None else threshold)
    positive, negative = labels == 1, labels == 0
    if ignore_unknown:
        predicted = predicted & (positive | negative)
    elif convention == "rethinking":
        negative = negative | (labels == 2)
    return Decisions(positive, negative, predicted, ignore_unknown)


def pedestrian_metrics(
    labels: np.ndarray,
    probs: np.ndarray,
    convention: str = "published",
    threshold: float | None = None,
    *,
    ignore_unknown: bool = False,
) -> PedestrianMetrics:
    """Metrics of probabilities (n, A) against labels (n, A): 1 positive, 0 negative, else unknown, 2 in the data.

    ignore_unknown: predictions of unknown labels count for nothing, instead of as the convention has them.
    """
    decided = decisions(labels, probs, convention, threshold, ignore_unknown)
    five, attributes = finish(per_image(decided).mean(0), attribute_counts(decided).sum(0), convention, decided.masked)
    return pedestrian(five, attributes, mean_of(attributes.ma, supported(labels)))


def pedestrian(five: np.ndarray, attributes: AttributeMetrics, several: np.ndarray | float) -> PedestrianMetrics:
    """The `FIVE` metrics in their order, those of attributes, and the mA over those with enough positives."""
    ma, accuracy, precision, recall, f1 = map(float, five)
    return PedestrianMetrics(ma, accuracy, precision, recall, f1, attributes, float(several))


def per_image(decided: Decisions) -> np.ndarray:
    """Accuracy, precision, recall and F1 of each image: (n, 4)."""
    hits = (decided.positive & decided.predicted).sum(1).astype(np.float64)
    union = (decided.positive | decided.predicted).sum(1)
    precision = hits / (decided.predicted.sum(1) + EPS)
    recall = hits / (decided.positive.sum(1) + EPS)
    f1 = 2 * precision * recall / (precision + recall + EPS)
    return np.stack([hits / (union + EPS), precision, recall, f1], axis=1)


def attribute_counts(decided: Decisions) -> np.ndarray:
    """True positive, false positive, positive and negative, 0 or 1 for each image: (n, 4, A)."""
    found = (
        decided.positive & decided.predicted,
        decided.negative & decided.predicted,
        decided.positive,
        decided.negative,
    )
    return np.stack(found, axis=1)


def finish(
    image_means: np.ndarray,
    counts: np.ndarray,
    convention: str,
    masked: bool = False,
) -> tuple[np.ndarray, AttributeMetrics]:
    """The five metrics (..., 5) from means of `per_image` (..., 4) and sums of `attribute_counts` (..., 4, A).

    masked: mA averages the attributes that have a known label; 0 when none has.
    """
    tp, fp, pos, neg = np.moveaxis(counts.astype(np.float64), -2, 0)
    attributes = _per_attribute(tp, fp, pos, neg)
    accuracy, precision, recall, f1 = np.moveaxis(image_means, -1, 0)
    if convention == "rethinking":
        f1 = 2 * precision * recall / (precision + recall + EPS)
    known = (pos + neg > 0).sum(-1) if masked else attributes.ma.shape[-1]  # without a known label, an mA is 0
    mean_accuracy = attributes.ma.sum(-1) / np.maximum(known, 1)
    return np.stack([mean_accuracy, accuracy, precision, recall, f1], axis=-1), attributes


def _per_attribute(tp: np.ndarray, fp: np.ndarray, pos: np.ndarray, neg: np.ndarray) -> AttributeMetrics:
    pos_recall, neg_recall = tp / (pos + EPS), (neg - fp) / (neg + EPS)
    prec, acc = tp / (tp + fp + EPS), tp / (pos + fp + EPS)
    f1 = 2 * prec * pos_recall / (prec + pos_recall + EPS)
    return AttributeMetrics(pos_recall, neg_recall, prec, acc, f1, (pos_recall + neg_recall) / 2)


def without_positives(labels: np.ndarray, attributes: tuple[str, ...]) -> tuple[str, ...]:
    """Attributes that no image has, by name: no model can score above 0.5 in their mA, which mA averages all the same.

    labels (n, A) with columns named by `attributes`.
    """
    absent = ~(np.asarray(labels) == 1).any(0)
    return tuple(name for name, none in zip(attributes, absent, strict=True) if none)


def without_labels(labels: np.ndarray, attributes: tuple[str, ...]) -> tuple[str, ...]:
    """Attributes of which every label is unknown, by name; labels (n, A) with columns named by `attributes`."""
    unknown = np.asarray(~np.isin(np.asarray(labels), (0, 1)).any(0))
    return tuple(name for name, none in zip(attributes, unknown, strict=True) if none)


def supported(labels: np.ndarray) -> np.ndarray:
    """Which attributes at least ENOUGH images have: boolean (A,) of labels (n, A)."""
    return (np.asarray(labels) == 1).sum(0) >= ENOUGH


def mean_of(ma: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Mean (...) over the attributes that are kept (A,) of their mA (..., A); NaN when none is."""
    return ma[..., kept].mean(-1) if kept.any() else np.full(ma.shape[:-1], np.nan)
