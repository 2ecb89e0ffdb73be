"""Jobs: a folder that a process of its own works in. What state it is in is derived, so that no file can lie.

status.json says who works here and how it ended; the job's own process writes it (and whoever starts it, until it has
begun). asked.json says that somebody wants it to stop or be killed, and which process was meant. The process table
says whether that lives, and a file that changes (`HEARTBEATS`) that it gets on. Training runs and evaluations are jobs;
they end without the page or terminal that started them.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from snnpar import ROOT
from snnpar.core.atomic import read_dict, write_text
from snnpar.core.errors import SnnparError
from snnpar.core.processes import (
    before_restart,
    boot_id,
    end,
    in_sight,
    is_alive,
    process_identity,
    processes_of,
    same_process,
)
from snnpar.core.pulse import PULSE

STALLED_AFTER_S = 120  # no heartbeat for this long while the process lives
STATUS, PROGRESS, LOG = "status.json", "progress.json", "log.txt"
HEARTBEATS = ("metrics.jsonl", PROGRESS)
STATES = ("created", "queued", "running", "stalled", "stopping", "stopped", "killed", "lost", "failed", "done")
ACTIVE = ("queued", "running", "stalled", "stopping")
PAST = ("worked", "failed")  # of status.json: has it ever been at work, and why it failed when it last was
AT_WORK = {"worked": True, "failed": ""}
RESUME, AFRESH = "resume goes on from the last saved state", "resume starts from the beginning"
SAVED = ("states/epoch-*", "parts/*")  # what a run and an evaluation go on from
CROWDED = 0.85  # share of the memory from which a sudden death looks like running out of it


class JobError(SnnparError):
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
    """state: one of STATES; message: what it waits for, or why it ended; pid: of its process while that lives."""

    state: str
    message: str = ""
    pid: int | None = None

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE


def spawn(job: Job, arguments: list[str], *, state: str = "running", message: str = "") -> None:
    """Start `python ARGUMENTS` in a session of its own, without a pipe, output to log.txt; the job is claimed."""
    with open(job.path / LOG, "ab") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    write_status(job, state=state, message=message, **process_identity(process.pid))
    threading.Thread(target=process.wait, daemon=True).start()  # or it stayed a zombie of this process


def write_status(job: Job, **values: object) -> None:
    """Replace status.json; the process it names is this one, unless `values` name another.

    What is said of the past (`PAST`) stays until `values` say otherwise: whoever is at work again says `AT_WORK`.
    """
    known = _written(job)
    past = {name: known[name] for name in PAST if name in known}
    if values.get("state") == "failed":
        past["failed"] = values.get("message", "")
    content = {**process_identity(os.getpid()), **past, **values, "written": time.time()}
    write_text(job.path / STATUS, json.dumps(content) + "\n")


def status(job: Job) -> JobStatus:
    """The state as files and process table show it; a dead process is never shown as running.

    A job that failed keeps the reason until it is at work again, whatever became of an attempt to start it.
    """
    written = _written(job)
    now = _status(job, written)
    told = [now.message] if now.message else []
    if now.state == "created":
        told = told or ["never started"]
    elif now.state in ("stopped", "killed", "lost") and written.get("worked") is False:
        told.append("never started")
    if now.state in ("queued", "stopped", "killed", "lost") and written.get("failed"):
        told.append(f"before that it failed: {written['failed']}")
    return replace(now, message="; ".join(told))


def _status(job: Job, written: dict) -> JobStatus:
    state, message = written.get("state"), written.get("message", "")
    if state not in STATES:
        return JobStatus("lost", f"status.json is missing or unreadable; {_resume(job)}")
    asked = _asked(job, written)
    if state not in ("queued", "running"):
        if asked == "kill" and state in ("stopped", "failed"):
            return JobStatus("killed", f"killed on request; {_resume(job)}")
        return JobStatus(state, message)
    if is_elsewhere(written):
        return _elsewhere(job, written)
    if not is_alive(written):
        return _dead(job, written, asked)
    if asked:
        wait = "the request to kill it is on its way" if asked == "kill" else "it finishes what it is at, and saves"
        return JobStatus("stopping", wait, written["pid"])
    quiet = _quiet_s(job, written)
    if state == "running" and quiet > STALLED_AFTER_S:
        return JobStatus("stalled", f"no sign of life for {quiet / 60:.0f} minutes", written["pid"])
    return JobStatus(state, message, written["pid"])


def elsewhere(job: Job) -> str:
    """The computer or container out of sight that was last at work on a job and has not said how it ended; or ""."""
    written = _written(job)
    return written["host"] if written.get("state") in ("queued", "running") and is_elsewhere(written) else ""


def is_elsewhere(written: dict) -> bool:
    """Is the process that status.json names out of sight: on another computer, or in another container?"""
    return "host" in written and not in_sight(written) and not before_restart(written)


def _elsewhere(job: Job, written: dict) -> JobStatus:
    """The process table there is out of sight; signs of life have to do. Without one for long, the job is nobody's."""
    where, quiet = f"on {written['host']}", _quiet_s(job, written)
    if min(quiet, _age_s(modified(job.path / PULSE))) > STALLED_AFTER_S:
        return JobStatus(
            "lost",
            f"it was at work {where}, which has given no sign of life for {quiet / 60:.0f} minutes; {_resume(job)}",
        )
    if written["state"] == "running" and quiet > STALLED_AFTER_S:
        return JobStatus("stalled", f"{where}: no progress for {quiet / 60:.0f} minutes")
    return JobStatus(written["state"], ": ".join(filter(None, (where, written.get("message")))))


def _dead(job: Job, written: dict, asked: str) -> JobStatus:
    """What became of a job whose process ended without a word."""
    resume = _resume(job)
    if asked:
        return JobStatus("killed" if asked == "kill" else "stopped", f"{asked} was requested; {resume}")
    if written.get("boot") not in (None, boot_id()):
        return JobStatus("lost", f"the computer was restarted; {resume}")
    used, limit = read_progress(job).get("memory_gb"), memory_limit_gb()
    if isinstance(used, int | float) and used > CROWDED * limit:
        return JobStatus(
            "lost",
            f"the process ended without saying why; it may have run out of memory ({used:.1f} of "
            f"{limit:.1f} GB): lower --batch-size in a new run, or free memory; {resume}",
        )
    return JobStatus("lost", f"the process ended without saying why; see the log; {resume}")


def _resume(job: Job) -> str:
    """What resuming would go on from, in words: what is there."""
    return RESUME if any(any(job.path.glob(saved)) for saved in SAVED) else AFRESH


def _quiet_s(job: Job, written: dict) -> float:
    """Seconds since the last sign that the work gets on."""
    return min(map(_age_s, (written.get("written", 0), *(modified(job.path / name) for name in HEARTBEATS))))


def _age_s(written: float) -> float:
    """Seconds between a time and now. A clock that was set back leaves times that are yet to come: long ago, too."""
    return abs(time.time() - written) if math.isfinite(written) else math.inf


def memory_limit_gb() -> float:
    """GB (10^9 bytes) that a process can have: the computer's, or less where a container has a limit."""
    limit = psutil.virtual_memory().total
    with suppress(OSError, ValueError):  # no container, or "max"
        limit = min(limit, int(Path("/sys/fs/cgroup/memory.max").read_text("ascii")))
    return limit / 1e9


def modified(path: Path) -> float:
    """When a file was last written, 0 if there is none."""
    return path.stat().st_mtime if path.exists() else 0.0


def stop(job: Job) -> None:
    """Ask the job to end at its next safe point, from which it can be resumed; one that waits in a queue ends at once.

    Raises JobError when there is nothing to stop.
    """
    written = _request(job, "stop")
    try:
        os.kill(written["pid"], signal.SIGTERM)
    except ProcessLookupError:
        raise JobError(f"{job.name} has just ended") from None


def kill(job: Job, *, grace_s: float = 5.0) -> None:
    """End the job's process and everything that belongs to it: terminate, after `grace_s` kill. Nothing is saved.

    Returns when nothing is left, also of a job whose process died and left workers behind. Raises JobError when there
    is nothing to kill, or when something cannot be killed.
    """
    if status(job).pid == os.getpid():
        raise JobError(f"{job.name} runs in this very process; stop it instead")
    left = end(_request(job, "kill"), grace_s)
    if left:
        raise JobError(
            f"{job.name} has processes that cannot be killed: {', '.join(str(one.pid) for one in left)}; "
            "end them as the user they belong to, or restart the computer"
        )


def processes(job: Job) -> list[psutil.Process]:
    """What lives of the job on this computer: its process, that one's descendants, and its session."""
    written = _written(job)
    ended = written.get("state") not in ("queued", "running")
    if ended and (written.get("state") == "created" or is_alive(written)):
        return []  # who writes these lives on: a page that made the job, a notebook that it ran in
    return [] if is_elsewhere(written) else processes_of(written)


def read_progress(job: Job) -> dict:
    """The content of progress.json, which a process at work rewrites; empty when there is none."""
    return read_dict(job.path / PROGRESS)


def _request(job: Job, what: str) -> dict:
    """Write down what is asked of the job's process, and of which one; the content of status.json."""
    written, current = _written(job), status(job)
    if is_elsewhere(written) and current.is_active:
        raise JobError(f"{job.name} runs on {written['host']}; {what} it there")
    if not current.is_active and not (what == "kill" and processes(job)):
        raise JobError(f"{job.name} is not running (it is {current.state})")
    meant = {key: written.get(key) for key in ("pid", "started", "boot")}
    write_text(job.path / "asked.json", json.dumps({"request": what, "time": time.time(), **meant}) + "\n")
    return written


def _written(job: Job) -> dict:
    """The content of status.json, without values that are of no use as what they should be."""
    content = read_dict(job.path / STATUS)
    kinds = {"host": str, "message": str, "state": str, "written": int | float, "failed": str, "agent": dict}
    return {name: value for name, value in content.items() if isinstance(value, kinds.get(name, object))}


def _asked(job: Job, written: dict) -> str:
    """'stop' or 'kill', if that was asked of the process that status.json names and not of one before it."""
    asked = read_dict(job.path / "asked.json")
    known = asked.get("request") in ("stop", "kill") and "pid" in written and same_process(asked, written)
    return asked["request"] if known else ""


def read_log(job: Job, lines: int = 40) -> str:
    """The end of log.txt; a progress bar's carriage returns become its last state."""
    path = job.path / LOG
    if not path.exists():
        return ""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 64_000))
        text = file.read().decode("utf-8", "replace")
    ended = text.rstrip("\n").split("\n")[-lines:]  # splitlines would split at carriage returns too
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in ended)
