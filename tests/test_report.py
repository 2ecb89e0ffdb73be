"""What an evaluation says, as JSON and as a table."""

from __future__ import annotations

import json

import numpy as np
import pytest

from snnpar.bootstrap import bootstrap_intervals
from snnpar.metrics import FIVE, THRESHOLDS, pedestrian_metrics
from snnpar.report import report, table, unknown_words

NAMES = ("hat", "bag", "boots")
LABELS = np.array([[1, 0, 0], [0, 2, 0], [1, 1, 0], [2, 0, 0]], np.int8)
PROBS = np.array([[0.9, 0.1, 0.2], [0.6, 0.8, 0.1], [0.2, 0.46, 0.7], [0.9, 0.3, 0.3]], np.float32)


def info(name: str = "student") -> dict:
    provenance = {"checkpoint": {"name": name}, "data": {"title": "people, test"}}
    return json.loads(json.dumps(report(LABELS, PROBS, NAMES, resamples=50) | {"provenance": provenance}))


@pytest.mark.parametrize("convention", THRESHOLDS)
@pytest.mark.parametrize("ignore", [False, True])
def test_every_number_is_that_of_the_metrics(convention: str, ignore: bool) -> None:
    found = report(LABELS, PROBS, NAMES, resamples=50, ignore_unknown=ignore)["metrics"][convention]
    metrics = pedestrian_metrics(LABELS, PROBS, convention, ignore_unknown=ignore)
    ends = bootstrap_intervals(LABELS, PROBS, convention, ignore_unknown=ignore, resamples=50)
    assert found["threshold"] == THRESHOLDS[convention]
    for key, expected in (("value", metrics), ("low", ends.low), ("high", ends.high)):
        assert {name: found[name][key] for name in FIVE} == expected.summary()
        for quantity, values in found["per_attribute"].items():
            np.testing.assert_array_equal(values[key], getattr(expected.per_attribute, quantity))


def test_counts_add_up_and_absent_attributes_are_named() -> None:
    found = info()
    assert found["counts"] == {"positive": [2, 1, 0], "negative": [1, 2, 4], "unknown": [1, 1, 0]}
    assert found["attributes"] == list(NAMES) and found["attributes_without_positives"] == ["boots"] and found["n"] == 4
    assert found["interval"]["resamples"] == 50


def test_what_happens_to_unknown_labels_is_said() -> None:
    assert unknown_words(LABELS, "published").startswith("2 not masked")
    assert unknown_words(LABELS, "rethinking") == "2 counted as negative"
    assert {unknown_words(LABELS, name, ignore_unknown=True) for name in THRESHOLDS} == {"2 left out"}
    assert {unknown_words(LABELS[[0, 2]], name) for name in THRESHOLDS} == {"none"}


def test_the_table_names_data_convention_unknown_and_absent() -> None:
    text = table([info("student"), info("teacher-of-some-length")], "rethinking")
    for words in ("people, test: n = 4, 3 attributes", "rethinking, probability > 0.5", "2 counted as negative",
                  "boots"):
        assert words in text
    header, first, second = text.splitlines()[-3:]
    assert header.split() == ["checkpoint", "mA", "Acc", "Prec", "Rec", "F1"]
    value = info()["metrics"]["rethinking"]["mean_accuracy"]
    assert f"{100 * value['value']:.1f} [{100 * value['low']:.1f}, {100 * value['high']:.1f}]" in first
    assert first.index("[") == second.index("[") and second.startswith("teacher-of-some-length")
    with pytest.raises(ValueError, match="'mine'; there are published, rethinking"):
        table([info()], "mine")
