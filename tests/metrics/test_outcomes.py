"""Outcomes against hand-made cases and a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from snnpar.metrics.outcomes import (
    BINS,
    BOTH_RIGHT,
    BOTH_WRONG,
    FIRST_ONLY,
    SECOND_ONLY,
    UNKNOWN,
    changes_over_time,
    count_outcomes,
    decided_at,
    flips,
    images_with,
    outcomes,
    reliability,
)

YES, NO = 0.9, 0.1


@pytest.mark.parametrize(
    ("truth", "first", "second", "expected"),
    [
        (1, YES, YES, BOTH_RIGHT),
        (1, YES, NO, FIRST_ONLY),
        (1, NO, YES, SECOND_ONLY),
        (1, NO, NO, BOTH_WRONG),
        (0, NO, NO, BOTH_RIGHT),
        (0, NO, YES, FIRST_ONLY),
        (0, YES, NO, SECOND_ONLY),
        (0, YES, YES, BOTH_WRONG),
        (2, YES, NO, UNKNOWN),
        (-1, NO, NO, UNKNOWN),
        (0, 0.5, 0.5, BOTH_RIGHT),  # at the threshold is not above it
    ],
)
def test_one_answer_each(truth: int, first: float, second: float, expected: int) -> None:
    cells = [np.array([[value]]) for value in (truth, first, second)]
    assert outcomes(*cells, 0.5).item() == expected


def test_the_threshold_is_compared_in_the_type_of_the_probabilities() -> None:
    prob = np.array([[0.45]], np.float32)  # a little above 0.45 as float64
    assert outcomes(np.array([[0]]), prob, prob, 0.45).item() == BOTH_RIGHT


TABLES = st.tuples(st.integers(1, 7), st.integers(1, 4)).flatmap(
    lambda size: st.tuples(
        arrays(np.int8, size, elements=st.sampled_from([0, 1, 2])),
        arrays(np.float32, (3, *size), elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])),
    )
)


@given(table=TABLES)
def test_counts_and_images_equal_a_plain_loop(table: tuple[np.ndarray, np.ndarray]) -> None:
    truth, probs = table
    codes = outcomes(truth, probs[0], probs[1], 0.5)
    counts = count_outcomes(codes)
    for a in range(truth.shape[1]):
        expected: dict[int, list[int]] = {BOTH_RIGHT: [], FIRST_ONLY: [], SECOND_ONLY: [], BOTH_WRONG: []}
        for i in range(len(truth)):
            if truth[i, a] == 2:
                continue
            right = [(p[i, a] > 0.5) == bool(truth[i, a]) for p in probs[:2]]
            expected[
                {
                    (True, True): BOTH_RIGHT,
                    (True, False): FIRST_ONLY,
                    (False, True): SECOND_ONLY,
                    (False, False): BOTH_WRONG,
                }[tuple(map(bool, right))]
            ].append(i)
        assert [len(images) for images in expected.values()] == counts[a].tolist()
        assert all(images_with(codes, a, outcome).tolist() == images for outcome, images in expected.items())
    assert (counts.sum(1) == (truth != 2).sum(0)).all()


@given(table=TABLES)
def test_swapping_the_answers_swaps_who_is_right(table: tuple[np.ndarray, np.ndarray]) -> None:
    truth, probs = table
    there = count_outcomes(outcomes(truth, probs[0], probs[1], 0.5))
    back = count_outcomes(outcomes(truth, probs[1], probs[0], 0.5))
    assert (there == back[:, [BOTH_RIGHT, SECOND_ONLY, FIRST_ONLY, BOTH_WRONG]]).all()


def test_more_timesteps_fix_and_break() -> None:
    """Attribute 0 is fixed at t = 2, attribute 1 broken at t = 3, attribute 2 unknown."""
    truth = np.array([[1, 1, 2]])
    probs = np.array([[[NO, YES, NO]], [[YES, YES, YES]], [[YES, NO, NO]]])
    changes = changes_over_time(truth, probs, 0.5)
    assert changes.shape == (3, 3, 4)
    assert changes[:, 0, FIRST_ONLY].tolist() == [1, 0, 0]  # wrong at t = 1, right at the end
    assert changes[:, 1, SECOND_ONLY].tolist() == [1, 1, 0]  # right at t = 1 and 2, wrong at the end
    assert changes[:, 2].sum() == 0
    assert flips(probs, 0.5).tolist() == [[1, 0, 1], [0, 1, 1]]  # a flip needs no truth


@given(table=TABLES)
def test_the_last_timestep_changes_nothing_and_right_answers_add_up(table: tuple[np.ndarray, np.ndarray]) -> None:
    """Right at the end = right at t + fixed - broken."""
    truth, probs = table
    changes = changes_over_time(truth, probs, 0.5)
    assert changes[-1, :, [FIRST_ONLY, SECOND_ONLY]].sum() == 0
    right = (((probs > 0.5) == (truth == 1)) & (truth != 2)).sum(1)
    assert (right[-1] == right + changes[:, :, FIRST_ONLY] - changes[:, :, SECOND_ONLY]).all()


def test_one_timestep_has_no_flips() -> None:
    assert flips(np.zeros((1, 4, 3)), 0.5).shape == (0, 3)


def test_calibration_in_closed_form() -> None:
    """Ten decisions at 0.75 of which six apply, ten at 0.15 of which none does: ECE (0.15 + 0.15) / 2."""
    truth = np.array([[1]] * 6 + [[0]] * 14)
    probs = np.array([[0.75]] * 10 + [[0.15]] * 10)
    found = reliability(truth, probs)
    assert found.count.tolist() == [0, 10, 0, 0, 0, 0, 0, 10, 0, 0]
    assert found.mean_prob[[1, 7]] == pytest.approx([0.15, 0.75]) and found.positive[[1, 7]].tolist() == [0, 0.6]
    assert np.isnan(found.positive[0]) and np.isnan(found.mean_prob[0])
    assert found.ece == pytest.approx(0.15)


def test_certain_answers_fall_into_the_outer_bins() -> None:
    right, wrong = (reliability(np.array([[0, 1]]), np.array([probs])) for probs in ([0.0, 1.0], [1.0, 0.0]))
    assert right.count[[0, BINS - 1]].tolist() == [1, 1]
    assert (right.ece, wrong.ece) == (0, 1)


def test_unknown_labels_do_not_calibrate() -> None:
    assert reliability(np.array([[2, 1]]), np.array([[0.3, 1.0]])).count.sum() == 1
    nothing = reliability(np.full((2, 2), 2), np.full((2, 2), 0.5))
    assert nothing.ece == 0 and nothing.count.sum() == 0


def test_bad_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\), \(2, 3\), \(3, 2\)"):
        outcomes(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((3, 2)), 0.5)
    with pytest.raises(ValueError, match=r"\(T, n, A\), T >= 1; got \(2, 3\)"):
        flips(np.zeros((2, 3)), 0.5)


@pytest.mark.parametrize(
    ("over_time", "expected"),
    [
        ((YES,), 1),
        ((NO,), 1),
        ((YES, YES, YES), 1),
        ((NO, NO, NO), 1),
        ((NO, YES, YES), 2),
        ((YES, NO, YES), 3),
        ((YES, NO, NO, YES, YES), 4),
        ((YES, YES, YES, NO), 4),
        ((YES, 0.5), 2),  # at the threshold is not above it
    ],
)
def test_decided_at_the_first_timestep_after_the_last_change(over_time: tuple[float, ...], expected: int) -> None:
    assert decided_at(np.array(over_time), 0.5) == expected


@given(arrays(np.float64, (5, 3), elements=st.sampled_from([NO, 0.5, YES])))
def test_decided_at_equals_its_definition(probs: np.ndarray) -> None:
    for column, found in enumerate(decided_at(probs, 0.5)):
        decisions = list(probs[:, column] > 0.5)
        assert found == next(t for t in range(1, 6) if len(set(decisions[t - 1 :])) == 1)


@pytest.mark.parametrize("probs", [np.zeros(()), np.zeros((0, 3))])
def test_decided_at_needs_a_timestep(probs: np.ndarray) -> None:
    with pytest.raises(ValueError, match="T >= 1"):
        decided_at(probs, 0.5)
