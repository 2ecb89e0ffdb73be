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

from snnpar import CHECKPOINTS, CONFIG, WEIGHTS
from snnpar.atomic import write_text
from snnpar.config import ConfigError, ModelConfig, from_dict, to_dict
from snnpar.models import build_model, role_of
from snnpar.schema import AttributeSchema, Phrases, load_phrases, save_phrases

PHRASES, CARD = "phrases.safetensors", "README.md"


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message names the file and the mend."""


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
        return self.path.name

    def phrases(self) -> Phrases:
        """The phrase vectors that came with a teacher: one of length text_dim for every attribute."""
        path = self.path / PHRASES
        if not path.is_file():
            raise CheckpointError(f"{path} is missing; a teacher needs the vectors of its attribute phrases")
        try:
            phrases = load_phrases(path)
            length = phrases.for_schema(self.schema).shape[1]
        except ValueError as error:
            raise CheckpointError(f"{path} cannot be used: {error}") from error
        if length != self.model.text_dim:
            raise CheckpointError(f"{path} holds vectors of {length} numbers, {CONFIG} says {self.model.text_dim}; "
                                  "take both files from one checkpoint")
        return phrases


def read_checkpoint(folder: str | Path) -> Checkpoint:
    """Read config.json only (cheap). Raises CheckpointError naming the file and the mend."""
    folder = Path(folder).expanduser()
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointError(f"{path} is missing; a checkpoint is a folder with {CONFIG} and {WEIGHTS}")
    try:
        content = json.loads(path.read_text("utf-8"))
        model = from_dict(ModelConfig, content["model"])
        role_of(model)
        schema = AttributeSchema.from_dict(content["schema"])
    except KeyError as error:
        raise CheckpointError(f"{path} has no {error} section; it needs model and schema") from error
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is not a usable config: {error}") from error
    return Checkpoint(folder, model, schema, content.get("train") or {}, content.get("provenance") or {})


def load_model(checkpoint: Checkpoint) -> nn.Module:
    """The model in eval mode, every key matched; a missing, extra or mis-shaped key is listed."""
    path = checkpoint.path / WEIGHTS
    if not path.is_file():
        raise CheckpointError(f"{path} is missing; copy it there, or pick a run that has finished an epoch")
    try:
        state = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or not safetensors ({error}); fetch it again") from error
    try:
        model = build_model(checkpoint.model, len(checkpoint.schema))
    except ConfigError as error:
        raise CheckpointError(f"{checkpoint.path / CONFIG}: {error}") from error
    load_strictly(model, state, path)
    return model.eval().requires_grad_(False)


def load_strictly(model: nn.Module, state: dict[str, torch.Tensor], source: Path) -> None:
    """Copy `state` into the model, or raise CheckpointError listing every key that does not fit."""
    problems = misfits(model, state)
    if problems:
        raise CheckpointError(f"{source} does not fit its config.json: {'; '.join(problems)}")
    model.load_state_dict(state)


def misfits(model: nn.Module, state: dict[str, torch.Tensor]) -> list[str]:
    """What keeps `state` from being the model's: each missing, unknown or mis-shaped key in words."""
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    problems = [f"missing {key}" for key in expected if key not in state]
    problems += [f"unknown {key}" for key in state if key not in expected]
    problems += [
        f"{key} has shape {tuple(state[key].shape)}, expected {shape}"
        for key, shape in expected.items() if key in state and tuple(state[key].shape) != shape
    ]
    return problems


def save_weights(model: nn.Module, path: Path) -> None:
    """Write model.safetensors so that readers see the old file or the new one, never a part."""
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    partial = path.with_suffix(".partial")
    save_file(state, partial, {"format": "pt"})
    os.replace(partial, path)


def write_config(folder: Path, model: ModelConfig, schema: AttributeSchema, train: dict, provenance: dict) -> None:
    """Write config.json, the sidecar from which the model is rebuilt."""
    content = {"model": to_dict(model), "schema": schema.to_dict(), "train": train, "provenance": provenance}
    write_text(folder / CONFIG, json.dumps(content, indent=1) + "\n")


def write_phrases(folder: Path, phrases: Phrases) -> None:
    save_phrases(phrases, folder / PHRASES)


def shipped(root: Path = CHECKPOINTS) -> list[Checkpoint]:
    """The checkpoints directly below `root`, by name; folders that cannot be read are left out."""
    found = []
    for path in sorted(root.glob(f"*/{CONFIG}")):
        try:
            found.append(read_checkpoint(path.parent))
        except CheckpointError:
            continue
    return found
