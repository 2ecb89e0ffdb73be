"""Files that readers see old or new, never in part."""

from __future__ import annotations

import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step."""
    partial = path.with_suffix(path.suffix + ".partial")
    partial.write_text(text, "utf-8")
    os.replace(partial, path)
