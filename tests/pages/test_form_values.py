"""Form values and config say the same; what does not apply is left out, what is wrong is told at the field."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from configs import TRAIN_CONFIGS, UNTIMED
from hypothesis import given
from tiny import STUDENT, TEACHER, write_checkpoint

from pages.ui.train import form
from pages.ui.train.form_values import (
    CHOSEN,
    NEEDS,
    Seed,
    changed,
    faults,
    from_config,
    of_recipe,
    start_values,
    to_config,
    without_effect,
)
from snnpar.config import ConfigError, TrainConfig, absolute, setting_fields
from snnpar.config.flags import FOLDERS, parse_command
from snnpar.config.recipes import RECIPES, apply_recipe


@UNTIMED
@given(TRAIN_CONFIGS)
def test_a_config_fills_the_form_and_comes_back(config: TrainConfig) -> None:
    """But for settings without effect, which the form names; filling in again changes nothing more."""
    config = config.changed(**{name: absolute(config.settings()[name]) for name in FOLDERS})
    back = to_config(from_config(config))
    differ = {name for name, value in config.settings().items() if back.settings()[name] != value}
    assert differ == set(without_effect(config)) and differ <= set(NEEDS)
    assert to_config(from_config(back)) == back and not without_effect(back)


@pytest.mark.parametrize("distilled", [{}, {"teacher": "/t", "feature_kd": True, "logit_kd": True}])
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_fills_the_form_and_comes_back(recipe: str, distilled: dict) -> None:
    config = apply_recipe(recipe, distilled)
    assert to_config(from_config(config)) == config
    assert not changed(from_config(config))


def test_every_setting_has_one_place_and_every_need_comes_before_its_field() -> None:
    names = [spec.name for spec in setting_fields()]
    basic = [spec.name for spec in setting_fields() if spec.basic]
    assert basic == ["role", "model", "dataset", "data", "teacher", "epochs"]
    assert {spec.group for spec in setting_fields()} == {"", *form.TITLES}
    for field, need in NEEDS.items():
        assert all(names.index(other) < names.index(field) or other in CHOSEN for other in need.fields), field


def test_it_starts_as_the_command_without_flags_with_the_teacher_at_hand(tmp_path: Path) -> None:
    teacher = write_checkpoint(tmp_path / "teacher", TEACHER)
    start = start_values(teacher)
    assert to_config(start) == to_config(start_values(None)) == parse_command("python -m train")
    assert not changed(start) and not faults(start)
    distilled = to_config(start | {"logit_kd": True})
    assert distilled == apply_recipe("first-run", {"teacher": str(teacher.path), "logit_kd": True})


@pytest.mark.parametrize(
    ("recipe", "dataset", "then"),
    [
        ("first-run", "pa100k", "default"),
        ("first-run", "rendered", "first-run"),
        ("published-code", "peta", "published-code"),
    ],
)
def test_other_data_brings_its_usual_recipe_unless_another_is_picked(recipe: str, dataset: str, then: str) -> None:
    start = start_values(None) | {"recipe": recipe}
    seed, values = Seed(start).follow_data(start | {"dataset": dataset, "epochs": 5})
    assert values["recipe"] == then
    seed, values = seed.follow(values)
    assert values["epochs"] == (20 if then == "default" else 5)
    _, back = seed.follow_data(values | {"dataset": "rendered"})
    assert back["recipe"] == ("first-run" if then == "default" else then)


def test_features_are_distilled_between_equal_widths_only(tmp_path: Path) -> None:
    teacher = write_checkpoint(tmp_path / "wide", replace(TEACHER, dim=48)).path
    values = start_values(None) | {"teacher": str(teacher), "feature_kd": True}
    assert "spikingformer_cml_2_96 has tokens of 96 numbers, the teacher wide of 48" in faults(values)["feature_kd"]
    assert not faults(values | {"feature_kd": False, "logit_kd": True})


def test_another_recipe_fills_in_all_but_what_was_changed_by_hand() -> None:
    start = start_values(None)
    _, values = Seed(start).follow(start | {"recipe": "published-code", "lr": 0.5, "seed": 3})
    assert (values["lr"], values["seed"]) == (0.5, 3)
    rest = {name: value for name, value in values.items() if name not in (*CHOSEN, "lr", "seed")}
    recipe = of_recipe("published-code", values)
    assert rest == {name: value for name, value in recipe.items() if name not in ("lr", "seed")}
    assert set(changed(values)) == {"lr", "seed"}


def test_the_published_weight_follows_the_distillation_unless_set_by_hand() -> None:
    start = start_values(None)
    seed, values = Seed(start).follow(start | {"recipe": "published-code", "teacher": "/t"})
    weights = []
    for kd in ({"feature_kd": True}, {"logit_kd": True}, {"feature_kd": False}, {"role": "teacher"}):
        seed, values = seed.follow(values | kd)
        weights.append(values["ce_weight"])
    assert weights == [0.8, 0.6, 0.8, 1.0]
    _, values = seed.follow(values | {"role": "student", "ce_weight": 0.3})
    assert values["ce_weight"] == 0.3


def test_distillation_leaves_the_quick_start_alone() -> None:
    start = start_values(None)
    _, values = Seed(start).follow(start | {"feature_kd": True, "teacher": "/t"})
    assert values == start | {"feature_kd": True, "teacher": "/t"}


def test_the_teacher_follows_the_bar_until_one_is_picked() -> None:
    start = start_values(None)
    seed, values = Seed(start).teach("/a", start)
    assert values["teacher"] == "/a"
    seed, values = seed.teach("/b", values)
    assert values["teacher"] == "/b"
    assert seed.teach("/c", values | {"teacher": "/mine"})[1]["teacher"] == "/mine"


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"dataset": "pa100k"}, "data", "needs --data"),
        ({"dataset": "pa100k", "data": "/no/where"}, "data", "nothing lies at /no/where; give the path"),
        ({"logit_kd": True}, "teacher", "needs --teacher"),
        ({"logit_kd": True, "teacher": "/no/where"}, "teacher", "/no/where"),
        ({"init": "/no/where.pth"}, "init", "nothing lies at"),
        ({"batch_size": 12, "accumulate": 5}, "accumulate", "parts of which there are 1, 2, 3, 4, 6"),
        ({"batch_size": 12, "accumulate": 12}, "accumulate", "parts of which there are 1, 2, 3, 4, 6"),
        ({"epochs": 0}, "epochs", "between 1 and 10000"),
    ],
)
def test_a_fault_is_told_at_its_field(change: dict, field: str, sentence: str) -> None:
    found = faults(start_values(None) | change)
    assert set(found) == {field} and sentence in found[field]


def test_a_student_is_no_teacher(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "one", STUDENT).path
    assert faults(start_values(None) | {"logit_kd": True, "teacher": str(path)}) == {
        "teacher": "one is a student; pick the checkpoint of a teacher"
    }


def test_two_faults_are_told_at_once_and_none_is_told_of_what_does_not_apply() -> None:
    start = start_values(None)
    assert set(faults(start | {"dataset": "peta", "feature_kd": True})) == {"data", "teacher"}
    assert not faults(start | {"data": "/no/where", "role": "teacher", "feature_kd": True, "timestep_weight": 2.0})
    assert not faults(start | {"init": "timm:vit_tiny_patch16_224"})


def test_a_model_of_the_other_role_cannot_be_filled_in() -> None:
    with pytest.raises(ConfigError, match="vtb_conv_2_64 is a teacher, not a student"):
        from_config(TrainConfig.of(model="vtb_conv_2_64"))
    with pytest.raises(ConfigError, match="no model is called 'resnet'"):
        from_config(TrainConfig.of(model="resnet"))
    named = TrainConfig.of(model="spikingformer_cml_4_192")
    assert named.settings() == from_config(named)


@pytest.mark.parametrize("place", ["~nosuchuser/x", "a" * 300, "a\0b", "no/such/place"])
@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("data", {"dataset": "csv"}),
        ("init", {}),
        ("teacher", {"feature_kd": True}),
    ],
)
def test_what_can_be_no_path_is_said_at_its_field(place: str, field: str, more: dict) -> None:
    values = TrainConfig.of(model="spikingformer_1_64").settings() | more | {field: place}
    assert field in faults(values)
