from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, kl_divergence

from snnpar.models.losses import binary_kl, feature_cosine, label_weights, timestep_kl, weighted_bce


def logits(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 3


def test_rare_positives_weigh_up_to_e() -> None:
    weights = label_weights(torch.tensor([[1.0, 0.0, 1.0, 0.0]]), torch.tensor([0.0, 0.0, 1.0, 0.5]))
    torch.testing.assert_close(weights, torch.tensor([[math.e, 1.0, 1.0, math.exp(0.5)]]))


def test_bce_of_zero_logits_is_log_two_per_attribute() -> None:
    loss = weighted_bce(torch.zeros(3, 5), torch.eye(3, 5), torch.full((3, 5), 2.0))
    assert loss.item() == pytest.approx(5 * 2 * math.log(2))


def test_cross_entropy_equals_the_published_code(golden: Path) -> None:
    with np.load(golden / "arrays.npz") as arrays:
        labels, ratio, student = (
            torch.from_numpy(arrays[name]).float() for name in ("in.labels", "in.sample_weight", "eval.student_logits")
        )
        weights = label_weights(labels, ratio)
        np.testing.assert_allclose(weights, arrays["eval.ce_weights"], rtol=1e-6)
        assert weighted_bce(student, labels, weights).item() == pytest.approx(arrays["eval.loss_ce"], rel=1e-6)


def test_cross_entropy_of_unknown_labels_equals_the_published_code(golden: Path) -> None:
    """Labels of 2, -1 and 0.5: weighed by whether they are above 0.5, a target as they are."""
    with np.load(golden / "arrays.npz") as arrays:
        labels, ratio, student = (
            torch.from_numpy(arrays[name]).float()
            for name in ("edge.ce_labels", "in.sample_weight", "eval.student_logits")
        )
        assert set(labels.unique().tolist()) == {-1, 0, 0.5, 1, 2}
        weights = label_weights(labels, ratio)
        assert weighted_bce(student, labels, weights).item() == pytest.approx(arrays["edge.ce"], rel=1e-6)
    np.testing.assert_allclose(weights[0, :3], torch.exp(torch.stack([1 - ratio[0], ratio[1], ratio[2]])), rtol=1e-6)


def test_blended_labels_weigh_in_between() -> None:
    labels, ratio = torch.tensor([[0.0, 0.25, 0.75, 1.0, 2.0]]), torch.full((5,), 0.2)
    between = [0.2 + y * 0.6 for y in (0, 0.25, 0.75, 1, 1)]
    torch.testing.assert_close(label_weights(labels, ratio, blended=True), torch.tensor([between]).exp())
    binary = [0.2, 0.2, 0.8, 0.8, 0.8]
    torch.testing.assert_close(label_weights(labels, ratio), torch.tensor([binary]).exp())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 10.0])
def test_binary_kl_is_the_divergence_of_bernoullis(temperature: float) -> None:
    student, teacher = logits(1, 4, 7), logits(2, 4, 7)
    expected = (
        kl_divergence(
            Bernoulli(logits=teacher.double() / temperature), Bernoulli(logits=student.double() / temperature)
        )
        .sum(1)
        .mean()
        * temperature**2
    )
    assert binary_kl(student, teacher, temperature).item() == pytest.approx(expected.item(), rel=1e-4)


def test_binary_kl_is_zero_only_where_equal() -> None:
    teacher = logits(3, 4, 7)
    assert binary_kl(teacher.clone(), teacher, 2.0).item() == 0
    for change in (0.01, -0.01):
        student = teacher.clone()
        student[2, 3] += change
        assert binary_kl(student, teacher, 2.0).item() > 0


def test_binary_kl_stays_finite_and_pulls_towards_the_teacher() -> None:
    student = torch.tensor([[200.0, -200.0, 0.0]], requires_grad=True)
    loss = binary_kl(student, torch.tensor([[-200.0, 200.0, 1.0]]), 1.0)
    loss.backward()
    assert loss.item() == pytest.approx(400, rel=1e-2)
    torch.testing.assert_close(student.grad.sign(), torch.tensor([[1.0, -1.0, -1.0]]))


def test_temperature_keeps_the_gradient_of_small_logits() -> None:
    """d KL / d student = T (p_student - p_teacher), about (student - teacher) / 4 whatever T."""
    for temperature in (1.0, 2.0, 8.0):
        student = torch.tensor([[0.02]], requires_grad=True)
        binary_kl(student, torch.tensor([[0.01]]), temperature).backward()
        assert student.grad.item() == pytest.approx(0.01 / 4, rel=1e-2)


def test_the_kl_at_each_timestep_is_the_mean_of_one_kl_per_timestep() -> None:
    per_timestep, teacher = logits(4, 5, 3, 7), logits(5, 3, 7)
    each = [binary_kl(one, teacher, 2.0).item() for one in per_timestep]
    assert timestep_kl(per_timestep, teacher, 2.0).item() == pytest.approx(np.mean(each), rel=1e-5)
    assert timestep_kl(teacher.expand(5, -1, -1), teacher, 2.0).item() == 0


def test_timesteps_that_differ_cost_more_than_their_mean() -> None:
    """The divergence is convex in the student's logits (Jensen), so that this term also pulls timesteps together."""
    per_timestep, teacher = logits(6, 5, 3, 7), logits(7, 3, 7)
    assert timestep_kl(per_timestep, teacher, 2.0) > binary_kl(per_timestep.mean(0), teacher, 2.0)
    same = per_timestep.mean(0).expand(5, -1, -1)
    torch.testing.assert_close(timestep_kl(same, teacher, 2.0), binary_kl(same[0], teacher, 2.0))


def test_feature_cosine_of_known_directions() -> None:
    features = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    assert feature_cosine(features, 5 * features).item() == pytest.approx(0)
    assert feature_cosine(features, -features).item() == pytest.approx(2)
    assert feature_cosine(features, features.flip(2)).item() == pytest.approx(1)
    half = torch.tensor([[[3.0, 0.0], [5.0, 0.0]]])
    assert feature_cosine(features, half).item() == pytest.approx(0.5)


def test_feature_cosine_compares_like_with_like() -> None:
    with pytest.raises(ValueError, match=r"\(1, 8, 4\) and \(1, 8, 6\)"):
        feature_cosine(torch.ones(1, 8, 4), torch.ones(1, 8, 6))
