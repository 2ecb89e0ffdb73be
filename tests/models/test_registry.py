from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from snnpar.config import DEFAULT_TASK, PAIR, TASKS, ConfigError
from snnpar.models import PRESETS, build_model, preset, role_of, unnamed


@pytest.mark.parametrize("name", PRESETS)
def test_presets_build(name: str) -> None:
    config = preset(name)
    with torch.device("meta"):
        model = build_model(config, 26)
    assert model.config == config and model.role == role_of(config) in PAIR
    assert model.prior_bias.shape == (26,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 5}, "dim must be a multiple of heads and of 8; got dim=64, heads=5"),
        ({"dim": 20}, "dim must be a multiple"),
        ({"pool_first": True, "architecture": "vit"}, "pool_first is for a spikingformer only; got true for a vit"),
        ({"heads": 5, "architecture": "vtb"}, "dim must be a multiple"),
    ],
)
def test_an_architecture_says_what_it_cannot_have(changes: dict, message: str) -> None:
    config = replace(preset("spikingformer_1_64"), **changes)
    for refuse in (lambda: build_model(config, 26), lambda: role_of(config)):
        with pytest.raises(ConfigError, match=message):
            refuse()


def test_every_role_has_a_small_model() -> None:
    assert set(TASKS[DEFAULT_TASK].models) == set(PAIR)
    assert {role: role_of(preset(unnamed(role))) for role in PAIR} == {role: role for role in PAIR}
    assert {role_of(config) for config in PRESETS.values()} == set(PAIR)


def test_small_models_distil_without_a_projection() -> None:
    student, teacher = (preset(unnamed(role)) for role in ("student", "teacher"))
    assert (student.dim, student.image_size, student.mean, student.std) == (
        teacher.dim,
        teacher.image_size,
        teacher.mean,
        teacher.std,
    )


def test_unknown_names_list_the_options() -> None:
    with pytest.raises(ConfigError, match="'resnet'.*spikingformer_4_192"):
        preset("resnet")
    wrong = replace(preset("spikingformer_1_64"), architecture="resnet")
    for refuse in (lambda: build_model(wrong, 26), lambda: role_of(wrong)):
        with pytest.raises(ConfigError, match="'resnet'.*spikingformer, vtb"):
            refuse()
