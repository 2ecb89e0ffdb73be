"""Recipes: presets, their sources, and the way from config to command line and back."""

from __future__ import annotations

import pytest

from snnpar.config import ConfigError, TrainConfig, setting_fields
from snnpar.config.flags import parse_command
from snnpar.config.recipes import (
    CODE,
    OPEN,
    PAPER,
    RECIPES,
    SOURCES,
    STATED,
    apply_recipe,
    explain_config,
    source_of,
    to_arguments,
)
from snnpar.runs.run import create_run
from train.__main__ import main


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_alone_needs_one_flag(name):
    assert to_arguments(apply_recipe(name, {})) == ([] if name == "first-run" else ["--recipe", name])


def test_a_recipe_that_is_not_named_is_a_first_run_on_rendered_pedestrians_alone():
    assert parse_command("python -m train") == apply_recipe("first-run", {})
    assert parse_command("python -m train --lr 1e-3").recipe == "first-run"
    real = parse_command("python -m train --dataset pa100k --data /d")
    assert real == TrainConfig.of(dataset="pa100k", data="/d") and "--recipe" not in to_arguments(real)
    assert parse_command("python -m train --recipe default") == TrainConfig()


def test_given_values_win():
    assert apply_recipe("published-code", {"epochs": 3}).optimisation.epochs == 3


@pytest.mark.parametrize(
    ("features", "logits", "weight"),
    [
        (False, False, 1.0),
        (True, False, 0.8),
        (False, True, 0.8),
        (True, True, 0.6),
    ],
)
def test_published_weight_of_the_cross_entropy(features, logits, weight):
    given = {"feature_kd": features, "logit_kd": logits, "teacher": "somewhere"}
    assert apply_recipe("published-code", given).task.ce_weight == weight
    assert apply_recipe("default", given).task.ce_weight == 1.0


def test_an_unknown_recipe_lists_the_known_ones():
    with pytest.raises(ConfigError, match="default, first-run, published-code, published-paper"):
        apply_recipe("adam", {})


def test_every_value_says_where_it_comes_from():
    text = explain_config(apply_recipe("published-paper", {"epochs": 7}), {"epochs": 7})
    lines = {line.split()[0]: line for line in text.splitlines()[1:]}
    assert set(lines) == {spec.name for spec in setting_fields()} - {"recipe"}
    assert lines["epochs"].endswith("given")
    assert lines["batch_size"].endswith(STATED) and lines["grad_clip"].endswith(OPEN)
    code = explain_config(apply_recipe("published-code", {}), {})
    assert f"sgd                      {CODE}" in code


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("epochs", 60, "sections 3.4 and 4.2"),
        ("batch_size", 12, "sections 3.4 and 4.2"),
        ("temperature", 2.0, "sections 3.4 and 4.2"),
        ("logit_loss", "softmax", "sections 3.4 and 4.2"),
        ("weight_decay", 1e-4, 'read as weight decay: "a decay rate of 1e-4 as training progresses"'),
        ("lr", 1e-3, "contradicts itself: 8e-4 beside a warm-up to 1e-3"),
        ("optimizer", "adam", PAPER),
        ("warmup_epochs", 10, PAPER),
        ("schedule", "steps", PAPER),
    ],
)
def test_what_the_paper_states_is_tagged_as_the_papers(field, value, words):
    source = source_of("published-paper", field)
    assert source.startswith(PAPER) and words in source
    assert apply_recipe("published-paper", {}).settings()[field] == value
    assert source_of("published-code", field) == CODE


def test_the_printed_configuration_shows_the_sources(capsys):
    assert main(["--recipe", "published-paper", "--print-config"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()[1:]}
    assert "8e-4" in lines["lr"] and "read as weight decay" in lines["weight_decay"] and STATED in lines["epochs"]


def test_a_default_names_the_paper_behind_it():
    text = explain_config(apply_recipe("default", {}), {})
    lines = {line.split()[0]: line for line in text.splitlines()[1:]}
    assert "arXiv 2308.06453" in lines["logit_loss"] and lines["lr"].endswith(" ours")
    assert set(SOURCES) <= set(lines)
    for recipe in ("published-code", "published-paper"):  # what they leave to us is ours, what they say is theirs
        told = {name: source_of(recipe, name) for name in ("timestep_weight", "feature_mask", "label_weighting", "ema")}
        assert set(told.values()) <= {CODE, PAPER, OPEN} and source_of(recipe, "log_steps") == "ours"


def test_a_better_default_changes_no_published_recipe():
    """They name whatever decides the loss, beside what is switched on to distil at all."""
    loss = {spec.name for spec in setting_fields() if spec.name.endswith(("_weight", "_loss", "_mask", "_weighting"))}
    for name in ("published-code", "published-paper"):
        assert loss - set(RECIPES[name].values) == {"ce_weight"}  # of PUBLISHED_CE_WEIGHTS


def test_print_config_of_a_run_prints_that_of_the_run(capsys, tmp_path):
    run = create_run(TrainConfig.of(model="spikingformer_1_64", epochs=7), tmp_path / "run")
    assert main(["--run", str(run.path), "--print-config"]) == 0
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()[1:]}
    assert lines["epochs"] == ["7", "given"] and lines["model"] == ["spikingformer_1_64", "given"]
    assert lines["batch_size"] == ["32", "ours"]
    assert main(["--run", str(tmp_path / "none"), "--print-config"]) == 2
    assert main(["--run", str(run.path), "--print-config", "--lr", "1"]) == 2


@pytest.mark.parametrize("flag", ["--run=", "--out="])
def test_an_empty_folder_is_no_default_run(flag, capsys, own_runs):
    """As of a variable of the shell that is not set."""
    assert main([flag]) == 2
    assert "needs a folder; it is empty" in capsys.readouterr().err and not list(own_runs.iterdir())


def test_print_config_needs_no_data_and_makes_no_run(capsys):
    assert main(["--recipe", "published-code", "--print-config"]) == 0
    assert "recipe published-code" in capsys.readouterr().out
