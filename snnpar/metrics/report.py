"""What an evaluation says: metrics under both conventions with intervals and counts, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from snnpar.core.errors import SnnparError
from snnpar.metrics.bootstrap import RESAMPLES, SEED, Intervals, bootstrap_intervals
from snnpar.metrics.pedestrian import (
    ENOUGH,
    FIVE,
    SUPPORTED,
    THRESHOLDS,
    AttributeMetrics,
    PedestrianMetrics,
    pedestrian_metrics,
    supported,
    without_labels,
    without_positives,
)

HEADINGS = dict(zip(FIVE, ("mA", "Acc", "Prec", "Rec", "F1"), strict=True))
SUPPORTED_HEADING = f"mA (≥ {ENOUGH} positives)"
COLUMNS = {"mean_accuracy": HEADINGS["mean_accuracy"], SUPPORTED: SUPPORTED_HEADING, **HEADINGS}  # of every table
SHOWN = 20  # near duplicates by name


def report(
    truth: np.ndarray,
    probs: np.ndarray,
    attributes: tuple[str, ...],
    *,
    groups: np.ndarray | None = None,
    resamples: int = RESAMPLES,
    ignore_unknown: bool = False,
) -> dict:
    """Counts and metrics of final probabilities (n, A) against labels (n, A), ready for JSON.

    metrics.CONVENTION holds threshold, unknown_labels (what is done with them, in words), the five metrics by name,
    mean_accuracy_supported (mA over the attributes in supported.attributes; null if there are none) and
    per_attribute.QUANTITY (lists of A), each as value, low and high: fractions with their 95% intervals.
    groups (n,): images of one number are near duplicates, which the intervals draw together.
    """
    counts = {"positive": (truth == 1).sum(0), "negative": (truth == 0).sum(0)}
    counts["unknown"] = len(truth) - counts["positive"] - counts["negative"]
    return {
        "n": len(truth),
        "attributes": list(attributes),
        "counts": {name: count.tolist() for name, count in counts.items()},
        "attributes_without_positives": list(without_positives(truth, attributes)),
        "supported": {"positives": ENOUGH, "attributes": [attributes[i] for i in np.flatnonzero(supported(truth))]},
        "interval": {"level": 0.95, **interval_method(len(truth), groups), "resamples": resamples, "seed": SEED},
        "metrics": {
            name: _metrics(
                truth, probs, attributes, name, groups=groups, resamples=resamples, ignore_unknown=ignore_unknown
            )
            for name in THRESHOLDS
        },
    }


def interval_method(n: int, groups: np.ndarray | None) -> dict:
    """How the intervals of n images come about, and from how many independent ones."""
    if groups is None:
        return {"method": "bootstrap over images, percentiles", "groups": n}
    return {"method": "bootstrap over groups of near duplicates, percentiles", "groups": len(np.unique(groups))}


def _metrics(
    truth: np.ndarray,
    probs: np.ndarray,
    attributes: tuple[str, ...],
    convention: str,
    *,
    ignore_unknown: bool,
    **drawn: Any,
) -> dict:
    values = pedestrian_metrics(truth, probs, convention, ignore_unknown=ignore_unknown)
    ends = bootstrap_intervals(truth, probs, convention, ignore_unknown=ignore_unknown, **drawn)
    return {
        "threshold": THRESHOLDS[convention],
        "unknown_labels": unknown_words(truth, attributes, convention, ignore_unknown),
        **{name: _number(values, ends, name) for name in FIVE},
        SUPPORTED: _number(values, ends, SUPPORTED) if supported(truth).any() else None,
        "per_attribute": {field.name: _list(values, ends, field.name) for field in fields(AttributeMetrics)},
    }


def _number(values: PedestrianMetrics, ends: Intervals, name: str) -> dict[str, float]:
    named = {"value": values, "low": ends.low, "high": ends.high}
    return {key: getattr(metrics, name) for key, metrics in named.items()}


def _list(values: PedestrianMetrics, ends: Intervals, name: str) -> dict[str, list[float]]:
    named = {"value": values, "low": ends.low, "high": ends.high}
    return {key: getattr(metrics.per_attribute, name).tolist() for key, metrics in named.items()}


def unknown_words(truth: np.ndarray, attributes: tuple[str, ...], convention: str, ignore_unknown: bool = False) -> str:
    """What is done with the unknown labels of these images: left out if asked for, else what the convention does."""
    count = int((~np.isin(truth, (0, 1))).sum())
    if not count:
        return "none"
    if ignore_unknown:
        return f"{count} left out" + no_label_words(without_labels(truth, attributes))
    if convention == "rethinking":
        return f"{count} counted as negative"
    return f"{count} not masked: predicting one costs precision"


def no_label_words(names: tuple[str, ...]) -> str:
    """Which attributes have no known label and are no part of mA, to end a sentence with; "" if all have one."""
    return f"; not in mA, without a known label: {', '.join(names)}" if names else ""


def leave_out(info: dict) -> dict:
    """The same evaluation without the near duplicates of training images. Raises SnnparError saying why there is none.

    info: the content of an evaluation.json; what is left says in `left_out` how many images were.
    """
    name, found = info["provenance"]["checkpoint"]["name"], info.get("near_duplicates")
    if found is None:
        raise SnnparError(
            f"the evaluation of {name} was made before near duplicates were looked for; evaluate again with --again"
        )
    if not found["compared_with"]:
        raise SnnparError(f"near duplicates of training images are not known: {found['reason']}")
    if info["without_near_duplicates"] is None:
        raise SnnparError(f"all {info['n']} images are near duplicates of training images; nothing is left to measure")
    return {**info, **info["without_near_duplicates"], "left_out": len(found["images"])}


def duplicates_words(info: dict) -> str:
    """What is known about near duplicates of training images among these, in one sentence."""
    found = info.get("near_duplicates")
    if found is None:
        return (
            'near duplicates of training images were not looked for when this was made; --again, or "Evaluate '
            'again" on the page, adds them'
        )
    if not found["compared_with"]:
        return f"near duplicates of training images are not known: {found['reason']}"
    count, gone = len(found["images"]), info.get("left_out", 0)
    unread = f", {found['unreadable']} of which cannot be read" if found["unreadable"] else ""
    training = f"the {found['compared']:,} training images ({found['compared_with']}{unread})"
    if gone:
        return f"{gone:,} of {info['n'] + gone:,} images are left out, near duplicates of {training}"
    return f"{f'{count:,}' if count else 'none'} of {info['n']:,} images are near duplicates of {training}"


def supported_words(info: dict) -> str:
    """Which attributes no image has, and over how many the other mA is."""
    absent, kept = info["attributes_without_positives"], len(supported_attributes(info))
    return support_words(absent, kept, len(info["attributes"]))


def support_words(absent: Sequence[str], kept: int, attributes: int) -> str:
    """The same of `attributes` attributes, `kept` of which have enough positives and `absent` none."""
    none = f"; without a positive: {', '.join(absent)}, whose mA says little" if absent else ""
    return f"{SUPPORTED_HEADING} is over the {kept} of {attributes} attributes with at least {ENOUGH} positives{none}"


def supported_attributes(info: dict) -> list[str]:
    """The attributes that at least ENOUGH images have."""
    return [name for name, count in zip(info["attributes"], info["counts"]["positive"], strict=True) if count >= ENOUGH]


def supported_mean(info: dict, convention: str) -> dict[str, float] | None:
    """mA over these attributes: value, low and high; the value alone in reports made before there were intervals of it.

    None when no attribute has so many positives.
    """
    metrics, kept = info["metrics"][convention], set(supported_attributes(info))
    if SUPPORTED in metrics or not kept:
        return metrics.get(SUPPORTED)
    ma = metrics["per_attribute"]["ma"]["value"]
    return {"value": float(np.mean([v for name, v in zip(info["attributes"], ma, strict=True) if name in kept]))}


def cells(info: dict, convention: str) -> list[dict[str, float] | None]:
    """The numbers of one evaluation in the order of COLUMNS."""
    metrics = info["metrics"][convention]
    return [supported_mean(info, convention) if name == SUPPORTED else metrics[name] for name in COLUMNS]


def table(infos: list[dict], convention: str) -> str:
    """The metrics of evaluations on the same images, in percent with intervals; what they were counted on above.

    infos: each the content of an evaluation.json, or what `leave_out` leaves of it.
    """
    if convention not in THRESHOLDS:
        raise SnnparError(f"no metric convention {convention!r}; there are {', '.join(THRESHOLDS)}")
    names = [info["provenance"]["checkpoint"]["name"] for info in infos]
    rows = [
        ["checkpoint", *COLUMNS.values()],
        *([name, *map(_cell, cells(info, convention))] for name, info in zip(names, infos, strict=True)),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*_heading(infos[0], convention), "", *lines])


def _heading(info: dict, convention: str) -> list[str]:
    metrics, interval = info["metrics"][convention], info["interval"]
    counted = f" ({interval['groups']:,} groups)" if interval.get("groups", info["n"]) != info["n"] else ""
    lines = [
        f"{info['provenance']['data']['title']}: n = {info['n']}, {len(info['attributes'])} attributes; percent with "
        f"95% intervals, {interval['method']}{counted}",
        f"convention {convention}, probability > {metrics['threshold']}; unknown labels: {metrics['unknown_labels']}",
        supported_words(info),
        duplicates_words(info),
    ]
    if left_out := info["provenance"]["data"].get("unreadable_left_out"):
        lines.insert(1, f"{len(left_out)} images that cannot be read are left out; log.txt names them")
    named = info.get("near_duplicates", {}).get("images", [])
    if info.get("left_out"):
        lines += [f"  {one['file']} ~ {one['train_file']} ({one['correlation']:.3f})" for one in named[:SHOWN]]
        lines += [f"  and {len(named) - SHOWN} more, all in evaluation.json"] if len(named) > SHOWN else []
    elif named:
        lines[-1] += "; --leave-out-near-duplicates does without them"
    return lines


def _cell(numbers: dict[str, float] | None) -> str:
    if numbers is None:
        return "-"
    value = f"{100 * numbers['value']:.1f}"
    return f"{value} [{100 * numbers['low']:.1f}, {100 * numbers['high']:.1f}]" if "low" in numbers else value
