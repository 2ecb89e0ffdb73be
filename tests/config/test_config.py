from __future__ import annotations

import json
from dataclasses import replace

import pytest
from configs import TRAIN_CONFIGS, UNTIMED
from hypothesis import given

from snnpar.config import (
    ConfigError,
    ModelConfig,
    TrainConfig,
    setting_fields,
)
from snnpar.config.flags import config_from
from snnpar.config.flags import given as flags
from snnpar.config.recipes import apply_recipe, to_arguments, usual_recipe
from train.__main__ import parser

MODEL = ModelConfig("spikingformer", image_size=[256, 128], dim=64, heads=4)


@UNTIMED
@given(TRAIN_CONFIGS)
def test_every_train_config_survives_json_and_the_command_line(config: TrainConfig) -> None:
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    chosen = parser().parse_args(to_arguments(config))
    named = chosen.recipe if "recipe" in chosen else usual_recipe(flags(chosen))
    assert apply_recipe(named, flags(chosen)).settings() == config.settings()


def test_default_needs_no_flag_and_a_flag_switches_off_what_is_on() -> None:
    assert to_arguments(apply_recipe("first-run", {})) == []
    changed = apply_recipe("first-run", {"prior_bias": False, "compile": True, "lr": 0.5})
    assert to_arguments(changed) == ["--no-prior-bias", "--lr", "0.5", "--compile"]
    assert to_arguments(TrainConfig()) == ["--recipe", "default"]
    assert config_from(parser().parse_args([])) == apply_recipe("first-run", {})


def test_every_setting_explains_itself() -> None:
    for spec in setting_fields():
        assert spec.help and spec.type in (str, int, float, bool)
        assert (spec.minimum is not None) == (spec.type in (int, float)), spec.name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"role": "boss"}, "role must be one of teacher, student; got 'boss'"),
        ({"epochs": 0}, "epochs must be between 1 and 10000; got 0"),
        ({"epochs": True}, "epochs must be of type int; got True"),
        ({"epochs": 2.0}, "epochs must be of type int; got 2.0"),
        ({"lr": float("nan")}, "lr must be between .* got nan"),
        ({"lr": float("inf")}, "lr must be between .* got inf"),
        ({"lr": "0.1"}, "lr must be of type float; got '0.1'"),
        ({"compile": 1}, "compile must be of type bool; got 1"),
        ({"data": None}, "data must be of type str; got None"),
        ({"dataset": "pa100k"}, "'pa100k' needs --data"),
        ({"dataset": "mixed"}, "'mixed' needs --data"),
        ({"feature_kd": True}, "distillation needs --teacher"),
        ({"logit_kd": True, "teacher": "t", "role": "teacher"}, "a teacher is not distilled"),
        ({"feature_kd": True, "teacher": "t", "timestep_weight": 1.0}, "switch logit_kd on, or leave it 0"),
        ({"logit_kd": True, "teacher": "t", "feature_mask": 0.3}, "switch feature_kd on, or leave it 0"),
    ],
)
def test_unusable_settings_say_what_is_usable(change: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig.of(**change)


def test_whole_numbers_suit_real_settings() -> None:
    assert TrainConfig.of(lr=1, weight_decay=0).optimisation.lr == 1


def test_model_config_survives_json() -> None:
    assert ModelConfig.from_dict(json.loads(json.dumps(MODEL.to_dict()))) == MODEL
    assert MODEL.image_size == (256, 128) and MODEL.token_grid == (16, 8)
    assert hash(MODEL) == hash(replace(MODEL))


def test_a_model_written_before_there_was_an_order_of_pooling_fires_first() -> None:
    values = MODEL.to_dict()
    del values["pool_first"]
    assert ModelConfig.from_dict(values) == MODEL and not MODEL.pool_first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_size": (100, 64)}, r"multiples of 16; got \(100, 64\)"),
        ({"image_size": (128,)}, "image_size must be"),
        ({"image_size": (128, 0)}, "image_size must be"),
        ({"image_size": (128.0, 64.0)}, "image_size must be"),
        ({"image_size": ("128", "64")}, "image_size must be"),
        ({"depth": 0}, "depth must be a whole number from 1 to 64; got 0"),
        ({"timesteps": 2.5}, "timesteps must be a whole number"),
        ({"depth": True}, "depth must be a whole number from 1 to 64; got True"),
        ({"tau": 0.5}, "tau must be at least 1 timestep; got 0.5"),
        ({"tau": float("nan")}, "tau must be"),
        ({"tau": "2"}, "tau must be"),
        ({"drop_path": -0.1}, "drop_path must be"),
        ({"drop_path": "much"}, "drop_path must be"),
        ({"stem": "root"}, "stem must be 'patch' or 'conv'; got 'root'"),
        ({"pool_first": 1}, "pool_first must be true or false"),
        ({"std": (1, 1, 0)}, "std > 0"),
        ({"std": (1, 1, float("inf"))}, "mean and std"),
        ({"mean": (0.5,)}, "3 channels"),
        ({"mean": ("a", "b", "c")}, "mean and std"),
    ],
)
def test_unusable_models_say_what_is_usable(change: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ModelConfig.from_dict(MODEL.to_dict() | change)


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (TrainConfig, {"epoch": 3}, "TrainConfig has no epoch; it has recipe, model"),
        (ModelConfig, {"architecture": "vtb", "b": 1, "a": 2}, "ModelConfig has no a, b"),
        (ModelConfig, {}, "ModelConfig: .*architecture"),
        (ModelConfig, {"architecture": "vtb", "image_size": 5}, "ModelConfig: "),
        (TrainConfig, ["role"], "must be a JSON object; got list"),
        (TrainConfig, None, "must be a JSON object; got NoneType"),
    ],
)
def test_json_that_is_no_config_is_refused(cls: type, values: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        cls.from_dict(values)
