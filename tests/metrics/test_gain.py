"""What a run gained over its step 0: numbers, words, and the way through its file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from snnpar.metrics.bootstrap import paired_bootstrap
from snnpar.metrics.gain import Gain, measure_gain, read_gain, write_gain
from snnpar.metrics.pedestrian import FIVE

RNG = np.random.default_rng(0)
LABELS = (RNG.random((200, 5)) < 0.4).astype(np.int8)
PRIOR = np.full((200, 5), 0.3, np.float32)
NAMES = tuple("abcde")
ALONE = np.arange(200)  # no image is a near duplicate of another
ABOUT = {"images": "rendered test", "chose": False, "epoch": 4, "seed": 2}


def gain_to(share: float, **about: object) -> Gain:
    """The gain over answers that ignore the image of answers right on `share` of the labels."""
    right = RNG.random(LABELS.shape) < share
    probs = np.where(right, LABELS, 1 - LABELS).astype(np.float32)
    return measure_gain(LABELS, PRIOR, probs, ALONE, attributes=NAMES, ignore_unknown=True, **ABOUT | about)


def test_answers_that_ignore_the_image_are_at_chance_exactly() -> None:
    gain = measure_gain(LABELS, PRIOR, PRIOR, ALONE, attributes=NAMES, ignore_unknown=True, **ABOUT)
    assert gain.start["mean_accuracy"] == gain.end["mean_accuracy"] == 0.5
    assert gain.gains == {"mean_accuracy": (0, 0, 0), "f1": (0, 0, 0)}
    assert gain.is_chance and not gain.is_shown and gain.verdict().startswith("At chance")


def test_right_answers_gain_all_that_there_is() -> None:
    gain = measure_gain(LABELS, PRIOR, LABELS.astype(np.float32), ALONE, attributes=NAMES, ignore_unknown=True, **ABOUT)
    assert gain.end["mean_accuracy"] == 1 and gain.gains["mean_accuracy"] == (0.5, 0.5, 0.5)
    assert not gain.is_chance and gain.is_shown
    assert gain.numbers().startswith(
        "mA 100.0 [100.0, 100.0] (mA (≥ 4 positives): 100.0), +50.0 [+50.0, +50.0] over step 0; F1 "
    )


def test_attributes_without_a_positive_are_named() -> None:
    labels = LABELS.copy()
    labels[:, 1] = 0
    gain = measure_gain(labels, PRIOR, PRIOR, ALONE, attributes=NAMES, ignore_unknown=True, **ABOUT)
    assert (gain.supported_attributes, gain.without_positives) == (4, ("b",))
    assert "over the 4 of 5 attributes with at least 4 positives; without a positive: b" in gain.about()


def test_the_interval_is_the_paired_bootstraps() -> None:
    rng, gain = np.random.default_rng(5), None
    probs = rng.random(LABELS.shape).astype(np.float32) * 0.5 + 0.35 * LABELS
    gain = measure_gain(LABELS, PRIOR, probs, ALONE, attributes=NAMES, ignore_unknown=True, **ABOUT)
    rows = {row.metric: (row.difference, row.low, row.high) for row in paired_bootstrap(LABELS, PRIOR, probs)}
    assert gain.gains == {name: rows[name] for name in ("mean_accuracy", "f1")}
    assert rows["mean_accuracy"][1] < gain.end["mean_accuracy"] - gain.start["mean_accuracy"] < rows["mean_accuracy"][2]


def test_unknown_labels_are_left_out_where_the_run_does_so() -> None:
    """A prediction where nothing is known costs precision only where it counts."""
    unknown = LABELS.copy()
    unknown[:, 0] = 2
    sure = np.ones(LABELS.shape, np.float32)
    kept, counted = (
        measure_gain(unknown, PRIOR, sure, ALONE, attributes=NAMES, ignore_unknown=left_out, **ABOUT)
        for left_out in (True, False)
    )
    assert kept.end["precision"] > counted.end["precision"]
    assert kept.gains["f1"][0] > counted.gains["f1"][0]


@pytest.mark.parametrize(("share", "chance", "words"), [(0.3, True, "At chance"), (0.8, False, "It learned")])
def test_the_verdict_is_in_words(share: float, chance: bool, words: str) -> None:
    gain = gain_to(share)
    assert gain.is_chance is chance and gain.verdict().startswith(words)


def test_no_gain_over_a_start_that_was_good_is_told() -> None:
    good = np.where(RNG.random(LABELS.shape) < 0.8, LABELS, 1 - LABELS).astype(np.float32)
    gain = measure_gain(LABELS, good, good, ALONE, attributes=NAMES, ignore_unknown=True, **ABOUT)
    assert not gain.is_chance and gain.verdict().startswith("No gain over step 0 is shown")


@pytest.mark.parametrize(("chose", "words"), [(True, "also chose the epoch"), (False, "nor used to choose the epoch")])
def test_it_says_which_images_and_what_it_leaves_open(chose: bool, words: str) -> None:
    told = gain_to(0.8, chose=chose).about()
    assert words in told and "200 images (rendered test" in told and "epoch 4" in told and "seed 2" in told


def test_it_comes_back_from_its_file_and_nothing_else_does(tmp_path: Path) -> None:
    assert read_gain(tmp_path) is None
    gain = gain_to(0.7)
    write_gain(tmp_path, gain)
    assert read_gain(tmp_path) == gain
    content = json.loads((tmp_path / "result.json").read_text())
    assert set(content["end"]) == set(FIVE)
    for damaged in (
        "",
        "[]",
        "{}",
        "null",
        json.dumps(content | {"gains": {}}),
        json.dumps(content | {"interval": 3}),
        json.dumps(content | {"more": 1}),
        json.dumps(content | {"end": {}}),
    ):
        (tmp_path / "result.json").write_text(damaged)
        assert read_gain(tmp_path) is None
