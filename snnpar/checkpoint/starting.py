"""Starting weights of a training: all of them from a checkpoint, or a backbone that others have trained on ImageNet.

A backbone must fit key by key; the layers that answer attributes stay as they are in the fresh model. The weights say
nothing of an order of layers: Spikingformer-CML has the keys of Spikingformer and belongs in a model with `pool_first`.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from snnpar.checkpoint.files import WEIGHTS, CheckpointError, load_model, misfits, read_checkpoint
from snnpar.checkpoint.finding import find_checkpoint
from snnpar.checkpoint.published import STUDENT_PREFIX
from snnpar.checkpoint.state_file import read_state
from snnpar.config import ModelConfig
from snnpar.core.compat import repair_torchvision
from snnpar.core.errors import SnnparError
from snnpar.core.places import place as path_of
from snnpar.hub import REMOTE, fetch_weights
from snnpar.models import PRESETS, Network, build_model

log = logging.getLogger(__name__)
TIMM = "timm:"
AUTHORS_VIT = "vit_base_patch16_224.orig_in21k_ft_in1k"  # the ViT that VTB and SNN-PAR start from
CLASSIFIERS = ("head.", "fc.", "pre_logits.")  # ImageNet's, of timm's ViTs and of Spikingformer
POSITIONS = "pos_embed"
MOST_TOLD = 20  # a file of another size misses by hundreds of keys


@dataclass(frozen=True)
class Start:
    """Where the weights came from, in a sentence, and the layers that are still fresh; all others were copied."""

    told: str
    fresh: tuple[str, ...] = ()


def start_from(model: Network, source: str) -> Start:
    """Copy starting weights into a fresh model.

    `source` is a checkpoint of the same model, a folder or hf:owner/name[@revision]; a .pth or .safetensors file, or
    timm:MODEL, with the backbone: of a ViT in timm's layout for VTB and the ViT student, of the authors' Spikingformer
    for a spiking student. Position embeddings are resized. Raises CheckpointError listing keys that do not fit,
    HubError for what the Hub does not give.
    """
    if source.startswith(TIMM):
        return _start_backbone(model, read_state(_fetch_timm(source, model.config))[0], source)
    path = find_checkpoint(source) if source.startswith(REMOTE) else path_of(source)
    if path.is_dir():
        checkpoint = read_checkpoint(path)
        _copy(model, load_model(checkpoint).state_dict(), str(path / WEIGHTS))
        return Start(f"all weights start from {source}")
    if not path.is_file():
        raise CheckpointError(
            f"{path} does not exist; start from a checkpoint folder, a .pth or .safetensors file, or {TIMM}MODEL"
        )
    return _start_backbone(model, read_state(path)[0], str(path))


def resize_positions(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    """Position embeddings (1, 1 + n, D), class token first, for a grid of (rows, columns): (1, 1 + rows * columns, D).

    Bilinear from the square grid of n tokens, as the published code does; kept as they are when they fit and are of no
    square grid. Raises SnnparError for any other n.
    """
    count, side = positions.shape[1] - 1, math.isqrt(max(0, positions.shape[1] - 1))
    if count < 1 or side * side != count:
        if count == grid[0] * grid[1]:
            return positions
        raise SnnparError(f"{POSITIONS} is of {count} tokens, neither a square grid nor {grid[0]} x {grid[1]}")
    square = positions[:, 1:].unflatten(1, (side, side)).permute(0, 3, 1, 2)
    resized = F.interpolate(square, size=grid, mode="bilinear", align_corners=False)
    return torch.cat([positions[:, :1], resized.flatten(2).transpose(1, 2)], dim=1)


def _start_backbone(model: Network, state: dict[str, Tensor], source: str) -> Start:
    if any(key.startswith((STUDENT_PREFIX, "vit.")) for key in state):
        raise CheckpointError(
            f"{source} was written by the published SNN-PAR or VTB code; make it a checkpoint folder "
            "with python -m snnpar import, and start from that"
        )
    backbone = _backbone(model, source)
    dropped = [key for key in state if key.startswith(CLASSIFIERS) or model.is_unused(key)]
    state, note = {key: value for key, value in state.items() if key not in dropped}, ""
    if POSITIONS in state and hasattr(backbone, POSITIONS):
        state[POSITIONS], note = _resized(state[POSITIONS], backbone, model.config, source)
    _copy(backbone, state, source)
    own = {id(tensor) for tensor in backbone.parameters()}
    fresh = _parts(name for name, tensor in model.named_parameters() if id(tensor) not in own)
    unused = f"; not used: {', '.join(_parts(dropped))}" if dropped else ""
    return Start(f"the backbone starts from {source}{note}{unused}; still fresh: {', '.join(fresh)}", fresh)


def _backbone(model: Network, source: str) -> nn.Module:
    """The part of the model that a file can start."""
    found, config = model.anatomy().backbone, model.config
    if found is not None:
        return found
    names = [name for name, size in PRESETS.items() if size.architecture == config.architecture and _has_backbone(size)]
    raise CheckpointError(
        f"{source} cannot start this {config.architecture}, which has no published backbone; it can start "
        f"{', '.join(names) or 'another architecture'}"
    )


def _has_backbone(size: ModelConfig) -> bool:
    with torch.device("meta"):
        return build_model(size, 1).anatomy().backbone is not None


def _resized(positions: Tensor, backbone: nn.Module, config: ModelConfig, source: str) -> tuple[Tensor, str]:
    """The position embeddings for the model's grid, and what was done to them."""
    if positions.ndim != 3:
        return positions, ""  # told as mis-shaped with the other keys
    try:
        resized = resize_positions(positions, config.token_grid)
    except SnnparError as error:
        raise CheckpointError(f"{source} does not fit the model: {error}") from error
    if resized.shape == positions.shape:
        return resized, ""
    side = math.isqrt(positions.shape[1] - 1)
    rows, columns = config.token_grid
    return resized, f", its position embeddings resized from {side} x {side} to {rows} x {columns}"


def _copy(module: nn.Module, state: dict[str, Tensor], source: str) -> None:
    problems = misfits(module, state)
    if problems:
        more = f"; and {len(problems) - MOST_TOLD} more" if len(problems) > MOST_TOLD else ""
        raise CheckpointError(f"{source} does not fit the model: {'; '.join(problems[:MOST_TOLD])}{more}")
    module.load_state_dict(state)


def _parts(keys: Iterable[str]) -> tuple[str, ...]:
    """The layers of keys, each once: head for head.weight and head.bias, block.*.norm1 for that of every block."""
    return tuple(dict.fromkeys(re.sub(r"\.\d+\.", ".*.", key.rpartition(".")[0] or key) for key in keys))


def _fetch_timm(source: str, config: ModelConfig) -> Path:
    """The weights file of timm:MODEL, once its architecture is known to have the model's heads."""
    repair_torchvision()
    import timm
    from timm.models.vision_transformer import VisionTransformer

    name = source.removeprefix(TIMM)
    if not timm.is_model(name.partition(".")[0]) or not timm.is_model_pretrained(name):
        known = ", ".join(timm.list_pretrained("vit_base_patch16_224*"))
        raise CheckpointError(f"timm has no pretrained {name!r}; of the published teacher's size it has {known}")
    with torch.device("meta"):  # no memory: only what it is made of
        model: Any = timm.create_model(name, pretrained=False)
    attention = getattr(model.get_submodule("blocks.0"), "attn", None) if isinstance(model, VisionTransformer) else None
    told: Any = model.pretrained_cfg
    if attention is None or not told.get("hf_hub_id"):
        raise CheckpointError(f"{source} is no plain vision transformer on the Hub; take {TIMM}{AUTHORS_VIT}")
    if attention.num_heads != config.heads:  # leaves no trace in the weights
        raise CheckpointError(f"{source} has {attention.num_heads} heads, the model has {config.heads}")
    if (tuple(told["mean"]), tuple(told["std"])) != (config.mean, config.std):
        log.warning(
            "%s has seen images normalised by mean %s and std %s, this model's have %s and %s",
            source,
            told["mean"],
            told["std"],
            config.mean,
            config.std,
        )
    return fetch_weights(told["hf_hub_id"])
