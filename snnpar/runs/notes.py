"""What people write on a run: tags and a note, in notes.json of its folder; config.json stays as it was trained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from snnpar.core.atomic import write_text
from snnpar.core.errors import SnnparError
from snnpar.core.locks import lock
from snnpar.runs.jobs import Job

NOTES = "notes.json"
TAG = re.compile(r"\w[\w.:/+-]{0,39}")
MOST_TAGS, MOST_LETTERS = 20, 2000


class NotesError(SnnparError):
    """A tag or note that cannot be kept; the message says what would do."""


@dataclass(frozen=True)
class Notes:
    """tags: words to find runs by, in the order in which they were given; note: plain text."""

    tags: tuple[str, ...] = ()
    note: str = ""


def read_notes(run: Job) -> Notes:
    """The notes of a run; what is missing or cannot be read is empty."""
    try:
        content = json.loads((run.path / NOTES).read_text("utf-8"))
        tags = content.get("tags", [])
        note = content.get("note", "")
    except (OSError, ValueError, AttributeError, RecursionError):
        return Notes()
    known = [tag for tag in tags if isinstance(tag, str) and TAG.fullmatch(tag)] if isinstance(tags, list) else []
    return Notes(tuple(dict.fromkeys(known)), note if isinstance(note, str) else "")


def change_tags(run: Job, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Notes:
    """Give a run tags, and take others away. Raises NotesError for what is no tag."""
    add, gone = [check_tag(tag) for tag in add], set(remove)
    with _editing(run):
        known = read_notes(run)
        tags = tuple(tag for tag in dict.fromkeys((*known.tags, *add)) if tag not in gone)
        if len(tags) > MOST_TAGS:
            raise NotesError(f"{run.name} would have {len(tags)} tags; at most {MOST_TAGS} are kept")
        return _write(run, Notes(tags, known.note))


def set_note(run: Job, text: str) -> Notes:
    """Replace the note of a run; "" takes it away. Raises NotesError when it is too long."""
    text = "".join(one for one in text if one == "\n" or one.isprintable()).strip()
    if len(text) > MOST_LETTERS:
        raise NotesError(f"the note has {len(text):,} letters; at most {MOST_LETTERS:,} are kept")
    with _editing(run):
        return _write(run, Notes(read_notes(run).tags, text))


def check_tag(tag: str) -> str:
    """The tag. Raises NotesError unless it is one word of letters, digits and . _ - + : /"""
    if not TAG.fullmatch(tag):
        raise NotesError(f"{tag!r} cannot be a tag; use up to 40 letters, digits and . _ - + : /, without spaces")
    return tag


def _editing(run: Job):  # noqa: ANN202  a context manager
    """Nobody else changes the notes meanwhile. Raises NotesError when the run is gone."""
    if not run.path.is_dir():
        raise NotesError(f"{run.name} is gone; somebody has deleted it")
    return lock(run.path / f".{NOTES}.lock")


def _write(run: Job, notes: Notes) -> Notes:
    try:
        write_text(run.path / NOTES, json.dumps(asdict(notes), ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise NotesError(f"{run.path / NOTES} cannot be written ({error.strerror})") from error
    return notes
