"""The sign of life of a job's process, for those who cannot see that process: other computers, other containers.

A thread touches `pulse` in the job's folder every few seconds, whatever the process is at. After long enough without a
sign another process may take the job over. The first one, should it wake again (a laptop that slept), finds that the
job is no longer its own and writes no more; so it does when its folder was moved or deleted.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from snnpar.core.atomic import read_dict
from snnpar.core.errors import SnnparError
from snnpar.core.processes import process_identity, same_process

PULSE = "pulse"
BEAT_S = 5.0


class JobGone(SnnparError):
    """A job that is no longer this process's: moved, deleted or taken over. Nothing more is to be written."""


class Pulse:
    """Is the folder still the one this process began in, and its status.json still about this process?"""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._inode = _inode(folder)
        self._identity = process_identity(os.getpid())

    def gone(self) -> str:
        """Why this process must write no more, in words; "" while the job is its own."""
        if _inode(self.folder) != self._inode:
            return f"{self.folder} was moved or deleted while it was in use; nothing more is written there"
        named = read_dict(self.folder / "status.json")
        if "pid" in named and not same_process(named, self._identity):
            where = named.get("host", "this computer")
            return f"{self.folder.name} was taken over by process {named['pid']} on {where}"
        return ""

    def check(self) -> None:
        """Raise JobGone unless the job is this process's. To be asked before anything is written there."""
        if why := self.gone():
            raise JobGone(why)


@contextmanager
def beating(folder: Path) -> Iterator[Pulse]:
    """Give signs of life meanwhile; the job in `folder` is this process's."""
    pulse, over = Pulse(folder), threading.Event()
    thread = threading.Thread(target=_beat, args=(pulse, over), daemon=True)
    thread.start()
    try:
        yield pulse
    finally:
        over.set()
        thread.join()
        if not pulse.gone():
            with suppress(OSError):
                (folder / PULSE).unlink(missing_ok=True)


def _beat(pulse: Pulse, over: threading.Event) -> None:
    while not pulse.gone():
        with suppress(OSError):  # a full disk: the other signs of life have to do
            (pulse.folder / PULSE).touch()
        if over.wait(BEAT_S):
            return


def _inode(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
