"""Small models, and what a forward of theirs leaves."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from snnpar.spikes.trace import SpikeTrace, record


@torch.no_grad()
def traced(model: nn.Module, *inputs: Tensor) -> SpikeTrace:
    with record(model.eval()) as trace:
        model(*inputs)
    return trace


class Calls(nn.Module):
    """A function with parameters of its own."""

    def __init__(self, function: Callable, *modules: nn.Module) -> None:
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(modules)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.parts)
