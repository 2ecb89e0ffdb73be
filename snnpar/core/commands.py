"""Command lines that take flags by their whole names only, and say which name was probably meant."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

_FLAG = re.compile(r"--?[A-Za-z]\S*")  # with a space in it, it is a value, as for argparse
_CHOICE = re.compile(r"invalid choice: '(.*)' \(choose from (.*)\)")
BEGUN = 3  # names that begin with a word, at most


class Parser(argparse.ArgumentParser):
    """An argument parser whose flags are exact. An error, exit status 2, is told by the command that it concerns: its
    usage, the flag or command that is unknown, and those that resemble it. Subcommands are parsers of the same class.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        self.has_commands = False

    def add_subparsers(self, **options: Any) -> argparse._SubParsersAction:
        self.has_commands = True
        return super().add_subparsers(**options)

    def parse_known_args(
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
    ) -> tuple[argparse.Namespace, list[str]]:
        """Nothing stays unknown. Flags are looked at first, so that no missing argument hides a wrong one."""
        words = list(sys.argv[1:] if args is None else args)
        if unknown := self._unknown_flags(words):
            self.refuse(unknown)
        options, rest = super().parse_known_args(words, namespace)
        if rest:
            self.refuse(rest)
        assert options is not None  # it made one
        return options, rest

    def refuse(self, unknown: list[str]) -> None:
        """End with what is unknown: flags, or words that no argument takes."""
        flag = unknown[0].partition("=")[0]
        if _FLAG.fullmatch(flag):
            self.error(f"there is no flag {flag}{self.near(flag)}")
        self.error(f"unrecognized arguments: {' '.join(unknown)}{self.near(unknown[0])}")

    def near(self, word: str) -> str:
        """The flags that resemble a word, as `did_you_mean` puts it."""
        return did_you_mean(word, self._option_string_actions)

    def error(self, message: str) -> None:
        """End with usage and message; a choice that is none gets those that resemble it."""
        found = _CHOICE.search(message)
        near = did_you_mean(found[1], re.findall(r"[^', ]+", found[2])) if found else ""
        super().error(message + near)

    def _unknown_flags(self, words: list[str]) -> list[str]:
        """Those of this parser's own: where it has commands, what follows the command is for that."""
        unknown = []
        for word in words:
            if word == "--" or (self.has_commands and not word.startswith("-")):
                break
            name = word.partition("=")[0]
            # argparse takes -hX as -h with X.
            if _FLAG.fullmatch(word) and not {name, word[:2]} & self._option_string_actions.keys():
                unknown.append(word)
        return unknown


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """ "; did you mean --epochs?", or nothing where no name begins with the word or much resembles it."""
    bare = {name.lstrip("-"): name for name in names}
    wanted = word.lstrip("-")
    if len(wanted) < 2 and not (wanted and word.startswith("--")):  # a letter says too little
        return ""
    begun = sorted((name for name in bare if name.startswith(wanted)), key=len)[:BEGUN]
    shown = [bare[name] for name in begun or get_close_matches(wanted, bare, n=1)]
    return f"; did you mean {' or '.join(shown)}?" if shown else ""
