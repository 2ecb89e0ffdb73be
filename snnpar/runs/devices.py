"""Devices: one training at a time on each, the others in the order in which they came; no daemon keeps it.

RUNS/.queue/HOST/DEVICE/ has a ticket for every run that wants the device; DEVICE.lock beside it is locked by the
process that trains. A ticket is worth as much as its run: once nothing works on that, the ticket does not count.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import snnpar
from snnpar.config import TrainConfig
from snnpar.core.atomic import write_text
from snnpar.core.locks import release, try_lock
from snnpar.core.pulse import beating
from snnpar.runs.claims import claim
from snnpar.runs.jobs import Job, JobError, status, write_status

log = logging.getLogger(__name__)
POLL_S = 0.5
TICKET = re.compile(r"\d{20}-[0-9a-f]{16}")  # when it was taken, and a hash of the run's path
FORGOTTEN_S = 60  # a ticket that does not count for so long is not one of a run that is just being started


@dataclass(frozen=True)
class QueuePosition:
    """A run's place in the queue of a device: 0 for the one that trains; message: what it waits for."""

    run: Job
    device: str
    position: int
    message: str = ""


def device_key(config: TrainConfig) -> str:
    """What a run needs for itself: cpu, cuda, or cuda-N where CUDA_VISIBLE_DEVICES leaves it the GPUs N.

    torch would know better whether it can use the GPU, but a run that waits should not load it.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    hidden = visible is not None and visible.strip() in ("", "-1")
    if (
        config.runtime.device == "cpu"
        or hidden
        or (config.runtime.device == "auto" and not any(Path("/dev").glob("nvidia[0-9]*")))
    ):
        return "cpu"
    return f"cuda-{visible.replace('/', '-')}" if visible else "cuda"


def queue() -> list[QueuePosition]:
    """Who trains and who waits on this computer, device by device."""
    root = _root()
    devices = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    return [
        QueuePosition(run, device, position, _sentence(runs[:position]))
        for device in devices
        for runs in [_runs(device)]
        for position, run in enumerate(runs)
    ]


def enlist(run: Job, device: str) -> dict[str, str]:
    """Take the last place for a run that is claimed: {state, message} as things stand. Raises JobError."""
    _drop(run)
    folder = _root() / device
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in _tickets(device):
            if time.time_ns() - int(path.name[:20]) > FORGOTTEN_S * 1e9 and not status(_owner(path)).is_active:
                path.unlink(missing_ok=True)
        write_text(folder / f"{time.time_ns():020d}-{_mark(run)}", str(run.path.resolve()))
    except OSError as error:
        raise JobError(
            f"the queue in {folder} cannot be written ({error.strerror}); set SNNPAR_HOME to a "
            "folder that you may write to"
        ) from error
    return _standing(run, device)


@contextmanager
def turn(run: Job, device: str, *, wait: bool = True) -> Iterator[None]:
    """Have the device for this process alone, after all that came before; Ctrl-C leaves the queue.

    status(run) is queued meanwhile and says what it waits for, then running. With `wait` off a device in use is
    refused. Raises JobError; also when another process works on the run.
    """
    with claim(run):
        standing, held = _try(run, device)
        if held is None and not wait:
            _drop(run)
            raise JobError(f"{device} is not free: {run.name} {standing['message']}; start it again after that")
        write_status(run, **standing)
    try:
        if held is None:
            with beating(run.path):
                held = _wait(run, device)
        yield
    finally:
        if held is not None:
            release(held)
        _drop(run)


def _wait(run: Job, device: str) -> int:
    """The lock, once all before have ended."""
    told = ""
    try:
        while True:
            standing, held = _try(run, device)
            if standing["message"] != told:
                told = standing["message"]
                write_status(run, **standing)
                log.info("%s", told or "its turn has come")
            if held is not None:
                return held
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        write_status(run, state="stopped", message="left the queue; resume takes a new place in it")
        raise


def _try(run: Job, device: str) -> tuple[dict[str, str], int | None]:
    """{state, message} of a run, and the lock if it is its turn."""
    standing = _standing(run, device) if _ticket(run, device) else enlist(run, device)
    held = None if standing["message"] else try_lock(_root() / f"{device}.lock")
    if held is None and not standing["message"]:  # the process before is just ending, or has lost its ticket
        standing = {"state": "queued", "message": f"waits for {device}, which another process still holds"}
    return standing, held


def _standing(run: Job, device: str) -> dict[str, str]:
    """{state, message} of a run with a ticket: queued with a sentence, or running with none."""
    ahead = _sentence(_runs(device, before=_ticket(run, device)))
    return {"state": "queued" if ahead else "running", "message": ahead}


def _sentence(ahead: list[Job]) -> str:
    return f"waits for {ahead[0].name}, {len(ahead)} ahead" if ahead else ""


def _runs(device: str, before: str = "") -> list[Job]:
    """The runs whose tickets count, in order; only those before a ticket, if one is given."""
    owners = [_owner(path) for path in _tickets(device) if not before or path.name < before]
    return [owner for owner in owners if status(owner).is_active]


def _tickets(device: str) -> list[Path]:
    folder = _root() / device
    return sorted(path for path in folder.iterdir() if TICKET.fullmatch(path.name)) if folder.is_dir() else []


def _owner(ticket: Path) -> Job:
    try:
        return Job(Path(ticket.read_text("utf-8")))
    except (OSError, UnicodeDecodeError):
        return Job(ticket)  # it went just now; no job has its status there


def _ticket(run: Job, device: str) -> str:
    """The name of the run's ticket; empty if it has none."""
    return next((path.name for path in _tickets(device) if path.name.endswith(_mark(run))), "")


def _drop(run: Job) -> None:
    for path in _root().glob(f"*/*-{_mark(run)}"):
        path.unlink(missing_ok=True)


def _mark(run: Job) -> str:
    return hashlib.sha256(os.fsencode(run.path.resolve())).hexdigest()[:16]


def _root() -> Path:
    """Of this computer: others may share the folder, but not the devices."""
    return snnpar.RUNS / ".queue" / socket.gethostname()
