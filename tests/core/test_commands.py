"""Every command line takes flags by their whole names only, and errors are told by the command that they concern."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from snnpar.__main__ import parser as snnpar_parser
from snnpar.config import ConfigError
from snnpar.config.flags import parse_command
from snnpar.core.commands import Parser, did_you_mean
from snnpar.schema import phrases
from train.__main__ import parser as train_parser
from train.ablate.__main__ import parser as ablate_parser

ROOT = Path(__file__).resolve().parents[2]


def leaves(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[Parser, tuple[str, ...]]]:
    """The commands that do something, and the words that lead to them."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield parser, words
    for action in inner:
        for name, command in action.choices.items():
            yield from leaves(command, (*words, name))


MAINS = {main.prog: main for main in (snnpar_parser(), train_parser(), ablate_parser(), phrases.parser())}
COMMANDS = {command.prog: (MAINS[prog], command, words) for prog in MAINS for command, words in leaves(MAINS[prog])}
FLAGS = [
    (prog, flag)
    for prog, (_, command, _) in COMMANDS.items()
    for flag in command._option_string_actions
    if flag.startswith("--")
]


def refused(parser: Parser, words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """The usage and the sentence with which a command line ends, exit status 2."""
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(words)
    assert ended.value.code == 2
    usage, sentence = capsys.readouterr().err.rsplit(": error: ", 1)
    return usage, sentence.strip()


def test_all_commands_are_looked_at() -> None:
    assert {
        "python -m train",
        "python -m train.ablate",
        "python -m snnpar.schema.phrases",
        "python -m snnpar evaluate",
        "python -m snnpar runs show",
        "python -m snnpar bench training",
    } <= COMMANDS.keys()
    assert all(isinstance(command, Parser) for _, command, _ in COMMANDS.values())
    others = [
        path
        for package in ("snnpar", "train")
        for path in sorted((ROOT / package).rglob("*.py"))
        if "argparse.ArgumentParser(" in path.read_text("utf-8")
    ]
    assert not others, f"make these parsers with snnpar.core.commands.Parser: {others}"


@pytest.mark.parametrize(("prog", "flag"), FLAGS)
def test_an_abbreviated_flag_is_refused_and_named(prog: str, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    main, command, words = COMMANDS[prog]
    short = flag[:-1]
    if short in command._option_string_actions:
        pytest.skip(f"{short} is a flag itself")
    usage, sentence = refused(main, [*words, short], capsys)
    assert usage.startswith(f"usage: {prog} [-h]") and usage.endswith(prog)
    begun = [name for name in command._option_string_actions if name.startswith(short)]
    assert sentence.startswith(f"there is no flag {short}; did you mean ")
    assert flag in sentence or len(begun) > 3


@pytest.mark.parametrize("prog", COMMANDS)
def test_what_resembles_nothing_is_refused_with_the_commands_own_usage(
    prog: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main, _, words = COMMANDS[prog]
    usage, sentence = refused(main, [*words, "--xyzzy=1"], capsys)
    assert usage.startswith(f"usage: {prog} [-h]") and sentence == "there is no flag --xyzzy"


@pytest.mark.parametrize(
    ("words", "prog", "sentence"),
    [
        (["evalute", "x"], "python -m snnpar", "did you mean evaluate?"),
        (["runs", "lst"], "python -m snnpar runs", "did you mean list?"),
        (["runs", "resum", "x"], "python -m snnpar runs", "did you mean resume?"),
        (["bench", "trainig"], "python -m snnpar bench", "did you mean training?"),
        (["hub", "psuh"], "python -m snnpar hub", "did you mean push?"),
        (["--verbose", "models"], "python -m snnpar", "there is no flag --verbose"),
        (["models", "all"], "python -m snnpar models", "unrecognized arguments: all"),
        (
            ["evaluate", "--spilt", "val"],
            "python -m snnpar evaluate",
            "there is no flag --spilt; did you mean --split?",
        ),
        (["evaluate", "x", "--convention", "publised"], "python -m snnpar evaluate", "did you mean published?"),
        (["export", "x"], "python -m snnpar export", "the following arguments are required: folder"),
        (["runs", "create", "--recpie", "x"], "python -m snnpar runs create", "did you mean --recipe?"),
    ],
)
def test_near_misses_are_named(words: list[str], prog: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    usage, said = refused(snnpar_parser(), words, capsys)
    assert usage.startswith(f"usage: {prog} [-h]") and said.endswith(sentence)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--epoch", "3"], "there is no flag --epoch; did you mean --epochs?"),
        (["-epochs", "3"], "there is no flag -epochs; did you mean --epochs?"),
        (["epochs", "3"], "unrecognized arguments: epochs 3; did you mean --epochs?"),
        (["--no-compil"], "there is no flag --no-compil; did you mean --no-compile?"),
    ],
)
def test_training_flags_are_exact(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(train_parser(), words, capsys)[1] == sentence


def test_values_that_look_like_flags_stay_values() -> None:
    flags = Parser(prog="x")
    flags.add_argument("--shift", type=float)
    flags.add_argument("words", nargs="*")
    options = flags.parse_args(["--shift", "-0.5", "--", "--not-a-flag", "-x"])
    assert (options.shift, options.words) == (-0.5, ["--not-a-flag", "-x"])
    assert flags.parse_args(["-a b"]).words == ["-a b"]


def test_a_pasted_command_is_as_exact() -> None:
    with pytest.raises(ConfigError, match=r"no setting is called --batch; did you mean --batch-size\?"):
        parse_command("python -m train --batch 8")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("--epoch", "; did you mean --epochs?"),
        ("--ep", "; did you mean --epochs?"),
        ("--", ""),
        ("--zzz", ""),
        ("-e", ""),
        ("--e", "; did you mean --ema or --epochs?"),
        ("--sed", "; did you mean --seed?"),
    ],
)
def test_what_begins_so_comes_before_what_resembles(word: str, said: str) -> None:
    assert did_you_mean(word, ("--epochs", "--ema", "--seed")) == said
