"""Heatmaps of a teacher's softmax attention."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
import torch
from torch import Tensor

from snnpar.explain.heat import Heatmap, on_grid
from snnpar.inference import LoadedModel


def fusion_attention(model: LoadedModel, image: np.ndarray, attribute: str, _known: object) -> Heatmap:
    """How much the phrase of an attribute attends to each patch in the block where text and image meet."""
    fusion = _softmaxes(model, image)[-1]
    patches = fusion[:, model.schema.index(attribute)].mean(0)[len(model.schema) + 1 :]  # after text and class token
    return Heatmap(on_grid(patches, model), "Text-to-patch attention", "attention weight",
                   "softmax attention of the fusion block, row of this attribute's phrase, mean of "
                   f"{len(fusion)} heads")


def rollout(model: LoadedModel, image: np.ndarray, attribute: str, _known: object) -> Heatmap:
    """Attention followed back to the input patches: the phrase's row in the fusion block times the visual blocks.

    Each visual block counts as (attention + identity) / 2, heads averaged (Abnar and Zuidema, ACL 2020).
    """
    *visual, fusion = _softmaxes(model, image)
    flow = fusion[:, model.schema.index(attribute)].mean(0)[len(model.schema) :]  # class token and patches
    for attention in reversed(visual):
        mean = attention.mean(0)
        flow = flow @ ((mean + torch.eye(len(mean))) / 2)
    return Heatmap(on_grid(flow[1:], model), "Attention rollout", "attention weight",
                   f"this attribute's row of the fusion block, followed back through {len(visual)} visual blocks")


def _softmaxes(model: LoadedModel, image: np.ndarray) -> list[Tensor]:
    """The softmax of every block (heads, tokens, tokens), in order, of one forward."""
    seen: list[Tensor] = []
    with ExitStack() as hooks, torch.no_grad():
        for block in model.module.vit.blocks:  # the output of attn_drop is the softmax
            handle = block.attn.attn_drop.register_forward_hook(lambda _m, _i, output: seen.append(output[0]))
            hooks.callback(handle.remove)
        model.forward(model.prepare(image))
    return seen
