"""Disks that are full and places that may not be written, in words; and folders that are made whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from snnpar.core.errors import SnnparError

FIXES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space of your quota",
    errno.EROFS: "give a place that can be written",
    errno.EACCES: "give a place that you may use, or ask its owner",
    errno.ENOTDIR: "give a place whose folders are none of them a file",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EPERM: "give a place that you may use, or ask its owner",
}


def disk_fault(error: BaseException) -> str:
    """What is wrong with the disk or the rights on it, and the fix; "" for any other error."""
    number = _number(error)
    if number not in FIXES:
        return ""
    place = getattr(error, "filename", None)
    where = f"{os.fsdecode(place)}: " if isinstance(place, str | bytes | os.PathLike) else ""
    return f"{where}{os.strerror(number)}; {FIXES[number]}"


def is_disk_full(error: BaseException) -> bool:
    """Did a file not fit?"""
    return _number(error) in (errno.ENOSPC, errno.EDQUOT)


def _number(error: BaseException) -> int | None:
    """The errno; safetensors tells it in words."""
    if isinstance(error, OSError):
        return error.errno
    told = re.search(r"\(os error (\d+)\)", str(error)) if type(error).__module__.startswith("safetensors") else None
    return int(told[1]) if told else None


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless they are there. Raises SnnparError where none can lie, as in /proc."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as error:
        raise SnnparError(f"{folder} cannot be made: no folder can lie there; give another place") from error


@contextmanager
def whole_folder(folder: Path) -> Iterator[None]:
    """Fill a new or empty folder; when that fails, what was written is removed again.

    Raises SnnparError for a folder that holds something, which would be removed with it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SnnparError(f"{folder} is not empty; give a new or empty folder")
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        make_folder(folder)
        yield
    except BaseException:
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        with suppress(OSError):  # somebody else has put something there
            for path in new:
                path.rmdir()
        raise
