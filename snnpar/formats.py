"""Numbers of the formats of kept files: an older file is brought up to date as it is read, a newer one is refused.

A file says the number of its format and the version that wrote it; format 1 is what version 0.1.0 wrote, without a
number. What lies in one folder with such a file (metrics, answers, notes, states) belongs to its format. To change a
format, raise its number in CURRENT and add the step from the one before to STEPS; never change a step.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from snnpar import __version__
from snnpar.errors import SnnparError

CHECKPOINT, EVALUATION, SLICE, LENS = "checkpoint", "evaluation", "slice", "lens"  # a run is a checkpoint
CURRENT = {CHECKPOINT: 1, EVALUATION: 1, SLICE: 1, LENS: 1}
STEPS: dict[tuple[str, int], Callable[[dict], dict]] = {}  # from a format to the next
STAMP = ("format", "snnpar")


class FormatError(SnnparError):
    """A file of a format that this version does not know; the message says which version does."""


def stamped(kind: str, content: dict) -> dict:
    """The content of a file with its format and the version that writes it."""
    return {"format": CURRENT[kind], "snnpar": __version__, **content}


def upgraded(kind: str, content: dict, path: Path) -> dict:
    """What a file of this kind says, in today's format and without its stamp. Raises FormatError."""
    number, newest = content.get("format", 1), CURRENT[kind]
    if isinstance(number, bool) or not isinstance(number, int) or not number >= 1:
        raise FormatError(f"{path} says format {number!r}, which is none; it is damaged")
    if number > newest:
        raise FormatError(
            f"{path} is a {kind} of format {number}, written by snnpar {content.get('snnpar', 'of a later version')}; "
            f"this is snnpar {__version__}, which knows formats up to {newest}: update it"
        )
    content = {name: value for name, value in content.items() if name not in STAMP}
    for step in range(number, newest):
        content = STEPS[kind, step](content)
    return content
