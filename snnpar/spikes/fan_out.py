"""How many weights each place of a convolution's input meets, which is how often a spike there is added."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, reduce

import torch
from torch import Tensor


@dataclass(frozen=True)
class Kernel:
    """The geometry of a convolution, each axis of places apart."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1
    transposed: bool = False


@dataclass(frozen=True, eq=False)
class FanOut:
    """At how many kernel positions each place of an input is read: `count` (*places), float64, and their sum.

    `even`: the one number of every place, as of a 1 x 1 kernel, else 0.
    """

    count: Tensor
    total: int
    even: int

    def times(self, spikes: Tensor, outputs: int) -> Tensor:
        """Spikes (n, *places) times the weights that each meets."""
        if self.even:
            return spikes * (self.even * outputs)
        return spikes * self.count.to(spikes.device) * outputs


@lru_cache(maxsize=256)  # asked for again by every layer of every forward
def ways_of(places: tuple[int, ...], size: tuple[int, ...], kernel: Kernel, outputs: tuple[int, ...]) -> FanOut:
    """The positions of all axes together: those of each axis, multiplied."""
    options = list(zip(places, size, kernel.stride, kernel.padding, kernel.dilation, strict=True))
    if kernel.transposed:
        axes = [_ways_transposed(*option, out) for option, out in zip(options, outputs, strict=True)]
    else:
        axes = [_ways(*option) for option in options]
    count = reduce(lambda made, axis: made.unsqueeze(-1) * axis, axes)
    low, high = (int(one) for one in count.aminmax())
    return FanOut(count, int(count.sum()), high if low == high else 0)


def _ways(size: int, kernel: int, stride: int, padding: int, dilation: int) -> Tensor:
    """How many (output, kernel position) pairs read each of `size` inputs along one axis, float64."""
    outputs = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    steps, offsets = (torch.arange(n, device="cpu") for n in (outputs, kernel))  # whatever the default device is
    read = steps[:, None] * stride - padding + offsets * dilation
    inside = read[(read >= 0) & (read < size)]
    return torch.bincount(inside, minlength=size).double()


def _ways_transposed(size: int, kernel: int, stride: int, padding: int, dilation: int, outputs: int) -> Tensor:
    """How many of `outputs` each of `size` inputs writes to along one axis, float64."""
    steps, offsets = (torch.arange(n, device="cpu") for n in (size, kernel))
    written = steps[:, None] * stride - padding + offsets * dilation
    return ((written >= 0) & (written < outputs)).sum(1).double()
