"""Checkpoints: folders of this project, and the published system's files."""

from snnpar.checkpoint.files import (
    CARD,
    CONFIG,
    PHRASES,
    WEIGHTS,
    Checkpoint,
    CheckpointError,
    load_model,
    load_strictly,
    read_checkpoint,
    save_weights,
    shipped,
    write_config,
    write_phrases,
)
from snnpar.checkpoint.finding import find_checkpoint, named
from snnpar.checkpoint.order import given_schema
from snnpar.checkpoint.published import Published, import_published, read_phrases, write_published
from snnpar.checkpoint.starting import start_from

__all__ = [
    "CARD",
    "CONFIG",
    "PHRASES",
    "WEIGHTS",
    "Checkpoint",
    "CheckpointError",
    "Published",
    "find_checkpoint",
    "given_schema",
    "import_published",
    "load_model",
    "named",
    "load_strictly",
    "read_checkpoint",
    "read_phrases",
    "save_weights",
    "shipped",
    "start_from",
    "write_config",
    "write_phrases",
    "write_published",
]
