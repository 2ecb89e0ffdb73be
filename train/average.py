"""The moving average of the weights, which wanders less from step to step than the weights do."""

from __future__ import annotations

from torch import nn

from snnpar.core.compat import repair_torchvision

repair_torchvision()
from timm.utils import ModelEmaV3  # noqa: E402  # pyright: ignore[reportPrivateImportUsage]  timm imports torchvision


def moving_average(model: nn.Module, decay: float) -> ModelEmaV3 | None:
    """An average that starts as `model` and forgets faster at first, so that a short run is not held back; None for 0.

    After step n it keeps min(decay, 1 - n^(-2/3)) of itself; running statistics are averaged like weights.
    """
    return ModelEmaV3(model, decay=decay, use_warmup=True).requires_grad_(False) if decay else None
