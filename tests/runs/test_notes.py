"""Tags and notes of a run: kept in their own file, whatever else is in the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from snnpar.runs.jobs import Job
from snnpar.runs.notes import MOST_LETTERS, MOST_TAGS, NOTES, Notes, NotesError, change_tags, read_notes, set_note


@pytest.fixture
def run(tmp_path: Path) -> Job:
    (tmp_path / "config.json").write_text("as trained")
    return Job(tmp_path)


def test_tags_and_a_note_come_back_and_nothing_else_changes(run: Job) -> None:
    assert read_notes(run) == Notes()
    change_tags(run, add=["b", "a", "b"])
    set_note(run, "  - two\nlines, ünïcode \x07 ")
    change_tags(run, add=["seed/1"], remove=["b", "never-there"])
    assert read_notes(run) == Notes(("a", "seed/1"), "- two\nlines, ünïcode")
    set_note(run, "")
    assert read_notes(run) == Notes(("a", "seed/1")) and (run.path / "config.json").read_text() == "as trained"


@pytest.mark.parametrize("tag", ["", "two words", "=1+1", "-x", "@a", "a,b", "<b>", "x" * 41, "a\n"])
def test_what_is_no_tag_is_refused(run: Job, tag: str) -> None:
    with pytest.raises(NotesError, match="cannot be a tag"):
        change_tags(run, add=["good", tag])
    assert read_notes(run) == Notes()


def test_too_much_is_refused(run: Job, tmp_path: Path) -> None:
    with pytest.raises(NotesError, match=f"at most {MOST_TAGS}"):
        change_tags(run, add=[f"t{i}" for i in range(MOST_TAGS + 1)])
    with pytest.raises(NotesError, match=f"{MOST_LETTERS:,}"):
        set_note(run, "x" * (MOST_LETTERS + 1))
    with pytest.raises(NotesError, match="is gone"):
        set_note(Job(tmp_path / "gone"), "x")
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '{"tags": 3, "note": []}', '{"tags": [1, "a b", null]}'])
def test_a_damaged_file_is_empty_and_can_be_written_again(run: Job, content: str) -> None:
    (run.path / NOTES).write_text(content)
    assert read_notes(run) == Notes()
    assert change_tags(run, add=["a"]) == read_notes(run) == Notes(("a",))
