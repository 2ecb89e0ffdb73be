"""A pasted command line gives the config that it would train, or one sentence; it is never run."""

from __future__ import annotations

import shlex

import pytest
from configs import TRAIN_CONFIGS, UNTIMED
from hypothesis import given

from snnpar.config import ConfigError, TrainConfig, absolute
from snnpar.config.flags import FOLDERS, parse_command
from snnpar.config.recipes import RECIPES, apply_recipe, to_arguments


@UNTIMED
@given(TRAIN_CONFIGS)
def test_the_command_shown_gives_its_config_back(config: TrainConfig) -> None:
    places = {name: absolute(config.settings()[name]) for name in FOLDERS}
    config = TrainConfig.of(**config.settings() | places)
    assert parse_command(shlex.join(["python", "-m", "train", *to_arguments(config)])) == config


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_comes_back(recipe: str) -> None:
    config = apply_recipe(recipe, {})
    assert parse_command(shlex.join(["python", "-m", "train", *to_arguments(config)])) == config


@pytest.mark.parametrize(
    "line",
    [
        "python -m train --epochs 7 --no-prior-bias",
        "$ PYTHONPATH=. /some/.venv/bin/python3 -m train --epochs=7 --no-prior-bias\n",
        "python -m train \\\n  --epochs 7 \\\n  --no-prior-bias",
        "torchrun --nproc-per-node 2 -m train --epochs 7 --no-prior-bias",
        "--epochs 7 --no-prior-bias",
        "python -m train --epochs 7 \\\n  --no-prior-bias \\",
    ],
)
def test_it_is_understood_however_it_was_written(line: str) -> None:
    assert parse_command(line) == apply_recipe("first-run", {"epochs": 7, "prior_bias": False})


def test_a_command_without_flags_is_a_first_run() -> None:
    assert parse_command("python -m train") == apply_recipe("first-run", {})


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "there is no command line"),
        ("python -m train --speed 9", r"no setting is called --speed; did you mean --seed\?"),
        ("python -m train --xyzzy 9", "no setting is called --xyzzy; paste one"),
        ("python -m train --epoch 7", "no setting is called --epoch; did you mean --epochs[?]"),
        ("python -m train --epochs 3 && rm -r checkpoints", "no setting is called -r; paste one"),
        ("python -m train $(ls)", r"no setting is called \$\(ls\)"),
        ("python -m train --run checkpoints/runs/a --resume", "--run is no setting; leave it out"),
        ("python -m train --out=/there", "--out=/there is no setting"),
        ("python -m snnpar evaluate x", "of something else"),
        ("python -m train --epochs many", "argument --epochs: invalid int value: 'many'"),
        ("python -m train --epochs 0", "epochs must be between 1 and 10000; got 0"),
        ("python -m train --optimizer sdg", "argument --optimizer: invalid choice: 'sdg' .*sgd"),
        ("python -m train --data 'here", "is a quotation mark missing"),
        ("python -m train --dataset pa100k", "needs --data"),
    ],
)
def test_what_is_no_setting_is_one_sentence(line: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as told:
        parse_command(line)
    assert "\n" not in str(told.value)
