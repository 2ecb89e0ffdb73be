"""Settings that name folders and files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snnpar.core.places import place as path_of

FOLDERS = ("data", "teacher", "init")  # the settings that name folders or files
REMOTE = ("hf:", "timm:")  # what a place may begin with instead of naming a folder or file


def absolute(place: str) -> str:
    """A folder or file as an absolute path, so that it means the same everywhere; an id of the Hub or timm as it is.

    Raises SnnparError for what can be no path.
    """
    return place if not place or place.startswith(REMOTE) else str(path_of(place).resolve())


def without_places(train: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by name, with folders and files reduced to their names."""
    return {key: without_folders(value) if key in FOLDERS and value else value for key, value in train.items()}


def without_folders(place: str) -> str:
    """A folder or file reduced to its name: where it lay is nobody else's business; an id as it is."""
    return place if place.startswith(REMOTE) else Path(place).name
