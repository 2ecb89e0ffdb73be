"""Jobs: a folder that a process of its own works in, and that says in status.json who that is and how it ended.

Training runs and evaluations are jobs. They end without the page or terminal that started them, and are never
shown as running when their process is gone. A file that grows (`HEARTBEATS`) is a sign of life.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from snnpar import ROOT
from snnpar.atomic import write_text

STALLED_AFTER_S = 120  # no heartbeat for this long while the process lives
HEARTBEATS = ("metrics.jsonl", "progress.json")


class JobError(ValueError):
    """A job that cannot be started or stopped; the message says why."""


@dataclass(frozen=True)
class Job:
    """One folder with a status.json and a log.txt."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True)
class JobStatus:
    """state: created, running, stalled, stopped, failed, lost or done; message: why it ended, if it did."""

    state: str
    message: str = ""
    pid: int | None = None

    @property
    def is_active(self) -> bool:
        return self.state in ("running", "stalled")


def start(job: Job, arguments: list[str]) -> None:
    """Start `python ARGUMENTS` detached: its own session, no pipe, output to log.txt."""
    if status(job).is_active:
        raise JobError(f"{job.name} is already running")
    with open(job.path / "log.txt", "ab") as log:
        process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT, start_new_session=True)
    write_status(job, state="running", **process_identity(process.pid))


def process_identity(pid: int) -> dict:
    """What tells this process from a later one with the same number."""
    return {"pid": pid, "started": psutil.Process(pid).create_time()}


def write_status(job: Job, **values: object) -> None:
    """Replace status.json."""
    write_text(job.path / "status.json", json.dumps({**values, "written": time.time()}) + "\n")


def status(job: Job) -> JobStatus:
    """The state as the files and the process table show it; a dead process is never 'running'."""
    try:
        written = json.loads((job.path / "status.json").read_text("utf-8"))
        state = written["state"]
    except (OSError, ValueError, KeyError, TypeError):
        return JobStatus("lost", "status.json is missing or unreadable; resume the run")
    if state != "running":
        return JobStatus(state, written.get("message", ""))
    if not is_alive(written):
        if written.get("stop_requested"):
            return JobStatus("stopped", "stopped on request before the first step; resume starts it")
        return JobStatus("lost", "the process ended without saying why; see the log, then resume")
    quiet = time.time() - max(written.get("written", 0), *(modified(job.path / name) for name in HEARTBEATS))
    return JobStatus("stalled" if quiet > STALLED_AFTER_S else "running", pid=written["pid"])


def is_alive(written: dict) -> bool:
    """Does the process that status.json names still run?"""
    try:
        process = psutil.Process(written["pid"])
        same = abs(process.create_time() - written["started"]) < 2
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, TypeError, ValueError, OverflowError):
        return False


def modified(path: Path) -> float:
    """When a file was last written, 0 if there is none."""
    return path.stat().st_mtime if path.exists() else 0.0


def stop(job: Job) -> None:
    """Ask the job to end at its next safe point, from which it can be resumed."""
    current = status(job)
    if not current.is_active:
        raise JobError(f"{job.name} is not running (it is {current.state})")
    try:
        # A process that is still starting dies of the signal; the mark tells that from a crash.
        write_status(job, state="running", stop_requested=True, **process_identity(current.pid))
        os.kill(current.pid, signal.SIGTERM)
    except (psutil.NoSuchProcess, ProcessLookupError):
        raise JobError(f"{job.name} has just ended") from None


def read_log(job: Job, lines: int = 40) -> str:
    """The end of log.txt; a progress bar's carriage returns become its last state."""
    path = job.path / "log.txt"
    if not path.exists():
        return ""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 64_000))
        text = file.read().decode("utf-8", "replace")
    ended = text.rstrip("\n").split("\n")[-lines:]  # splitlines would split at carriage returns too
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in ended)
