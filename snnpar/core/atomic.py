"""Files that readers see old or new, never in part."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path


def share(path: Path) -> None:
    """Give a file the permissions that a new one gets in its folder: safetensors writes for its owner's eyes alone."""
    usual = path.with_name(path.name + ".mode")
    usual.touch()
    try:
        path.chmod(usual.stat().st_mode & 0o777)
    finally:
        usual.unlink()


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step; what could not be written whole is removed again."""
    partial = path.with_suffix(path.suffix + ".partial")
    try:
        partial.write_text(text, "utf-8")
        os.replace(partial, path)
    except OSError:
        with suppress(OSError):
            partial.unlink()
        raise


def read_dict(path: Path) -> dict:
    """The JSON object in a file; empty when it is missing, damaged or another thing."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
