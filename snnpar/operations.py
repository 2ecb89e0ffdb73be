"""Operations of one layer: dense multiply-accumulates from its shapes, accumulates from the spikes that came in.

A spike that enters a layer causes one addition for every weight it meets: fan-out. At the border of an image an input,
spike or number, meets fewer kernel positions, so that both are counted place by place; they are integers and exact.
Products with padding, which most publications count, stand apart. Spikes may also be small integers (I-LIF): a spike
of 3 counts as 3 unit spikes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from snnpar.compat import repair_torchvision
from snnpar.models.spikingformer import CoFire

repair_torchvision()
from timm.layers import Attention  # noqa: E402  timm imports torchvision


@dataclass(frozen=True, eq=False)
class Operations:
    """One layer, attention product or norm, for one image.

    `kind`: class of the module; `macs`: multiply-accumulates if computed densely, over all `runs` of the layer, one per
    timestep (the student's first convolution runs once); `padding`: further ones, with the zeros around an image;
    `inputs` and `outputs`: values that it reads and its results, over all runs; `has_weights`: does an operation read a
    weight (an attention product does not); `has_bias`: is one read for each result; `weights` and `biases`: how many
    the layer holds; `positions`: of a convolution's kernel, over its output channels, else 0; `constant`: is its input
    the same for every image, as a teacher's phrases are.
    Where the input is spikes, `ac_map` (T, H, W) or (T, N) holds the accumulates that the spikes at each place cause,
    `spikes` (T,) how many came in, and `input_rate` the spikes per input and timestep; else these are None. Counts of a
    batch are means over its images.
    """

    name: str
    kind: str
    macs: int
    runs: int = 1
    outputs: int = 0
    has_weights: bool = True
    has_bias: bool = False
    ac_map: np.ndarray | None = None
    input_rate: float | None = None
    padding: int = 0
    inputs: int = 0
    weights: int = 0
    biases: int = 0
    positions: int = 0
    constant: bool = False
    spikes: np.ndarray | None = None

    @property
    def acs(self) -> float | None:
        """Accumulates over all timesteps, None where the input is real-valued; whole for one image."""
        return None if self.ac_map is None else float(self.ac_map.sum())

    @property
    def spikes_per_synapse(self) -> float | None:
        """Spikes that each synapse passes on per inference (Dampfhoffer et al., TETCI 2023)."""
        return None if self.ac_map is None else self.acs * self.runs / max(1, self.macs)


@dataclass(frozen=True)
class Call:
    """How a layer was called: B images at T timesteps, with spikes or numbers as input, or apart from any image."""

    batch: int
    timesteps: int
    spiking: bool
    constant: bool = False


def count(name: str, module: nn.Module, inputs: tuple, output: Tensor, call: Call) -> list[Operations]:
    """The operations of one call of a module; two entries for the two products of spiking attention."""
    return COUNTERS[next(cls for cls in COUNTERS if isinstance(module, cls))](name, module, inputs, output, call)


def _weighted(name: str, module: nn.Module, inputs: tuple, output: Tensor, call: Call) -> list[Operations]:
    """Convolutions and linear layers."""
    (x,) = inputs
    ac_map = rate = fired = None
    if call.spiking:
        here = _spikes_at(module, x.detach())
        ac_map, rate = _per_image(_fan_out(module, here), call), here.sum().item() / x.numel()
        fired = _per_image(here.reshape(len(here), -1).sum(1), call)
    calls = x.shape[:-1].numel() if isinstance(module, nn.Linear) else len(x)
    macs = _products(module, x, output) // call.batch
    return [
        Operations(
            name,
            type(module).__name__,
            macs,
            _runs(calls, call),
            output.numel() // call.batch,
            has_bias=module.bias is not None,
            ac_map=ac_map,
            input_rate=rate,
            spikes=fired,
            constant=call.constant,
            padding=output.numel() * module.weight[0].numel() // call.batch - macs,
            inputs=x.numel() // call.batch,
            weights=module.weight.numel(),
            biases=0 if module.bias is None else module.bias.numel(),
            positions=0 if isinstance(module, nn.Linear) else module.out_channels * math.prod(module.kernel_size),
        )
    ]


def _products(module: nn.Conv1d | nn.Conv2d | nn.Linear, x: Tensor, output: Tensor) -> int:
    """Products of an input, zero or not, with a weight; those of a convolution with its padding are none."""
    if isinstance(module, nn.Linear):
        return output.numel() * module.in_features
    pairs = math.prod(int(ways.sum()) for ways in _ways_by_axis(module, x.shape[2:]))
    return len(x) * pairs * module.out_channels * module.in_channels // module.groups


def _runs(calls: int, call: Call) -> int:
    """Once for each timestep, or once for all; a teacher's tokens are no timesteps."""
    return calls // call.batch if call.timesteps > 1 else 1


def accumulates(module: nn.Conv1d | nn.Conv2d | nn.Linear, x: Tensor) -> Tensor:
    """Accumulates caused by the spikes at each place: x (n, C, H, W) to (n, H, W), (n, C, N) to (n, N), float64.

    An input at place i reaches output o through kernel position k when i = o * stride - padding + k * dilation.
    """
    return _fan_out(module, _spikes_at(module, x))


def _spikes_at(module: nn.Conv1d | nn.Conv2d | nn.Linear, x: Tensor) -> Tensor:
    """Spikes at each place, over all channels: at most C and so exact in float32, float64."""
    return x.sum(-1 if isinstance(module, nn.Linear) else 1, dtype=torch.float32).double()


def _fan_out(module: nn.Conv1d | nn.Conv2d | nn.Linear, spikes: Tensor) -> Tensor:
    """Spikes at each place to the accumulates that they cause."""
    if isinstance(module, nn.Linear):
        return spikes * module.out_features
    for axis, ways in enumerate(_ways_by_axis(module, spikes.shape[1:]), 1):
        spikes = spikes * ways.to(spikes.device).view(-1, *[1] * (spikes.ndim - axis - 1))
    return spikes * (module.out_channels // module.groups)


def _ways_by_axis(module: nn.Conv1d | nn.Conv2d, places: tuple[int, ...]) -> list[Tensor]:
    """`_ways` for each axis of the input's places."""
    options = zip(places, module.kernel_size, module.stride, module.padding, module.dilation, strict=True)
    return [_ways(*option) for option in options]


@lru_cache(maxsize=256)  # asked for again by every layer of every forward
def _ways(size: int, kernel: int, stride: int, padding: int, dilation: int) -> Tensor:
    """How many (output, kernel position) pairs read each of `size` inputs along one axis, float64."""
    outputs = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    steps, offsets = (torch.arange(n, device="cpu") for n in (outputs, kernel))  # whatever the default device is
    read = steps[:, None] * stride - padding + offsets * dilation
    inside = read[(read >= 0) & (read < size)]
    return torch.bincount(inside, minlength=size).double()


def _per_image(counts: Tensor, call: Call) -> np.ndarray:
    """(T * B, ...) to (T, ...), the mean over images."""
    return counts.unflatten(0, (-1, call.batch)).mean(1).cpu().numpy()


def _softmax_attention(name: str, _module: Attention, inputs: tuple, _output: Tensor, call: Call) -> list[Operations]:
    """q k^T and attention times v, N * N * D each, whether a fused kernel computes them or not."""
    batch, tokens, dim = inputs[0].shape
    return [
        Operations(
            name,
            "Attention",
            2 * batch * tokens * tokens * dim // call.batch,
            has_weights=False,
            outputs=batch * tokens * (dim + tokens) // call.batch,
            inputs=batch * tokens * (3 * dim + tokens) // call.batch,
        )
    ]


def _co_fire(name: str, module: CoFire, inputs: tuple, _output: Tensor, call: Call) -> list[Operations]:
    """v k^T counts coincidences: an addition where v and k of a head fire at one token.

    Its product with q adds, for every spike of q, the column of those counts that it selects, where they are not 0.
    """
    timesteps, batch, dim, tokens = inputs[0].shape
    width = dim // module.heads
    macs = timesteps * tokens * dim * width
    maps: list[np.ndarray | None] = [None, None]
    rates: list[float | None] = [None, None]
    fired: list[np.ndarray | None] = [None, None]
    if call.spiking:
        q, k, v = (x.detach().unflatten(2, (module.heads, width)) for x in inputs)
        coincidences = (v.sum(3) * k.sum(3)).sum(2, dtype=torch.float64)  # (T, B, N)
        columns = ((v @ k.transpose(-1, -2)) != 0).sum(3).to(q.dtype)  # (T, B, heads, width): additions per spike of q
        additions = (q * columns.unsqueeze(-1)).sum((2, 3), dtype=torch.float64)
        maps = [x.mean(1).cpu().numpy() for x in (coincidences, additions)]
        rates = [x.mean(dtype=torch.float64).item() for x in (k, q)]
        fired = [x.flatten(2).sum(2, dtype=torch.float64).mean(1).cpu().numpy() for x in (k + v, q)]
    common = {"kind": "CoFire", "macs": macs, "runs": timesteps, "has_weights": False}
    results = timesteps * dim * width, timesteps * dim * tokens
    read = 2 * timesteps * dim * tokens, timesteps * dim * tokens  # k and v; q
    return [
        Operations(
            f"{name}.{product}",
            outputs=results[i],
            inputs=read[i],
            ac_map=maps[i],
            input_rate=rates[i],
            spikes=fired[i],
            **common,
        )
        for i, product in enumerate(("kv", "q"))
    ]


def _norm(name: str, module: nn.Module, _inputs: tuple, output: Tensor, call: Call) -> list[Operations]:
    """A batch norm in eval mode: one multiply-accumulate per result, unless folded into the weights before it."""
    results = output.numel() // call.batch
    return [
        Operations(
            name,
            type(module).__name__,
            results,
            _runs(len(output), call),
            results,
            inputs=results,
            weights=module.num_features,
        )
    ]


COUNTERS = {
    nn.Conv1d: _weighted,
    nn.Conv2d: _weighted,
    nn.Linear: _weighted,
    Attention: _softmax_attention,
    CoFire: _co_fire,
    nn.BatchNorm1d: _norm,
    nn.BatchNorm2d: _norm,
}
NORMS = ("BatchNorm1d", "BatchNorm2d")
