"""What two answers to the same images have in common: who is right where, what more timesteps change, calibration.

Truth is (n, A): 1 present, 0 absent, anything else unknown. Probabilities are (n, A), or (T, n, A) after 1..T
timesteps. An attribute counts as decided present when its probability is above the threshold (strictly), and is right
when that equals the truth. Unknown labels have no right answer and are left out of everything but `flips`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BOTH_RIGHT, FIRST_ONLY, SECOND_ONLY, BOTH_WRONG = OUTCOMES = range(4)
UNKNOWN = -1
BINS = 10


def outcomes(truth: np.ndarray, first: np.ndarray, second: np.ndarray, threshold: float) -> np.ndarray:
    """Which of two answers (n, A) is right: int8 (n, A) of BOTH_RIGHT, FIRST_ONLY, SECOND_ONLY, BOTH_WRONG or UNKNOWN.

    With the answer after all timesteps first and an earlier one second, FIRST_ONLY is what more timesteps fixed and
    SECOND_ONLY what they broke.
    """
    truth, first, second = _checked(truth, first, second)
    first_wrong = (first > threshold) != (truth == 1)
    second_wrong = (second > threshold) != (truth == 1)
    codes = np.int8(2) * first_wrong + np.int8(1) * second_wrong
    return np.where(_known(truth), codes, np.int8(UNKNOWN))


def count_outcomes(codes: np.ndarray) -> np.ndarray:
    """(n, A) of `outcomes` to (A, 4): how many images have each outcome. Rows sum to the known labels."""
    return np.stack([(codes == outcome).sum(0) for outcome in OUTCOMES], axis=1)


def images_with(codes: np.ndarray, attribute: int, outcome: int) -> np.ndarray:
    """Indices of the images with one outcome for one attribute (its column), in the order of the split."""
    return np.flatnonzero(codes[:, attribute] == outcome)


def changes_over_time(truth: np.ndarray, probs: np.ndarray, threshold: float) -> np.ndarray:
    """(T, A, 4): outcomes of the last answer (first) against the one after each timestep (second)."""
    _check_timesteps(probs)
    return np.stack([count_outcomes(outcomes(truth, probs[-1], early, threshold)) for early in probs])


def flips(probs: np.ndarray, threshold: float) -> np.ndarray:
    """(T - 1, A): how many images change their decision from t to t + 1, unknown labels too."""
    _check_timesteps(probs)
    decided = probs > threshold
    return (decided[1:] != decided[:-1]).sum(1)


def decided_at(probs: np.ndarray, threshold: float) -> np.ndarray:
    """(T, ...) to (...): the first timestep, 1 to T, from which the decision no longer changes up to T."""
    probs = np.asarray(probs)
    if not probs.ndim or not len(probs):
        raise ValueError(f"probabilities over time must be (T, ...), T >= 1; got {probs.shape}")
    decided = probs > threshold
    differs = decided[::-1] != decided[-1]  # from the last timestep backwards
    return np.where(differs.any(0), len(probs) + 1 - differs.argmax(0), 1)


@dataclass(frozen=True, eq=False)
class Reliability:
    """Equal bins of the probability, each with its count, mean probability and share of positives (NaN where empty).

    ece: expected calibration error, the mean over decisions of |mean probability - share of positives| of their bin.
    """

    count: np.ndarray
    mean_prob: np.ndarray
    positive: np.ndarray
    ece: float


def reliability(truth: np.ndarray, probs: np.ndarray, *, bins: int = BINS) -> Reliability:
    """Calibration over all known labels of (n, A): do attributes given 70% apply in 70% of the cases?"""
    truth, probs = _checked(truth, probs)
    known = _known(truth)
    prob, present = probs[known].astype(np.float64), truth[known] == 1
    place = np.minimum((prob * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean_prob = np.bincount(place, prob, bins) / count
        positive = np.bincount(place, present, bins) / count
    gaps = np.abs(mean_prob - positive)
    ece = float((gaps * count)[count > 0].sum() / max(count.sum(), 1))
    return Reliability(count, mean_prob, positive, ece)


def _known(truth: np.ndarray) -> np.ndarray:
    return (truth == 0) | (truth == 1)


def _checked(truth: np.ndarray, *answers: np.ndarray) -> list[np.ndarray]:
    arrays = [np.asarray(array) for array in (truth, *answers)]
    if arrays[0].ndim != 2 or any(array.shape != arrays[0].shape for array in arrays):
        raise ValueError(f"truth and answers must be equal (n, A); got {', '.join(str(a.shape) for a in arrays)}")
    return arrays


def _check_timesteps(probs: np.ndarray) -> None:
    if probs.ndim != 3 or not len(probs):
        raise ValueError(f"probabilities over time must be (T, n, A), T >= 1; got {probs.shape}")
