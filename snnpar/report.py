"""What an evaluation says: metrics under both conventions with intervals and counts, as JSON and as a table."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from snnpar.bootstrap import RESAMPLES, SEED, Intervals, bootstrap_intervals
from snnpar.metrics import (
    FIVE,
    THRESHOLDS,
    AttributeMetrics,
    PedestrianMetrics,
    pedestrian_metrics,
    without_positives,
)

HEADINGS = dict(zip(FIVE, ("mA", "Acc", "Prec", "Rec", "F1"), strict=True))


def report(truth: np.ndarray, probs: np.ndarray, attributes: tuple[str, ...], *, resamples: int = RESAMPLES,
           ignore_unknown: bool = False) -> dict:
    """Counts and metrics of final probabilities (n, A) against labels (n, A), ready for JSON.

    metrics.CONVENTION holds threshold, unknown_labels (what is done with them, in words), the five metrics by name
    and per_attribute.QUANTITY (lists of A), each as value, low and high: fractions with their 95% intervals.
    """
    counts = {"positive": (truth == 1).sum(0), "negative": (truth == 0).sum(0)}
    counts["unknown"] = len(truth) - counts["positive"] - counts["negative"]
    return {
        "n": len(truth),
        "attributes": list(attributes),
        "counts": {name: count.tolist() for name, count in counts.items()},
        "attributes_without_positives": list(without_positives(truth, attributes)),
        "interval": {"level": 0.95, "method": "bootstrap over images, percentiles", "resamples": resamples,
                     "seed": SEED},
        "metrics": {name: _metrics(truth, probs, name, resamples, ignore_unknown) for name in THRESHOLDS},
    }


def _metrics(truth: np.ndarray, probs: np.ndarray, convention: str, resamples: int, ignore_unknown: bool) -> dict:
    values = pedestrian_metrics(truth, probs, convention, ignore_unknown=ignore_unknown)
    ends = bootstrap_intervals(truth, probs, convention, ignore_unknown=ignore_unknown, resamples=resamples)
    return {
        "threshold": THRESHOLDS[convention],
        "unknown_labels": unknown_words(truth, convention, ignore_unknown),
        **{name: _number(values, ends, name) for name in FIVE},
        "per_attribute": {field.name: _list(values, ends, field.name) for field in fields(AttributeMetrics)},
    }


def _number(values: PedestrianMetrics, ends: Intervals, name: str) -> dict[str, float]:
    named = {"value": values, "low": ends.low, "high": ends.high}
    return {key: getattr(metrics, name) for key, metrics in named.items()}


def _list(values: PedestrianMetrics, ends: Intervals, name: str) -> dict[str, list[float]]:
    named = {"value": values, "low": ends.low, "high": ends.high}
    return {key: getattr(metrics.per_attribute, name).tolist() for key, metrics in named.items()}


def unknown_words(truth: np.ndarray, convention: str, ignore_unknown: bool = False) -> str:
    """What is done with the unknown labels of these images: left out if asked for, else what the convention does."""
    count = int((~np.isin(truth, (0, 1))).sum())
    if not count:
        return "none"
    if ignore_unknown:
        return f"{count} left out"
    if convention == "rethinking":
        return f"{count} counted as negative"
    return f"{count} not masked: predicting one costs precision"


def table(infos: list[dict], convention: str) -> str:
    """The five metrics of evaluations on the same images, in percent with intervals; what they were counted on above.

    infos: each the content of an evaluation.json.
    """
    if convention not in THRESHOLDS:
        raise ValueError(f"no metric convention {convention!r}; there are {', '.join(THRESHOLDS)}")
    names = [info["provenance"]["checkpoint"]["name"] for info in infos]
    cells = [[_cell(info["metrics"][convention][name]) for name in FIVE] for info in infos]
    width = max(len("checkpoint"), *map(len, names))
    lines = ["  ".join([f"{'checkpoint':<{width}}", *(f"{word:<17}" for word in HEADINGS.values())]).rstrip()]
    lines += ["  ".join([f"{name:<{width}}", *(f"{cell:<17}" for cell in row)]).rstrip()
              for name, row in zip(names, cells, strict=True)]
    return "\n".join([*_heading(infos[0], convention), "", *lines])


def _heading(info: dict, convention: str) -> list[str]:
    metrics, absent = info["metrics"][convention], info["attributes_without_positives"]
    lines = [
        f"{info['provenance']['data']['title']}: n = {info['n']}, {len(info['attributes'])} attributes; percent with "
        f"95% bootstrap intervals over images",
        f"convention {convention}, probability > {metrics['threshold']}; unknown labels: {metrics['unknown_labels']}",
    ]
    if absent:
        lines.append(f"without a positive here, so that their mA says little: {', '.join(absent)}")
    return lines


def _cell(numbers: dict[str, float]) -> str:
    value, low, high = (100 * numbers[key] for key in ("value", "low", "high"))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"
