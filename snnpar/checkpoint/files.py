"""Checkpoints: a folder with model.safetensors, config.json {model, schema, train, provenance}, README.md, and for a
teacher phrases.safetensors. Loaded strictly, never through pickle."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

import snnpar
from snnpar import CONFIG, WEIGHTS
from snnpar.config import ConfigError, ModelConfig, grouped
from snnpar.config.sidecar import read_sidecar
from snnpar.core.atomic import share, write_text
from snnpar.core.errors import SnnparError
from snnpar.core.formats import CHECKPOINT, stamped
from snnpar.core.places import place as path_of
from snnpar.hub import hub_id_of
from snnpar.models import Network, build_model, role_of
from snnpar.schema.attributes import AttributeSchema, Phrases, load_phrases, save_phrases

PHRASES, CARD = "phrases.safetensors", "README.md"
TOLD = 12  # misfits, of which a wrong file has hundreds


class CheckpointError(SnnparError):
    """A checkpoint that cannot be used; the message names the file and the fix."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a checkpoint folder says about itself; `load_model` reads the weights."""

    path: Path
    model: ModelConfig
    schema: AttributeSchema
    train: dict = field(default_factory=dict)
    provenance: dict = field(default_factory=dict)

    @property
    def role(self) -> str:
        return role_of(self.model)

    @property
    def name(self) -> str:
        """The folder's, or owner/name of one that the Hub's cache keeps."""
        known = hub_id_of(self.path)
        return known.repo if known else self.path.name

    def phrases(self) -> Phrases:
        """The phrase vectors that came with a teacher: one of length text_dim for every attribute."""
        path = self.path / PHRASES
        if not path.is_file():
            raise CheckpointError(f"{path} is missing; a teacher needs the vectors of its attribute phrases")
        try:
            phrases = load_phrases(path)
            length = phrases.for_schema(self.schema).shape[1]
        except SnnparError as error:
            raise CheckpointError(f"{path} cannot be used: {error}") from error
        if length != self.model.text_dim:
            raise CheckpointError(
                f"{path} holds vectors of {length} numbers, {CONFIG} says {self.model.text_dim}; "
                "take both files from one checkpoint"
            )
        return phrases


def read_checkpoint(folder: str | Path) -> Checkpoint:
    """Read config.json only (cheap). Raises CheckpointError naming the file and the fix."""
    folder = path_of(folder)
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointError(f"{path} is missing; a checkpoint is a folder with {CONFIG} and {WEIGHTS}")
    try:
        said = read_sidecar(path)
        role_of(said.model)
    except ConfigError as error:
        raise CheckpointError(f"{path} is not a usable config: {error}") from error
    except SnnparError as error:
        raise CheckpointError(str(error)) from error
    return Checkpoint(folder, said.model, said.schema, said.train, said.provenance)


def load_model(checkpoint: Checkpoint) -> Network:
    """The model in eval mode, every key matched; a missing, extra or mis-shaped key is listed."""
    path = checkpoint.path / WEIGHTS
    if not path.is_file():
        raise CheckpointError(f"{path} is missing; copy it there, or pick a run that has finished an epoch")
    try:
        state = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or not safetensors ({error}); fetch it again") from error
    try:
        with torch.device("meta"):  # where tensors take no memory: a config may ask for far more than the file has
            check_fit(build_model(checkpoint.model, len(checkpoint.schema)), state, path)
        model = build_model(checkpoint.model, len(checkpoint.schema))
    except ConfigError as error:
        raise CheckpointError(f"{checkpoint.path / CONFIG}: {error}") from error
    load_strictly(model, state, path)
    return model.eval().requires_grad_(False)


def load_strictly(model: nn.Module, state: dict[str, torch.Tensor], source: Path) -> None:
    """Copy `state` into the model, or raise CheckpointError listing what does not fit."""
    check_fit(model, state, source)
    model.load_state_dict(state)


def check_fit(model: nn.Module, state: dict[str, torch.Tensor], source: Path) -> None:
    """Raise CheckpointError unless `state` has the model's keys and shapes, and no infinite value or NaN."""
    problems = misfits(model, state)
    if problems:
        more = f"; and {len(problems) - TOLD} more" if len(problems) > TOLD else ""
        raise CheckpointError(f"{source} does not fit its config.json: {'; '.join(problems[:TOLD])}{more}")
    broken = [key for key, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise CheckpointError(
            f"{source} has NaN or infinite values in {', '.join(broken[:TOLD])}; fetch it again, "
            "or take an earlier state"
        )


def misfits(model: nn.Module, state: dict[str, torch.Tensor]) -> list[str]:
    """What keeps `state` from being the model's: each missing, unknown or mis-shaped key in words."""
    expected = model.state_dict()
    problems = [f"missing {key}" for key in expected if key not in state]
    problems += [f"unknown {key}" for key in state if key not in expected]
    for key in (key for key in expected if key in state):
        found, wanted = state[key], expected[key]
        if found.shape != wanted.shape:
            problems.append(f"{key} has shape {tuple(found.shape)}, expected {tuple(wanted.shape)}")
        elif found.is_floating_point() != wanted.is_floating_point():
            problems.append(f"{key} has numbers of type {found.dtype}, expected {wanted.dtype}")
    return problems


def save_weights(model: nn.Module, path: Path) -> None:
    """Write model.safetensors so that readers see the old file or the new one, never a part."""
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    partial = path.with_suffix(".partial")
    save_file(state, partial, {"format": "pt"})
    share(partial)
    os.replace(partial, path)


def write_config(folder: Path, model: ModelConfig, schema: AttributeSchema, train: dict, provenance: dict) -> None:
    """Write config.json, the sidecar from which the model is rebuilt; `train` are settings by name."""
    content = {"model": model.to_dict(), "schema": schema.to_dict(), "train": grouped(train), "provenance": provenance}
    write_text(folder / CONFIG, json.dumps(stamped(CHECKPOINT, content), indent=1) + "\n")


def write_phrases(folder: Path, phrases: Phrases) -> None:
    save_phrases(phrases, folder / PHRASES)


def shipped(root: Path | None = None) -> list[Checkpoint]:
    """The checkpoints directly below `root`, by name; folders that cannot be read are left out.

    Without `root` those of checkpoints/, and the shipped ones where these lie apart.
    """
    roots = [root] if root else [one for one in (snnpar.CHECKPOINTS, snnpar.SHIPPED) if one]
    found: dict[str, Checkpoint] = {}
    for path in (path for one in roots for path in sorted(one.glob(f"*/{CONFIG}"))):
        try:
            found.setdefault(path.parent.name, read_checkpoint(path.parent))
        except CheckpointError:
            continue
    return list(found.values())
