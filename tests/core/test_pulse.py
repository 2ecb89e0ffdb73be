from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from snnpar.core import pulse
from snnpar.core.pulse import PULSE, Pulse, beating
from snnpar.runs.jobs import Job, write_status


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a job of this process."""
    made = tmp_path / "run"
    made.mkdir()
    write_status(Job(made), state="running")
    return made


def test_it_beats_whatever_the_process_is_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "BEAT_S", 0.05)
    with beating(folder) as mine:
        seen, until = set(), time.monotonic() + 30
        while len(seen) < 3 and time.monotonic() < until:
            if (folder / PULSE).exists():
                seen.add((folder / PULSE).stat().st_mtime_ns)
            time.sleep(0.01)
        assert len(seen) == 3 and mine.gone() == ""
    assert not (folder / PULSE).exists()


def test_a_folder_that_was_moved_or_replaced_is_gone(folder: Path) -> None:
    mine = Pulse(folder)
    folder.rename(folder.with_name("moved"))
    assert "was moved or deleted" in mine.gone()
    folder.mkdir()
    assert "was moved or deleted" in mine.gone(), "another folder of that name"


def test_a_job_that_another_process_took_over_is_gone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "BEAT_S", 0.02)
    with beating(folder) as mine:
        written = json.loads((folder / "status.json").read_text())
        write_status(Job(folder), **written | {"pid": written["pid"] + 1, "host": "node7"})
        assert mine.gone() == f"run was taken over by process {os.getpid() + 1} on node7"
        time.sleep(0.1)
        (folder / PULSE).unlink(missing_ok=True)
        time.sleep(0.1)
        assert not (folder / PULSE).exists(), "it still gives signs of life"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_an_unreadable_status_takes_nothing_away(folder: Path, content: str) -> None:
    (folder / "status.json").write_text(content)
    assert Pulse(folder).gone() == ""
