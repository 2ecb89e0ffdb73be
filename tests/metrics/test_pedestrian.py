from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from snnpar.core.errors import SnnparError
from snnpar.metrics.pedestrian import FIVE, THRESHOLDS, pedestrian_metrics, without_labels, without_positives

PUBLISHED_NAMES = {
    "mean_accuracy": "ma",
    "accuracy": "instance_acc",
    "precision": "instance_prec",
    "recall": "instance_recall",
    "f1": "instance_f1",
}


@pytest.fixture(scope="module")
def reference(golden: Path) -> dict[str, np.ndarray]:
    with np.load(golden / "arrays.npz") as file:
        return {name: file[name] for name in file.files if name.startswith("metrics")}


@pytest.mark.parametrize("table", ["metrics", "metrics_unk"])
def test_all_metrics_equal_the_published_code(reference: dict, table: str) -> None:
    result = pedestrian_metrics(reference[f"{table}.gt"], reference["metrics.probs"])
    for ours, theirs in PUBLISHED_NAMES.items():
        assert getattr(result, ours) == pytest.approx(float(reference[f"{table}.out.{theirs}"]), abs=1e-12), ours
    for name in ("pos_recall", "neg_recall", "prec", "acc", "f1", "ma"):
        np.testing.assert_allclose(
            getattr(result.per_attribute, name), reference[f"{table}.out.label_{name}"], atol=1e-12, err_msg=name
        )


def test_another_threshold_equals_the_published_code(reference: dict) -> None:
    result = pedestrian_metrics(reference["metrics.gt"], reference["metrics.probs"], threshold=0.5).summary()
    expected = {ours: float(reference[f"metrics.thr0.5.{theirs}"]) for ours, theirs in PUBLISHED_NAMES.items()}
    assert result == pytest.approx(expected, abs=1e-12)


def divide(a: float, b: float) -> float:
    return a / b if b else 0.0


def plain(labels: list[list[int]], probs: list[list[float]], convention: str, ignore: bool) -> dict[str, float]:
    """The five metrics with loops and the words of their definitions."""
    if convention == "rethinking" and not ignore:  # its authors' reader of RAP: attr_label[attr_label == 2] = 0
        labels = [[0 if y == 2 else y for y in truth] for truth in labels]
    threshold = {"published": 0.45, "rethinking": 0.5}[convention]
    images = []
    for truth, prob in zip(labels, probs, strict=True):
        yes = {i for i, y in enumerate(truth) if y == 1}
        said = {i for i, p in enumerate(prob) if p > threshold}
        if ignore:
            said &= {i for i, y in enumerate(truth) if y in (0, 1)}
        precision, recall = divide(len(yes & said), len(said)), divide(len(yes & said), len(yes))
        f1 = divide(2 * precision * recall, precision + recall)
        images.append((divide(len(yes & said), len(yes | said)), precision, recall, f1))
    accuracy, precision, recall, f1 = (sum(column) / len(images) for column in zip(*images, strict=True))
    if convention == "rethinking":
        f1 = divide(2 * precision * recall, precision + recall)
    balanced = []
    for i in range(len(labels[0])):
        hit = {y: [p[i] > threshold for t, p in zip(labels, probs, strict=True) if t[i] == y] for y in (0, 1)}
        if ignore and not hit[0] + hit[1]:
            continue  # nothing is known about it
        true_positive = divide(sum(hit[1]), len(hit[1]))
        balanced.append((true_positive + divide(len(hit[0]) - sum(hit[0]), len(hit[0]))) / 2)
    return dict(zip(FIVE, (divide(sum(balanced), len(balanced)), accuracy, precision, recall, f1), strict=True))


SIZES = st.tuples(st.integers(1, 6), st.integers(1, 5))
TABLES = SIZES.flatmap(
    lambda size: st.tuples(
        arrays(np.int8, size, elements=st.sampled_from([0, 1, 1, 0, 2, -1])),
        arrays(np.float64, size, elements=st.sampled_from([0.0, 0.3, 0.45, 0.46, 0.5, 0.51, 1.0])),
    )
)


@pytest.mark.parametrize("convention", THRESHOLDS)
@given(table=TABLES)
def test_metrics_equal_their_definitions(convention: str, table: tuple[np.ndarray, np.ndarray]) -> None:
    labels, probs = table
    assert pedestrian_metrics(labels, probs, convention).summary() == pytest.approx(
        plain(labels.tolist(), probs.tolist(), convention, ignore=False), abs=1e-12
    )
    assert pedestrian_metrics(labels, probs, convention, ignore_unknown=True).summary() == pytest.approx(
        plain(labels.tolist(), probs.tolist(), convention, ignore=True), abs=1e-12
    )


@pytest.mark.parametrize("convention", THRESHOLDS)
@given(table=TABLES, seed=st.integers(0, 99))
def test_neither_order_nor_repetition_matters(convention: str, table: tuple, seed: int) -> None:
    """Images and attributes in another order, or every image twice, give the same five numbers."""
    labels, probs = table
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(labels.shape[0]), rng.permutation(labels.shape[1])
    expected = pytest.approx(pedestrian_metrics(labels, probs, convention).summary(), abs=1e-12)
    shuffled = (part[rows][:, columns] for part in (labels, probs))
    assert pedestrian_metrics(*shuffled, convention).summary() == expected
    assert pedestrian_metrics(*(np.tile(part, (2, 1)) for part in (labels, probs)), convention).summary() == expected


@given(table=TABLES)
def test_every_value_is_a_share(table: tuple) -> None:
    result = pedestrian_metrics(*table)
    values = [*result.summary().values(), *np.ravel([getattr(result.per_attribute, f) for f in ("ma", "f1", "acc")])]
    assert all(0 <= value <= 1 for value in values)


@given(table=TABLES)
def test_attributes_without_positives_are_named(table: tuple) -> None:
    labels = table[0]
    names = tuple(f"a{i}" for i in range(labels.shape[1]))
    assert without_positives(labels, names) == tuple(
        name for name, column in zip(names, labels.T.tolist(), strict=True) if 1 not in column
    )


@pytest.mark.parametrize("convention", THRESHOLDS)
def test_perfect_and_inverted_predictions(convention: str) -> None:
    labels = np.array([[1, 0, 1], [0, 1, 0]])
    assert set(pedestrian_metrics(labels, labels.astype(float), convention).summary().values()) == {1.0}
    assert set(pedestrian_metrics(labels, 1.0 - labels, convention).summary().values()) == {0.0}


def test_always_no_has_half_the_mean_accuracy() -> None:
    result = pedestrian_metrics(np.eye(4, dtype=int), np.zeros((4, 4)))
    assert result.summary() == {"mean_accuracy": 0.5, "accuracy": 0, "precision": 0, "recall": 0, "f1": 0}


def test_f1_differs_between_the_conventions() -> None:
    """Two images: P = 1, R = 1/2, F1 = 2/3, and P = 1/2, R = 1, F1 = 2/3; of the means, 3/4."""
    labels, probs = np.array([[1, 1], [1, 0]]), np.array([[0.9, 0.1], [0.9, 0.9]])
    assert pedestrian_metrics(labels, probs, "published").f1 == pytest.approx(2 / 3)
    assert pedestrian_metrics(labels, probs, "rethinking").f1 == pytest.approx(3 / 4)


def test_rethinking_reads_unknown_labels_as_negative() -> None:
    """Four images, one attribute, first and third predicted. TPR 1 of 1; TNR 1 of 1, or 2 of 3 with the unknown."""
    labels, probs = np.array([[1], [0], [2], [2]]), np.array([[0.9], [0.1], [0.9], [0.1]])
    assert pedestrian_metrics(labels, probs, "published").mean_accuracy == 1.0
    rethinking = pedestrian_metrics(labels, probs, "rethinking")
    assert rethinking.mean_accuracy == pytest.approx((1 + 2 / 3) / 2)
    assert rethinking.per_attribute.prec[0] == 0.5  # the third is a false positive
    as_zero = pedestrian_metrics(np.where(labels == 2, 0, labels), probs, "rethinking")
    assert rethinking.summary() == as_zero.summary()


def test_unknown_labels_of_the_reference_table_read_as_negative(reference: dict) -> None:
    """The published code's own numbers, had its labels been read as Rethinking_of_PAR reads them."""
    gt, probs = reference["metrics_unk.gt"], reference["metrics.probs"]
    assert (gt == 2).any()
    found = pedestrian_metrics(gt, probs, "rethinking")
    zeroed = pedestrian_metrics(np.where(gt == 2, 0, gt), probs, "published", threshold=0.5)
    for name in ("mean_accuracy", "accuracy", "precision", "recall"):  # F1 is where the conventions part
        assert getattr(found, name) == getattr(zeroed, name), name
    np.testing.assert_array_equal(found.per_attribute.ma, zeroed.per_attribute.ma)


@pytest.mark.parametrize("convention", THRESHOLDS)
def test_predicting_an_unknown_label_costs_precision(convention: str) -> None:
    assert pedestrian_metrics(np.array([[1, 2]]), np.array([[0.9, 0.9]]), convention).precision == 0.5


@pytest.mark.parametrize("convention", THRESHOLDS)
def test_ignoring_unknown_labels_can_be_chosen_in_either_convention(convention: str) -> None:
    labels, probs = np.array([[1, 2]]), np.array([[0.9, 0.9]])
    for ignore, precision in ((True, 1.0), (False, 0.5)):
        assert pedestrian_metrics(labels, probs, convention, ignore_unknown=ignore).precision == precision


@pytest.mark.parametrize("convention", THRESHOLDS)
def test_an_attribute_of_unknown_labels_alone_is_no_part_of_ma_where_they_are_ignored(convention: str) -> None:
    labels, probs = np.array([[1, 2, 2], [0, 2, 2]]), np.array([[0.9, 0.9, 0.1], [0.9, 0.1, 0.1]])
    assert pedestrian_metrics(labels, probs, convention, ignore_unknown=True).mean_accuracy == 0.5
    assert without_labels(labels, ("hat", "bag", "boots")) == ("bag", "boots")
    whole = pedestrian_metrics(labels, probs, "published").mean_accuracy
    assert whole == pytest.approx(0.5 / 3)  # as the published code has it


def test_without_any_known_label_ma_is_zero() -> None:
    assert pedestrian_metrics(np.full((2, 2), 2), np.ones((2, 2)), ignore_unknown=True).mean_accuracy == 0


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\), \(3, 2\)"):
        pedestrian_metrics(np.zeros((2, 3)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="n >= 1"):
        pedestrian_metrics(np.zeros((0, 3)), np.zeros((0, 3)))
    with pytest.raises(SnnparError, match="'mine'; there are published, rethinking"):
        pedestrian_metrics(np.zeros((1, 1)), np.zeros((1, 1)), "mine")
