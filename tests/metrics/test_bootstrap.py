from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from snnpar.core.errors import SnnparError
from snnpar.metrics import bootstrap
from snnpar.metrics.bootstrap import bootstrap_intervals, paired_bootstrap
from snnpar.metrics.pedestrian import ENOUGH, FIVE, SUPPORTED, THRESHOLDS, AttributeMetrics, pedestrian_metrics


def noisy(seed: int = 0, n: int = 60, attributes: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Labels with unknown ones and an attribute without positives, and probabilities."""
    rng = np.random.default_rng(seed)
    labels = rng.choice([0, 1, 2], (n, attributes), p=[0.6, 0.3, 0.1])
    labels[:, -1] = 0
    return labels, rng.random((n, attributes)).astype(np.float32)


def draws(n: int, resamples: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, n, n) for _ in range(resamples)]


@pytest.mark.parametrize("convention", THRESHOLDS)
@pytest.mark.parametrize("ignore", [True, False])
@pytest.mark.parametrize("at_once", [1, 300, 10**9])
def test_intervals_equal_those_of_computing_every_draw(
    convention: str, ignore: bool, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "_WEIGHTS_AT_ONCE", at_once)
    labels, probs = noisy()
    found = bootstrap_intervals(labels, probs, convention, ignore_unknown=ignore, resamples=41, seed=3)
    plain = [
        pedestrian_metrics(labels[rows], probs[rows], convention, ignore_unknown=ignore)
        for rows in draws(len(labels), 41, 3)
    ]
    kept = (labels == 1).sum(0) >= ENOUGH  # in the images, not in each draw
    for end, percent in ((found.low, 2.5), (found.high, 97.5)):
        expected = np.percentile([metrics.per_attribute.ma[kept].mean() for metrics in plain], percent)
        assert end.mean_accuracy_supported == pytest.approx(expected, abs=1e-12)
        for name in FIVE:
            expected = np.percentile([getattr(metrics, name) for metrics in plain], percent)
            assert getattr(end, name) == pytest.approx(expected, abs=1e-12)
        for field in fields(AttributeMetrics):
            expected = np.percentile([getattr(m.per_attribute, field.name) for m in plain], percent, axis=0)
            np.testing.assert_allclose(getattr(end.per_attribute, field.name), expected, atol=1e-12)


def test_the_interval_of_a_share_is_that_of_its_binomial() -> None:
    """One attribute, all positive: recall is the mean of n coin flips, whose resamples are binomial."""
    from scipy.stats import binom

    n, hits = 400, 300
    probs = (np.arange(n) < hits).astype(float)[:, None]
    found = bootstrap_intervals(np.ones((n, 1)), probs, resamples=4000)
    low, high = binom.ppf((0.025, 0.975), n, hits / n) / n
    assert found.low.recall == pytest.approx(low, abs=2.5 / n) and found.high.recall == pytest.approx(high, abs=2.5 / n)
    assert found.low.per_attribute.pos_recall[0] == pytest.approx(found.low.recall, abs=1e-12)


def test_more_images_give_narrower_intervals() -> None:
    labels, probs = noisy()
    one, many = (bootstrap_intervals(np.tile(labels, (k, 1)), np.tile(probs, (k, 1)), resamples=300) for k in (1, 16))
    for name in FIVE:
        widths = [getattr(i.high, name) - getattr(i.low, name) for i in (one, many)]
        assert 2.5 < widths[0] / widths[1] < 6.5, name  # 4 = sqrt(16), roughly


def test_the_same_seed_gives_the_same_interval() -> None:
    first, again, other = (bootstrap_intervals(*noisy(), resamples=50, seed=seed).low.summary() for seed in (1, 1, 2))
    assert first == again != other


def test_a_number_of_draws_is_needed() -> None:
    with pytest.raises(SnnparError, match="at least 1; got 0"):
        bootstrap_intervals(*noisy(), resamples=0)


def test_the_paired_bootstrap_equals_computing_every_draw() -> None:
    labels, first = noisy()
    second = noisy(1)[1]
    plain, kept = [], (labels == 1).sum(0) >= ENOUGH
    for rows in draws(len(labels), 30, 5):
        a, b = (pedestrian_metrics(labels[rows], probs[rows]) for probs in (first, second))
        several = [one.per_attribute.ma[kept].mean() for one in (a, b)]
        plain.append([*(getattr(b, name) - getattr(a, name) for name in FIVE), several[1] - several[0]])
    found = paired_bootstrap(labels, first, second, resamples=30, seed=5)
    expected = np.percentile(plain, (2.5, 97.5), axis=0).T
    np.testing.assert_allclose([(row.low, row.high) for row in found], expected, atol=1e-12)


def test_bootstrap_of_equal_and_of_better_models() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (60, 6))
    worse, better = rng.random((60, 6)), np.where(rng.random((60, 6)) < 0.9, labels, 1 - labels).astype(float)
    for row in paired_bootstrap(labels, worse, worse, resamples=50):
        assert (row.difference, row.low, row.high) == (0, 0, 0)
    rows = paired_bootstrap(labels, worse, better, resamples=200, seed=1)
    assert [row.metric for row in rows] == [*FIVE, SUPPORTED]
    for row in rows:
        assert 0 < row.low < row.difference < row.high
        expected = getattr(pedestrian_metrics(labels, better), row.metric) - getattr(
            pedestrian_metrics(labels, worse), row.metric
        )
        assert row.difference == pytest.approx(expected, abs=1e-12)
    assert paired_bootstrap(labels, worse, better, resamples=200, seed=1) == rows
    backwards = paired_bootstrap(labels, better, worse, resamples=200, seed=1)
    assert [-row.low for row in backwards] == pytest.approx([row.high for row in rows])


def interval(labels: np.ndarray, probs: np.ndarray, groups: np.ndarray | None, convention: str = "published") -> list:
    found = bootstrap_intervals(labels, probs, convention, resamples=60, groups=groups)
    return [getattr(end, name) for end in (found.low, found.high) for name in (*FIVE, SUPPORTED)]


@pytest.mark.parametrize("convention", THRESHOLDS)
def test_groups_of_one_are_the_ordinary_bootstrap(convention: str) -> None:
    labels, probs = noisy()
    alone = interval(labels, probs, None, convention)
    assert interval(labels, probs, np.arange(len(labels)), convention) == alone
    assert interval(labels, probs, 3 * np.arange(len(labels)) + 7, convention) == alone, "numbers are only names"
    pair = [
        paired_bootstrap(labels, probs, noisy(1)[1], resamples=60, convention=convention, groups=groups)
        for groups in (None, np.arange(len(labels)))
    ]
    assert pair[0] == pair[1]


@pytest.mark.parametrize("convention", THRESHOLDS)
@pytest.mark.parametrize("copies", [2, 5])
def test_copies_of_every_image_tell_nothing_new(convention: str, copies: int) -> None:
    """Drawn with its copies an image counts as one: the interval is that of the images without copies."""
    labels, probs = noisy()
    labels[:, :-1][:ENOUGH] = 1  # each attribute but the last has enough positives, with or without copies
    groups = np.tile(np.arange(len(labels)), copies)
    copied = np.tile(labels, (copies, 1)), np.tile(probs, (copies, 1))
    once = interval(labels, probs, None, convention)
    assert interval(*copied, groups, convention) == pytest.approx(once, abs=1e-12)
    shrunk = interval(*copied, None, convention)
    assert (np.array(shrunk[6:]) - shrunk[:6] < 0.9 * (np.array(once[6:]) - once[:6])).all()
    first, second = (np.tile(one, (copies, 1)) for one in (probs, noisy(1)[1]))
    found = paired_bootstrap(copied[0], first, second, resamples=60, convention=convention, groups=groups)
    expected = paired_bootstrap(labels, probs, noisy(1)[1], resamples=60, convention=convention)
    assert [(r.difference, r.low, r.high) for r in found] == [
        pytest.approx((r.difference, r.low, r.high), abs=1e-12) for r in expected
    ]


@pytest.mark.parametrize("at_once", [1, 10**9])
def test_groups_are_drawn_whole(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of several sizes: as computing every draw of groups, whatever number of images that is."""
    monkeypatch.setattr(bootstrap, "_WEIGHTS_AT_ONCE", at_once)
    labels, probs = noisy()
    groups = np.random.default_rng(0).integers(0, 20, len(labels))
    members = [np.flatnonzero(groups == number) for number in np.unique(groups)]
    plain = [np.concatenate([members[i] for i in draw]) for draw in draws(len(members), 41, 3)]
    assert len({len(rows) for rows in plain}) > 5
    found = bootstrap_intervals(labels, probs, resamples=41, seed=3, groups=groups)
    for name in FIVE:
        values = [getattr(pedestrian_metrics(labels[rows], probs[rows]), name) for rows in plain]
        assert getattr(found.low, name) == pytest.approx(np.percentile(values, 2.5), abs=1e-12)
        assert getattr(found.high, name) == pytest.approx(np.percentile(values, 97.5), abs=1e-12)


def test_groups_must_fit_the_images() -> None:
    with pytest.raises(ValueError, match="one number for each of 60 images; got \\(3,\\)"):
        bootstrap_intervals(*noisy(), groups=np.arange(3))


def test_without_enough_positives_there_is_no_such_mean() -> None:
    labels, probs = noisy()
    labels[labels == 1] = 0
    labels[: ENOUGH - 1] = 1
    assert np.isnan(bootstrap_intervals(labels, probs, resamples=5).low.mean_accuracy_supported)
    assert np.isnan(pedestrian_metrics(labels, probs).mean_accuracy_supported)
    assert [row.metric for row in paired_bootstrap(labels, probs, probs, resamples=5)] == list(FIVE)
    labels[ENOUGH - 1, 2] = 1
    found = pedestrian_metrics(labels, probs)
    assert found.mean_accuracy_supported == found.per_attribute.ma[2]
