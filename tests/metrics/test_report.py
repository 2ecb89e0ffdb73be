"""What an evaluation says, as JSON and as a table."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from snnpar.core.errors import SnnparError
from snnpar.metrics.bootstrap import bootstrap_intervals
from snnpar.metrics.pedestrian import FIVE, THRESHOLDS, pedestrian_metrics
from snnpar.metrics.report import duplicates_words, leave_out, report, supported_words, table, unknown_words

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
    assert unknown_words(LABELS, NAMES, "published").startswith("2 not masked")
    assert unknown_words(LABELS, NAMES, "rethinking") == "2 counted as negative"
    assert {unknown_words(LABELS, NAMES, name, ignore_unknown=True) for name in THRESHOLDS} == {"2 left out"}
    unlabelled = np.array([[1, 2, 2], [0, 1, 2]])
    assert unknown_words(unlabelled, NAMES, "published", ignore_unknown=True) == (
        "3 left out; not in mA, without a known label: boots"
    )
    assert {unknown_words(LABELS[[0, 2]], NAMES, name) for name in THRESHOLDS} == {"none"}


def test_the_table_names_data_convention_unknown_and_absent() -> None:
    text = table([info("student"), info("teacher-of-some-length")], "rethinking")
    for words in (
        "people, test: n = 4, 3 attributes",
        "rethinking, probability > 0.5",
        "2 counted as negative",
        "boots",
    ):
        assert words in text
    header, first, second = text.splitlines()[-3:]
    assert re.split(r"  +", header) == ["checkpoint", "mA", "mA (≥ 4 positives)", "Acc", "Prec", "Rec", "F1"]
    value = info()["metrics"]["rethinking"]["mean_accuracy"]
    assert f"{100 * value['value']:.1f} [{100 * value['low']:.1f}, {100 * value['high']:.1f}]" in first
    assert first.index("[") == second.index("[") and second.startswith("teacher-of-some-length")
    with pytest.raises(SnnparError, match="'mine'; there are published, rethinking"):
        table([info()], "mine")


def many(copies: int = 4) -> dict:
    """Each image so often, without groups; boots stay without a positive."""
    made = report(np.tile(LABELS, (copies, 1)), np.tile(PROBS, (copies, 1)), NAMES, resamples=50)
    return json.loads(json.dumps(made | {"provenance": info()["provenance"]}))


def test_attributes_with_enough_positives_have_an_average_of_their_own() -> None:
    found = many()
    assert found["supported"] == {"positives": 4, "attributes": ["hat", "bag"]}
    metrics = found["metrics"]["published"]
    expected = np.mean(metrics["per_attribute"]["ma"]["value"][:2])
    assert metrics["mean_accuracy_supported"]["value"] == pytest.approx(expected, abs=1e-12)
    low, value, high = (metrics["mean_accuracy_supported"][key] for key in ("low", "value", "high"))
    assert low <= value <= high
    assert f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]" in table([found], "published")
    assert supported_words(found) == (
        "mA (≥ 4 positives) is over the 2 of 3 attributes with at least 4 positives; "
        "without a positive: boots, whose mA says little"
    )
    assert info()["metrics"]["published"]["mean_accuracy_supported"] is None and " -  " in table([info()], "published")


def test_a_report_of_before_still_makes_a_table() -> None:
    """Earlier versions knew neither of near duplicates nor of enough positives."""
    old = many()
    value = old["metrics"]["published"]["mean_accuracy_supported"]["value"]
    del old["supported"], old["interval"]["groups"]
    for metrics in old["metrics"].values():
        del metrics["mean_accuracy_supported"]
    text = table([old], "published")
    assert f"  {100 * value:.1f}  " in text and "not looked for" in text and "--again" in text
    with pytest.raises(SnnparError, match="before near duplicates were looked for; evaluate again with --again"):
        leave_out(old)


def test_what_is_left_out_is_said() -> None:
    whole, rest = many(), many(2)
    pair = {"file": "a.png", "train_file": "b.png", "correlation": 0.9}
    near = {
        "definition": "",
        "groups": 16,
        "compared_with": "people, train",
        "compared": 1400,
        "unreadable": 2,
        "reason": "",
        "images": [pair] * 8,
    }
    found = whole | {"near_duplicates": near, "without_near_duplicates": rest}
    assert duplicates_words(found).startswith(
        "8 of 16 images are near duplicates of the 1,400 training images (people, train, 2 of which cannot be read)"
    )
    left = leave_out(found)
    assert left["n"] == 8 and left["metrics"] == rest["metrics"] and left["provenance"] == whole["provenance"]
    text = table([left], "published")
    assert "n = 8" in text and "8 of 16 images are left out" in text and text.count("a.png ~ b.png (0.900)") == 8
    assert "--leave-out-near-duplicates" in table([found], "published")
    with pytest.raises(SnnparError, match="all 16 images are near duplicates"):
        leave_out(found | {"without_near_duplicates": None})
    unknown = found | {"near_duplicates": near | {"compared_with": "", "reason": "there is no train split"}}
    assert "not known: there is no train split" in duplicates_words(unknown)
    with pytest.raises(SnnparError, match="not known: there is no train split"):
        leave_out(unknown)


def test_the_interval_tells_what_was_drawn() -> None:
    groups = np.array([0, 0, 1, 2])
    found = report(LABELS, PROBS, NAMES, groups=groups, resamples=50)
    ends = bootstrap_intervals(LABELS, PROBS, resamples=50, groups=groups)
    assert found["interval"]["groups"] == 3 and "groups of near duplicates" in found["interval"]["method"]
    assert found["metrics"]["published"]["f1"]["low"] == ends.low.f1
    assert "over images" in info()["interval"]["method"]
