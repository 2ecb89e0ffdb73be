"""Import of checkpoints written by the published SNN-PAR and VTB code: one file holding teacher, student or both."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snnpar.checkpoint.files import (
    WEIGHTS,
    CheckpointError,
    load_strictly,
    save_weights,
    write_config,
    write_phrases,
)
from snnpar.checkpoint.order import assumed_schema
from snnpar.checkpoint.state_file import read_state
from snnpar.config import ModelConfig
from snnpar.core.disks import whole_folder
from snnpar.core.pickles import read_pickle
from snnpar.core.places import place as path_of
from snnpar.core.programs import TRAIN_WORDS
from snnpar.models import Network, build_model
from snnpar.schema.attributes import AttributeSchema, Phrases, load_phrases
from snnpar.schema.phrases import pair_as_published

log = logging.getLogger(__name__)
STUDENT_PREFIX = "snn_model."
UNUSED_NORMS = (".norm1.", ".norm2.")  # of the student; in the file, never applied
CLASSIFIER = ("vit.fc.", "vit.head.")  # the ImageNet classifier of the teacher's ViT, never applied


@dataclass(frozen=True, eq=False)
class Published:
    """The models of a published file in eval mode, either may be None; `dropped` lists keys that no model uses."""

    teacher: Network | None
    student: Network | None
    schema: AttributeSchema
    dropped: tuple[str, ...]


def import_published(
    path: str | Path,
    *,
    image_size: tuple[int, int] = (256, 128),
    timesteps: int = 8,
    student_heads: int = 8,
    teacher_heads: int = 12,
    schema: AttributeSchema | None = None,
) -> Published:
    """Read a published .pth, or the same state dict as .safetensors; sizes come from the tensors.

    Image size, timesteps and heads leave no trace in the weights, so they are arguments. Nor do the attributes: without
    `schema` the bundled one with as many is assumed, with a warning. Raises CheckpointError saying what is missing,
    extra or mis-shaped.
    """
    path = path_of(path)
    state, leftovers = read_state(path)
    _check_published(state, path)
    student = {k.removeprefix(STUDENT_PREFIX): v for k, v in state.items() if k.startswith(STUDENT_PREFIX)}
    teacher = {k: v for k, v in state.items() if not k.startswith(STUDENT_PREFIX)}
    dropped = [f"{STUDENT_PREFIX}{k}" for k in student if any(norm in f".{k}" for norm in UNUSED_NORMS)]
    dropped += [k for k in teacher if k.startswith(CLASSIFIER)]
    student = {k: v for k, v in student.items() if f"{STUDENT_PREFIX}{k}" not in dropped}
    teacher = {k: v for k, v in teacher.items() if k not in dropped}
    common = {"image_size": image_size, "timesteps": timesteps}
    models = {
        "teacher": _teacher(teacher, path, heads=teacher_heads, **common) if teacher else None,
        "student": _student(student, path, heads=student_heads, **common) if student else None,
    }
    counts = {model.outputs for model in models.values() if model is not None}
    if len(counts) > 1:
        raise CheckpointError(f"{path}: teacher and student answer {' and '.join(map(str, counts))} attributes")
    return Published(**models, schema=_schema(schema, counts.pop(), path), dropped=(*dropped, *leftovers))


def _check_published(state: dict[str, Tensor], path: Path) -> None:
    """Raise CheckpointError, saying what was found, unless something of the published models is in it."""
    if any(key.startswith((STUDENT_PREFIX, "vit.", "word_embed.", "weight_layer.")) for key in state):
        return
    first = ", ".join(f"{key} {tuple(value.shape)}" for key, value in list(state.items())[:3]) or "none"
    raise CheckpointError(
        f"{path} holds another network ({len(state)} tensors: {first}). Import takes what the code of SNN-PAR or VTB "
        f"saved, with a student under {STUDENT_PREFIX}* or a teacher as vit.*, word_embed.* and weight_layer.*; to "
        f"start training from the weights of a Spikingformer or a ViT, use {TRAIN_WORDS} --init FILE"
    )


def _student(state: dict[str, Tensor], path: Path, **arguments: Any) -> Network:
    head = _shape(state, "head.weight", path)
    hidden = _shape(state, "block.0.mlp.mlp1_conv.weight", path)[0]
    config = ModelConfig(
        "spikingformer",
        dim=head[1],
        depth=_count(state, "block."),
        mlp_ratio=hidden // head[1],
        heads=arguments.pop("heads"),
        **arguments,
    )
    return _build(config, head[0], state, path)


def _teacher(state: dict[str, Tensor], path: Path, **arguments: Any) -> Network:
    depth = _count(state, "vit.blocks.")
    if "vit.norm.weight" not in state:  # saved without second names: the last block is there as blocks.0 only
        depth += 1
    state = _stack_readouts(_resolve_aliases(state, depth - 1, path), path)
    dim, text_dim = _shape(state, "word_embed.weight", path)
    hidden = _shape(state, "vit.blocks.0.mlp.fc1.weight", path)[0]
    config = ModelConfig(
        "vtb",
        dim=dim,
        depth=depth,
        mlp_ratio=hidden // dim,
        text_dim=text_dim,
        drop_path=0.1,
        heads=arguments.pop("heads"),
        **arguments,
    )
    return _build(config, len(state["weight_layer.bias"]), state, path)


def _build(config: ModelConfig, num_attributes: int, state: dict[str, Tensor], path: Path) -> Network:
    model = build_model(config, num_attributes)
    counters = {key: value for key, value in model.state_dict().items() if key.endswith("num_batches_tracked")}
    load_strictly(model, counters | state, path)  # before 0.4.1 torch did not save them, and nothing here uses them
    return model.eval().requires_grad_(False)


def _resolve_aliases(state: dict[str, Tensor], last: int, path: Path) -> dict[str, Tensor]:
    """`blocks.0.*` and `norm.*` are second names of the ViT's last block and norm; keep one, insist they agree."""
    resolved: dict[str, Tensor] = {}
    for key, value in state.items():
        name = key
        if key.startswith("blocks.0."):
            name = f"vit.blocks.{last}.{key.removeprefix('blocks.0.')}"
        elif key.startswith("norm."):
            name = f"vit.{key}"
        if name in resolved and not torch.equal(resolved[name], value):
            raise CheckpointError(f"{path}: {key} and {name} are two names of one tensor, but differ")
        resolved[name] = value
    return resolved


def _stack_readouts(state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """weight_layer.{j}.{weight (1, D), bias (1)} of A attributes to weight (A, D) and bias (A)."""
    count = _count(state, "weight_layer.")
    if not count:
        raise CheckpointError(f"{path} does not fit the published teacher: missing weight_layer.0.weight")
    rest = {key: value for key, value in state.items() if not key.startswith("weight_layer.")}
    for part in ("weight", "bias"):
        keys = [f"weight_layer.{j}.{part}" for j in range(count)]
        if missing := [key for key in keys if key not in state]:
            raise CheckpointError(f"{path} does not fit the published teacher: missing {', '.join(missing)}")
        rest[f"weight_layer.{part}"] = torch.cat([state[key] for key in keys])
    return rest


def _count(state: dict[str, Tensor], prefix: str) -> int:
    """One more than the highest index after a prefix."""
    found = (key[len(prefix) :].split(".")[0] for key in state if key.startswith(prefix))
    return 1 + max((int(index) for index in found if index.isdecimal()), default=-1)


def _shape(state: dict[str, Tensor], key: str, path: Path) -> tuple[int, ...]:
    if key not in state:
        raise CheckpointError(f"{path} does not fit a published model: missing {key}")
    if state[key].ndim < 2:
        raise CheckpointError(f"{path} does not fit a published model: {key} has shape {tuple(state[key].shape)}")
    return tuple(state[key].shape)


def _schema(schema: AttributeSchema | None, count: int, path: Path) -> AttributeSchema:
    if schema is None:
        schema = assumed_schema(count)
        log.warning(
            "%s does not say which attribute each answer is; assumed is the order of %s: %s, … If it was "
            "trained on another order, import it with --attributes FILE, one name per line, or with --phrases "
            "and the dataset's pickle",
            path.name,
            schema.name,
            ", ".join(schema.attributes[:3]),
        )
    if len(schema) != count:
        raise CheckpointError(f"{path} answers {count} attributes, but {len(schema)} names are given")
    return schema


def write_published(published: Published, folder: Path, source: Path, phrases: Phrases | None = None) -> list[Path]:
    """Write folder/teacher and folder/student as checkpoints of this project; the folders written.

    A teacher without `phrases` is written too, but the app needs its vectors: add phrases.safetensors later.
    """
    models = {role: model for role in ("teacher", "student") if (model := getattr(published, role)) is not None}
    written = [folder / role for role in models]
    if taken := [target for target in written if target.exists()]:
        raise CheckpointError(f"{taken[0]} exists; give a new folder")
    with ExitStack() as all_or_none:
        for target, (role, model) in zip(written, models.items(), strict=True):
            all_or_none.enter_context(whole_folder(target))
            write_config(target, model.config, published.schema, {}, {"imported_from": source.name})
            save_weights(model, target / WEIGHTS)
            if role == "teacher" and phrases:
                write_phrases(target, phrases)
    return written


def read_phrases(path: Path, schema: AttributeSchema) -> Phrases:
    """Phrase vectors for an imported teacher: .safetensors of this project, .npy (A, width), or a dataset's pickle.

    Rows of .npy and attr_vectors belong to the labels by position, as in the published training; this keeps the
    published pairing, in which text j need not describe label j.
    """
    if path.suffix == ".safetensors":
        return load_phrases(path)
    if path.suffix == ".npy":
        try:
            vectors = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path} does not hold an array: {error}") from error
    else:
        content = read_pickle(path)
        if "attr_vectors" not in content:
            raise CheckpointError(f"{path} has no attr_vectors; give the dataset's pickle of VTB or SNN-PAR")
        vectors = np.asarray(content["attr_vectors"])
    if vectors.ndim != 2 or len(vectors) != len(schema):
        raise CheckpointError(f"{path} must hold ({len(schema)}, width) vectors; it has {vectors.shape}")
    given = Phrases(schema.attributes, schema.phrases, vectors, f"given in {path.name}")
    return replace(given, text=pair_as_published(given, schema).text)
