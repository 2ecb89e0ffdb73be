"""Jobs that wait for their turn, and tests that wait for jobs."""

from __future__ import annotations

import time
from collections.abc import Callable

from snnpar.runs.claims import claim
from snnpar.runs.devices import enlist
from snnpar.runs.jobs import Job, spawn

# What a training is, less the training: it waits for its turn, says that it has it, and goes on for long.
WORK = """
import logging, sys, time
from pathlib import Path
from snnpar.runs.devices import turn
from snnpar.runs.jobs import Job
logging.basicConfig(level=logging.INFO)
with turn(Job(Path(sys.argv[1])), sys.argv[2]):
    print("works", "torch" in sys.modules, flush=True)
    time.sleep(60)
"""


def wait_for(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Poll; a busy machine takes its time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)


def begin(job: Job, device: str = "cpu") -> Job:
    with claim(job):
        spawn(job, ["-c", WORK, str(job.path), device], **enlist(job, device))
    return job
