"""Where a result comes from: the commit of the code that made it."""

from __future__ import annotations

import subprocess

from snnpar import IS_CHECKOUT, ROOT, __version__


def commit() -> str:
    """The commit of the code, with '+' when files differ from it; the version where it is installed."""
    if not IS_CHECKOUT:
        return f"v{__version__}"
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
