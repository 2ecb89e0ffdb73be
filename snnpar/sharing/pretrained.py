"""snnpar.load, and what `from_pretrained`, `save_pretrained` and `push_to_hub` of the models do."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TypeVar

from snnpar import inference
from snnpar.checkpoint import (
    WEIGHTS,
    CheckpointError,
    find_checkpoint,
    load_model,
    read_checkpoint,
    save_weights,
    write_config,
    write_phrases,
)
from snnpar.core.places import place as path_of
from snnpar.models import Network
from snnpar.schema.attributes import AttributeSchema, Phrases
from snnpar.sharing.push import push

Model = TypeVar("Model", bound=Network)


def load(place: str | Path, *, revision: str = "") -> inference.LoadedModel:
    """A checkpoint ready for `inference.analyze`: a folder, a name in checkpoints/, or owner/name[@revision].

    A checkpoint of the Hub is downloaded once; one pinned to a commit makes no request after that. Raises
    CheckpointError for what is no checkpoint, HubError for what cannot be had.
    """
    return inference.load(read_checkpoint(find_checkpoint(place, revision=revision)))


def from_pretrained(kind: type[Model], place: str | Path, *, revision: str = "") -> Model:
    """The bare model of a checkpoint, if it is of that kind; its `checkpoint` says what it answers."""
    checkpoint = read_checkpoint(find_checkpoint(place, revision=revision))
    model = load_model(checkpoint)
    if not isinstance(model, kind):
        raise CheckpointError(
            f"{place} is a {type(model).__name__}, not a {kind.__name__}; call {type(model).__name__}.from_pretrained"
        )
    vars(model)["checkpoint"] = checkpoint
    return model


def save_pretrained(
    model: Network, folder: str | Path, *, schema: AttributeSchema | None = None, phrases: Phrases | None = None
) -> Path:
    """Write the model as a checkpoint folder, which must be new or empty."""
    folder, known = path_of(folder), getattr(model, "checkpoint", None)
    schema = schema or (known and known.schema)
    if schema is None or len(schema) != model.outputs:
        raise CheckpointError(
            f"the model answers {model.outputs} attributes; name them with schema=snnpar.schema.load_schema(NAME)"
        )
    if model.takes_text and phrases is None:
        if known is None:
            raise CheckpointError("a teacher needs the vectors of its attribute phrases; give phrases=")
        phrases = known.phrases()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CheckpointError(f"{folder} is not empty; give a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_config(folder, model.config, schema, known.train if known else {}, known.provenance if known else {})
    save_weights(model, folder / WEIGHTS)
    if phrases is not None:
        write_phrases(folder, phrases)
    return folder


def push_to_hub(
    model: Network,
    hub_id: str,
    *,
    private: bool = False,
    schema: AttributeSchema | None = None,
    phrases: Phrases | None = None,
) -> str:
    """Upload the model as a checkpoint; the commit's address."""
    with tempfile.TemporaryDirectory(prefix="snnpar-push-") as folder:
        return push(save_pretrained(model, folder, schema=schema, phrases=phrases), hub_id, private=private)
