"""The moving average of the weights, which wanders less from step to step than the weights do."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def moving_average(model: nn.Module, decay: float) -> AveragedModel | None:
    """An average that starts as `model`, its floating-point buffers included; None for a decay of 0."""
    if not decay:
        return None

    def forget(averages: Tensors, values: Tensors, done: Tensor | int) -> None:
        """Faster at first, so that a short run is not held back: step n keeps min(decay, 1 - n^(-2/3))."""
        if averages[0].is_floating_point():
            keep = min(decay, 1 - (int(done) + 1) ** (-2 / 3))
            torch._foreach_lerp_(averages, values, 1 - keep)  # pyright: ignore[reportPrivateImportUsage]
        else:
            torch._foreach_copy_(averages, values)  # pyright: ignore[reportPrivateImportUsage]  counters

    return AveragedModel(model, multi_avg_fn=forget, use_buffers=True).requires_grad_(False)


def update_average(average: AveragedModel, model: nn.Module, step: int) -> None:
    """Take the weights after a step, from 1, into the average."""
    average.n_averaged.fill_(step - 1)
    average.update_parameters(model)
