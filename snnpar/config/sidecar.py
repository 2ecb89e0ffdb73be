"""config.json of a checkpoint, the sidecar from which the model is rebuilt; read from anybody, so checked first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from snnpar.config import ModelConfig, flat, setting_fields
from snnpar.core.errors import SnnparError
from snnpar.core.formats import CHECKPOINT, upgraded
from snnpar.schema.attributes import AttributeSchema

SECTIONS = ("model", "schema", "train", "provenance")
MOST_BYTES = 1_000_000  # ours have 8 KB
TOLD, TOLD_LETTERS = 12, 500  # of what is wrong, whose values can be of any number and length


@dataclass(frozen=True, eq=False)
class Sidecar:
    """What config.json says: the model, what it answers, its settings by name, and with which code it was trained."""

    model: ModelConfig
    schema: AttributeSchema
    train: dict
    provenance: dict


def read_sidecar(path: Path) -> Sidecar:
    """Read and check a config.json. Raises SnnparError, which names the file."""
    try:
        content = read_config(path)
        train = flat(content.get("train") or {})
        _check_settings(train)
        model = ModelConfig.from_dict(content["model"])
        schema = AttributeSchema.from_dict(content["schema"])
    except KeyError as error:
        raise SnnparError(f"{path} has no {error} section; it needs model and schema") from error
    except (SnnparError, ValueError, TypeError) as error:
        raise SnnparError(f"{path} is not a usable config: {str(error)[:TOLD_LETTERS]}") from error
    return Sidecar(model, schema, train, content.get("provenance") or {})


def read_config(path: Path) -> dict:
    """The object of a config.json in today's format, sections and all. Raises SnnparError, OSError, ValueError."""
    if path.stat().st_size > MOST_BYTES:
        raise SnnparError(f"it has {path.stat().st_size:,} bytes, more than {MOST_BYTES:,}")
    try:
        content = json.loads(path.read_text("utf-8"))
        json.dumps(content, ensure_ascii=False).encode()  # halves of a letter can be written in JSON, and shown nowhere
    except RecursionError:
        raise SnnparError("its values are nested too deeply") from None
    if not isinstance(content, dict) or not all(isinstance(content.get(name) or {}, dict) for name in SECTIONS):
        raise SnnparError(f"it must be a JSON object of the objects {', '.join(SECTIONS)}")
    return upgraded(CHECKPOINT, content, path)


def _check_settings(train: dict) -> None:
    """Raise SnnparError for values of another type than a run writes; names of settings may be those of any version."""
    kinds = _kinds_of_settings()
    wrong = [name for name, value in train.items() if not isinstance(value, kinds.get(name, object))]
    if wrong:
        raise SnnparError(f"its train section has values of another type than a run writes: {', '.join(wrong[:TOLD])}")


@cache
def _kinds_of_settings() -> dict[str, tuple[type, ...]]:
    return {spec.name: (int, float) if spec.type is float else (spec.type,) for spec in setting_fields()}
