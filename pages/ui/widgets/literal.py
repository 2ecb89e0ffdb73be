"""Text that anybody may have written, for places where Streamlit reads Markdown: links, files, configs, the Hub."""

from __future__ import annotations

import re
from pathlib import Path

import snnpar

JOINER = "\u2060"  # no width, no meaning: keeps two letters from being read as one thing
_MARKUP = re.compile(r"([!-/:-@\[-`{-~])")  # all that a backslash may stand before
# What Streamlit looks for after it has read the Markdown, where no backslash helps: addresses, icons and arrows.
_LATER = re.compile(
    r"(?i)(?<=:)(?=//|[\w+-]+:)|(?<=www)(?=\.)|(?<=@)(?=[-\w]+\.)"
    r"|(?:(?<=^[-<>=~])|(?<=\s[-<>=~]))(?=[->=]{1,2}(?:\s|$))"
)
_STOPS = r"\s/'\"(),;:"


def literal(text: object) -> str:
    """The text as one line of Markdown that shows it letter by letter: no emphasis, link, image, formula or icon."""
    line = "".join(one if one.isprintable() else " " for one in str(text)).strip()
    return _MARKUP.sub(r"\\\1", _LATER.sub(JOINER, line))


def names_only(text: str) -> str:
    """The text with the last name alone of every absolute path."""
    for root in (snnpar.RUNS, snnpar.EVALUATIONS, snnpar.SLICES, snnpar.CHECKPOINTS, snnpar.ROOT, Path.home()):
        text = re.sub(
            rf"{re.escape(str(root))}(?:/(?:[^{_STOPS}]+/)*(?=[^{_STOPS}])|(?![^{_STOPS}]))",
            lambda found, name=root.name: "" if found[0].endswith("/") else name,
            text,
        )
    return re.sub(rf"(?<![\w:/.])[~.]{{0,2}}/(?:[^{_STOPS}]+/)*(?=[^{_STOPS}])", "", text)
