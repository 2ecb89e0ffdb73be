"""What every model returns."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class ModelOutput:
    """logits (B, A); features (B, N, D) used for distillation, N tokens row by row.

    A teacher adds text_features (B, A, D) and visual_logits (B, A), read from its visual tokens alone; a spiking
    student adds logits_per_timestep (T, B, A), whose mean over T equals logits.
    """

    logits: Tensor
    features: Tensor
    text_features: Tensor | None = None
    visual_logits: Tensor | None = None
    logits_per_timestep: Tensor | None = None
