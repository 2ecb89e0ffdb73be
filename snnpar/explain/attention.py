"""Heatmaps of a teacher's softmax attention."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from snnpar.explain.heat import Heatmap, on_grid
from snnpar.inference import LoadedModel


def fusion_attention(model: LoadedModel, image: np.ndarray, attribute: str, _known: object) -> Heatmap:
    """How much the phrase of an attribute attends to each patch in the block where text and image meet."""
    fusion = _softmaxes(model, image)[-1]
    patches = text_to_patch(fusion, len(model.schema))[model.schema.index(attribute)]
    return Heatmap(
        on_grid(patches, model),
        "Text-to-patch attention",
        "attention weight",
        f"softmax attention of the fusion block, row of this attribute's phrase, mean of {len(fusion)} heads",
    )


def text_to_patch(fusion: Tensor, attributes: int) -> Tensor:
    """(..., A, patches) from the fusion block's softmax (..., heads, tokens, tokens): phrases, class token, patches."""
    return fusion.mean(-3)[..., :attributes, attributes + 1 :]


@contextmanager
def softmaxes(modules: Iterable[nn.Module]) -> Iterator[list[Tensor]]:
    """The softmax (B, heads, tokens, tokens) that each of an anatomy's `softmaxes` gives out inside, in order."""
    seen: list[Any] = []
    with ExitStack() as hooks:
        for module in modules:
            handle = module.register_forward_hook(lambda _m, _i, output: seen.append(output))
            hooks.callback(handle.remove)
        yield seen


def rollout(model: LoadedModel, image: np.ndarray, attribute: str, _known: object) -> Heatmap:
    """Attention followed back to the input patches: the phrase's row in the fusion block times the visual blocks.

    Each visual block counts as (attention + identity) / 2, heads averaged (Abnar and Zuidema, ACL 2020).
    """
    *visual, fusion = _softmaxes(model, image)
    flow = fusion[:, model.schema.index(attribute)].mean(0)[len(model.schema) :]  # class token and patches
    for attention in reversed(visual):
        mean = attention.mean(0)
        flow = flow @ ((mean + torch.eye(len(mean), device=mean.device)) / 2)
    return Heatmap(
        on_grid(flow[1:], model),
        "Attention rollout",
        "attention weight",
        f"this attribute's row of the fusion block, followed back through {len(visual)} visual blocks",
    )


def _softmaxes(model: LoadedModel, image: np.ndarray) -> list[Tensor]:
    """The softmax of every block (heads, tokens, tokens), in order, of one image's forward."""
    with softmaxes(model.anatomy.softmaxes) as seen, torch.no_grad():
        model.forward(model.prepare(image))
    return [softmax[0] for softmax in seen]
