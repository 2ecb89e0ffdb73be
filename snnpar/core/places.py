"""Folders and files that people name: on a command line, in a form, in a config, in a link."""

from __future__ import annotations

import os
from pathlib import Path

from snnpar.core.errors import SnnparError

SHOWN = 60  # characters of a name in a message


def place(named: str | Path) -> Path:
    """The path of a folder or file, there or not; ~ and ~name are homes. Raises SnnparError if no path can have it."""
    short = f"{str(named)[:SHOWN]}…" if len(str(named)) > SHOWN else str(named)
    try:
        path = Path(named).expanduser()
    except RuntimeError:
        raise SnnparError(f"{short!r}: there is no user of that name; write the path of the folder") from None
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except PermissionError:
        raise SnnparError(f"{short!r} may not be looked at by this user; name a folder of your own") from None
    except ValueError:
        raise SnnparError(f"{short!r} cannot be a path: it has a character of code 0; write it without") from None
    except OSError as error:
        raise SnnparError(f"{short!r} cannot be a path ({error.strerror}); write a shorter one, or another") from None
    return path
