"""Locks between processes that the kernel holds: they end with the process, however it ends, and so cannot lie."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from snnpar.core.errors import SnnparError

try:
    import fcntl
except ImportError:  # Windows: models load and answer there, but nothing that several processes share is kept
    fcntl = None

_held: set[int] = set()


class LockError(SnnparError):
    """A place that cannot be locked; the message says where to go instead."""


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold the lock on a file, which is made if need be; waits for it."""
    file = _open(path)
    try:
        _take(file, path, wait=True)
        yield
    finally:
        release(file)


def try_lock(path: Path) -> int | None:
    """Take the lock on a file without waiting: what to `release`, or None when another holds it."""
    file = _open(path)
    try:
        _take(file, path, wait=False)
    except BlockingIOError:
        release(file)
        return None
    except LockError:
        release(file)
        raise
    return file


def release(file: int) -> None:
    """Give a lock back."""
    _held.discard(file)
    os.close(file)


def _open(path: Path) -> int:
    """Whoever may write to the folder may lock: a new lock is the group's where the folder is."""
    if fcntl is None:
        raise LockError(
            "this system has no POSIX locks: models can be loaded, but to train, evaluate or download use "
            "Linux, macOS or WSL"
        )
    is_new = not path.exists()
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError as error:
        raise LockError(_whose(path, error)) from error
    except OSError as error:
        raise LockError(
            f"{path} cannot be locked ({error.strerror}); set SNNPAR_HOME to a folder that you may write to"
        ) from error
    if is_new and path.parent.stat().st_mode & stat.S_IWGRP:
        with suppress(OSError):  # another was first, and has done so
            os.fchmod(file, 0o664)
    _held.add(file)
    return file


def _whose(path: Path, error: OSError) -> str:
    """Why this user may not lock, and who can change that."""
    place = path if path.exists() else path.parent
    try:
        owner = place.owner()
    except (KeyError, OSError):
        owner = f"user {place.stat().st_uid}"
    return (
        f"{path} cannot be locked ({error.strerror}): {place.name} belongs to {owner}, who can let you with chmod "
        f"g+w {place}; or set SNNPAR_HOME to a folder of your own"
    )


def _take(file: int, path: Path, *, wait: bool) -> None:
    assert fcntl is not None, "asked for in _open"
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        raise LockError(
            f"{path} lies on a file system without locks ({error.strerror}); set SNNPAR_HOME to a "
            "folder of a local disk"
        ) from error


def _forget() -> None:
    """In a forked child: a worker that outlives its parent must not keep the parent's locks."""
    for file in _held:
        os.close(file)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
