"""Which attribute is which answer of a network. Weights do not say: it is the order of the labels it was trained on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from snnpar.checkpoint.files import CheckpointError
from snnpar.core.pickles import read_pickle
from snnpar.datasets.annotation import schema_of_names
from snnpar.datasets.pickled import evaluated_columns
from snnpar.schema.attributes import SCHEMAS, AttributeGroup, AttributeSchema, load_schema

MOST_BYTES = 10**6  # of a list of names


def schema_in_order(names: tuple[str, ...]) -> AttributeSchema:
    """The attributes in this order, with the phrases and groups of the bundled schema that has the same ones."""
    schema = schema_of_names(names)
    rows = [schema.index(name) for name in names]
    return replace(
        schema,
        attributes=names,
        phrases=tuple(schema.phrases[row] for row in rows),
        labels=tuple(schema.labels[row] for row in rows),
    )


def assumed_schema(count: int) -> AttributeSchema:
    """The bundled schema with so many attributes, in its order; numbered ones if there is none."""
    return next((schema for schema in map(load_schema, SCHEMAS) if len(schema) == count), None) or numbered(count)


def numbered(count: int) -> AttributeSchema:
    """Attributes without known names: attribute 0, attribute 1, ..."""
    names = tuple(f"attribute {i}" for i in range(count))
    return AttributeSchema(f"{count} unnamed", names, names, names, (AttributeGroup("All", names, none="none"),))


def names_in_pickle(path: Path) -> tuple[str, ...]:
    """The evaluated attributes in a dataset's pickle (attr_name, label_idx.eval), in their order; () without any."""
    content = read_pickle(path)
    names = tuple(map(str, content.get("attr_name", ())))
    return tuple(names[column] for column in evaluated_columns(path, content, len(names))) if names else ()


def names_in_file(path: Path) -> tuple[str, ...]:
    """Names in their order: one per line, a JSON list, or a dataset's pickle. Raises CheckpointError."""
    names = names_in_pickle(path) if path.suffix in (".pkl", ".pickle") else _names_in_text(path)
    if not names:
        raise CheckpointError(f"{path} names no attribute; write one name per line, in the order of the answers")
    return names


def _names_in_text(path: Path) -> tuple[str, ...]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CheckpointError(f"{path} is no list of attribute names; write one name per line")
        text = path.read_text("utf-8-sig").strip()
        names = json.loads(text) if text.startswith("[") else text.splitlines()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); give a file of names, one a line") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is no list of attribute names ({error}); write one name per line") from error
    return tuple(str(name).strip() for name in names if str(name).strip())


def given_schema(attributes: Path | None, phrases: Path | None) -> AttributeSchema | None:
    """What a file of names says, else a pickle that brings the phrase vectors; None if neither does."""
    try:
        if attributes:
            return schema_in_order(names_in_file(attributes))
        names = names_in_pickle(phrases) if phrases and phrases.suffix not in (".npy", ".safetensors") else ()
    except (TypeError, ValueError, LookupError) as error:
        raise CheckpointError(
            f"{attributes or phrases} does not hold attribute names ({error}); give --attributes "
            "FILE with one name per line"
        ) from error
    return schema_in_order(names) if names else None
