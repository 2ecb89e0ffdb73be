"""TrainConfig as flags: a parser made of its fields, and back from a command line that somebody pasted."""

from __future__ import annotations

import argparse
import re
import shlex
from typing import Any, NoReturn

from snnpar.config import FOLDERS, GROUPS, TASK, ConfigError, TrainConfig, absolute, setting_fields
from snnpar.config.recipes import RECIPES, apply_recipe, usual_recipe
from snnpar.core.commands import Parser
from snnpar.core.programs import TRAIN_WORDS

RUN_FLAGS = ("--run", "--resume", "--out", "--print-config")  # of `python -m train`, none of them a setting


def add_settings(flags: argparse.ArgumentParser, leave_out: tuple[str, ...] = ()) -> None:
    """Add one flag per setting, but those to leave out, in groups; flags that are not given leave no trace."""
    groups = {name: flags.add_argument_group(f"{name} settings") for name in (*GROUPS, TASK)}
    for spec in setting_fields():
        if spec.name in leave_out:
            continue
        group = groups.get(spec.group, flags)
        usual = f"{spec.default}{_in_a_first_run(spec.name)}"
        shown = f"{spec.help} (default: {usual})" if spec.default != "" else spec.help
        if spec.type is bool:
            group.add_argument(
                spec.flag, default=argparse.SUPPRESS, action=argparse.BooleanOptionalAction, help=spec.help
            )
        else:
            group.add_argument(
                spec.flag,
                default=argparse.SUPPRESS,
                type=spec.type,
                choices=spec.choices,
                metavar=spec.type.__name__.upper() if not spec.choices else None,
                help=shown.replace("%", "%%"),
            )


def _in_a_first_run(name: str) -> str:
    """The other default that a field has in recipe first-run, which a command without data follows."""
    values = RECIPES["first-run"].values
    return f", first-run: {values[name][0]}" if name in values else ""


def given(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that the command line names, by field."""
    return {spec.name: getattr(options, spec.name) for spec in setting_fields() if spec.name in options}


def config_from(options: argparse.Namespace) -> TrainConfig:
    """The config that the flags describe; folders become absolute, so that a run can be resumed from anywhere."""
    values = given(options)
    for name in FOLDERS:
        if values.get(name):
            values[name] = absolute(values[name])
    return apply_recipe(values.pop("recipe", usual_recipe(values)), values)


class _Sentences(Parser):
    """Raises what the command line would print before it ends."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(message)

    def refuse(self, unknown: list[str]) -> NoReturn:
        runs = [word for word in unknown if word.split("=")[0] in RUN_FLAGS]
        if runs:
            raise ConfigError(f"{runs[0]} is no setting; leave it out (to take the settings of a run, pick the run)")
        near = self.near(unknown[0].split("=")[0]) or f"; paste one {TRAIN_WORDS} with its flags only"
        raise ConfigError(f"no setting is called {' '.join(unknown[:3])}{near}")


def parse_command(line: str) -> TrainConfig:
    """The config of a pasted `python -m train --...`, which is read and never run; its flags alone will do.

    Raises ConfigError with one sentence for what is no setting.
    """
    try:
        words = shlex.split(re.sub(r"\\\r?(\n|$)", " ", line.strip().removeprefix("$ ")))
    except ValueError as error:
        raise ConfigError(f"the command line cannot be read ({error}); is a quotation mark missing?") from error
    words = _without_program(words)
    if not words and "train" not in line:
        raise ConfigError(f"there is no command line; paste {TRAIN_WORDS} with its flags")
    flags = _Sentences(prog="train", add_help=False)
    add_settings(flags)
    return config_from(flags.parse_args(words))


def _without_program(words: list[str]) -> list[str]:
    """What follows `python -m train` or `snnpar train`, whichever python it is and whatever stands before it."""
    for index in range(len(words) - 1):
        if words[index] in ("-m", "snnpar") and words[index + 1] in ("train", "snnpar.train"):
            return words[index + 2 :]
    if "-m" in words:
        raise ConfigError(f"this is the command line of something else; paste one of {TRAIN_WORDS}")
    return words
