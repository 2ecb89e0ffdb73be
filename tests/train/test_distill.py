"""The terms of the loss, switched one by one."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch
from torch import nn

from snnpar.config import ConfigError, TrainConfig
from snnpar.models import ModelOutput, preset
from snnpar.models.losses import binary_kl, feature_cosine
from train.distill import check_teacher, loss_terms

BOTH = TrainConfig.of(teacher="t", feature_kd=True, logit_kd=True)
RATIO = torch.tensor([0.1, 0.5, 0.9])


def output(seed: int, timesteps: int = 4) -> ModelOutput:
    """Two images, three attributes, eight tokens of four channels."""
    generator = torch.Generator().manual_seed(seed)
    per_timestep = torch.randn(timesteps, 2, 3, generator=generator)
    return ModelOutput(
        per_timestep.mean(0), torch.randn(2, 8, 4, generator=generator), logits_per_timestep=per_timestep
    )


STUDENT, TEACHER = output(0), output(1)
LABELS = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 2.0]])


def terms(config: TrainConfig, restorer: nn.Module | None = None) -> dict[str, torch.Tensor]:
    return loss_terms(STUDENT, LABELS, RATIO, TEACHER, config, restorer)


def test_a_part_that_is_off_leaves_no_term() -> None:
    assert list(terms(TrainConfig())) == ["ce"]
    assert list(terms(BOTH)) == ["ce", "feature", "logit"]
    assert list(terms(BOTH.changed(timestep_weight=0.5))) == ["ce", "feature", "logit", "timestep"]


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_timestep_term_is_its_weight_times_the_mean_kl(temperature: float) -> None:
    config = BOTH.changed(timestep_weight=0.5, temperature=temperature, logit_loss="softmax")
    each = [binary_kl(one, TEACHER.logits, temperature).item() for one in STUDENT.logits_per_timestep]
    found = terms(config)
    assert found["timestep"].item() == pytest.approx(0.5 * sum(each) / 4, rel=1e-5)
    others = terms(config.changed(timestep_weight=0.0))
    assert all(torch.equal(others[name], found[name]) for name in others)


def test_labels_without_weighting_count_alike_and_unknown_ones_not_at_all() -> None:
    zero = replace(STUDENT, logits=torch.zeros(2, 3))
    plain = loss_terms(zero, LABELS, RATIO, None, TrainConfig.of(label_weighting="none"))["ce"].item()
    assert plain == pytest.approx(math.log(2) * 5 / 2)  # five known labels, two images
    weighted = loss_terms(zero, LABELS, RATIO, None, TrainConfig())["ce"].item()
    weights = [math.exp(w) for w in (0.9, 0.5, 0.1, 0.1, 0.5)]  # rare positives and common negatives more
    assert weighted == pytest.approx(math.log(2) * sum(weights) / 2)


def test_a_restorer_stands_between_the_student_and_the_feature_loss_only() -> None:
    class Flip(nn.Module):
        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return tokens.flip(2)

    plain, restored = terms(BOTH), terms(BOTH, Flip())
    expected = BOTH.distillation.feature_weight * feature_cosine(STUDENT.features.flip(2), TEACHER.features)
    torch.testing.assert_close(restored["feature"], expected)
    assert restored["feature"] != plain["feature"]
    assert all(torch.equal(plain[name], restored[name]) for name in ("ce", "logit"))


def test_timesteps_are_asked_of_spiking_students_only(tmp_path: Path) -> None:
    teacher = tiny.write_checkpoint(tmp_path, preset("vtb_conv_2_96"))
    config = BOTH.changed(timestep_weight=1.0)
    for name in ("spikingformer_2_96", "spikingformer_cml_2_96"):
        check_teacher(teacher, preset(name), config)
    check_teacher(teacher, preset("vit_2_96"), BOTH)
    with pytest.raises(ConfigError, match="a vit has no timesteps .* set timestep_weight to 0"):
        check_teacher(teacher, preset("vit_2_96"), config)
