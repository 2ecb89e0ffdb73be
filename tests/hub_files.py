"""Files as a repository of a checkpoint has them on the Hub, and as the cache keeps them."""

from __future__ import annotations

import json
from pathlib import Path

from tiny import STUDENT

from snnpar.hub import kinds
from snnpar.schema.attributes import load_schema

CONFIG = json.dumps({"model": STUDENT.to_dict(), "schema": load_schema("pa100k").to_dict()}).encode()

FILES = {
    "config.json": CONFIG,
    "model.safetensors": b"weights",
    "phrases.safetensors": b"vectors",
    "README.md": b"card",
    "pytorch_model.bin": b"\x80pickle",
    "ckpt.pth": b"\x80pickle",
    "train.py": b"print()",
    "sub/model.safetensors": b"elsewhere",
}
WANTED = {"config.json", "model.safetensors", "phrases.safetensors", "README.md"}


def names(folder: Path) -> set[str]:
    """All files but the mark that it is whole."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {kinds.FETCHED}


def half(cache: Path) -> list[str]:
    """What there is of the repository but its locks."""
    return [str(path) for path in cache.glob("models--*/**/*") if path.is_file()]
