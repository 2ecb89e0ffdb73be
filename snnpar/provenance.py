"""Where a result comes from: the commit of the code that made it."""

from __future__ import annotations

import subprocess

from snnpar import ROOT


def commit() -> str:
    """The commit of the code, with '+' when files differ from it; empty outside a git checkout."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
