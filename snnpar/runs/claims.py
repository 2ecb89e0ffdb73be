"""Claims: one process at a time works on a job, wherever the others are."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from snnpar.core.locks import lock
from snnpar.core.pulse import BEAT_S, PULSE
from snnpar.runs.jobs import HEARTBEATS, STALLED_AFTER_S, STATUS, Job, JobError, elsewhere, modified, spawn, status

WATCH_S = 2.5 * BEAT_S  # how long a job out of sight is watched for a sign of life before another takes it over

log = logging.getLogger(__name__)


def start(job: Job, arguments: list[str]) -> None:
    """Start `python ARGUMENTS` detached. Raises JobError when the job has a process already."""
    with claim(job):
        spawn(job, arguments)


@contextmanager
def claim(job: Job) -> Iterator[None]:
    """Nobody else starts the job meanwhile. Raises JobError when a process other than this one works on it.

    A job that was last at work out of sight is watched first: clocks of computers differ, and jump.
    """
    with lock(job.path / ".lock"):
        check_free(job)
        if host := elsewhere(job):
            _watch(job, host, WATCH_S)
            log.warning("%s was at work on %s, which gives no sign of life; it is taken over", job.name, host)
        yield


def is_taken(job: Job) -> bool:
    """Does a process other than this one work on the job?"""
    current = status(job)
    return current.is_active and current.pid != os.getpid()


def check_free(job: Job) -> None:
    """Raise JobError when a process other than this one works on the job."""
    if is_taken(job):
        current = status(job)
        if not current.pid:
            raise JobError(
                f"{job.name} is already {current.state} {current.message}; stop it there, or wait until it "
                f"has given no sign of life for {STALLED_AFTER_S / 60:.0f} minutes"
            )
        raise JobError(f"{job.name} is already {current.state}, process {current.pid}; stop that first")


def wait_for_silence(job: Job) -> None:
    """Let a job that was killed out of sight a moment ago count as lost: what a scheduler starts anew goes on then.

    Raises JobError as soon as it gives a sign of life.
    """
    host = elsewhere(job)
    if host and status(job).is_active:
        log.warning(
            "%s was at work on %s until just now; watching whether it still is, for at most %.0f s",
            job.name,
            host,
            STALLED_AFTER_S,
        )
        _watch(job, host, STALLED_AFTER_S, lambda: not status(job).is_active)


def _watch(job: Job, host: str, seconds: float, over: Callable[[], bool] = lambda: False) -> None:
    """Raise JobError if the job gives a sign of life within `seconds`, by a clock that nobody sets, before `over()`."""
    before, until = _signs(job), time.monotonic() + seconds
    while time.monotonic() < until and not over():
        time.sleep(0.2)
        if _signs(job) != before:
            raise JobError(f"{job.name} runs on {host}, which has just given a sign of life; stop it there")


def _signs(job: Job) -> list[float]:
    return [modified(job.path / name) for name in (STATUS, PULSE, *HEARTBEATS)]
