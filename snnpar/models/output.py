"""What every model returns."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ModelOutput:
    """logits (B, A); features (B, N, D) used for distillation, N tokens row by row.

    A teacher adds text_features (B, A, D) and, in training, visual_logits (B, A), read from its visual tokens alone; a
    spiking student adds logits_per_timestep (T, B, A), whose mean over T equals logits.
    """

    logits: Tensor
    features: Tensor
    text_features: Tensor | None = None
    visual_logits: Tensor | None = None
    logits_per_timestep: Tensor | None = None


def at_least_float32(x: Tensor) -> Tensor:
    """What is read out, summed and compared keeps float32 under bfloat16 arithmetic, and float64 under its own."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
