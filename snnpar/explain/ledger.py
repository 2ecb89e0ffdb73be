"""The spike ledger: one logit of a spiking student as an exact sum over timesteps, branches and tokens.

The student's read-out is linear in its residual stream, and the stream is the tokenizer's output plus what every branch
adds. A branch ends in a convolution and a batch norm, which is linear too: what the spikes that enter it cause, plus a
constant that convolution bias and batch norm add even where nothing fires. For attribute a, T timesteps, N tokens:

    logit[a] = bias[a] + sum over t, branch s, token n of
               w[a] . (scale[s] * conv[s](spikes)[t, n] + constant[s]) / (T N)

so that each term can be read as what these spikes said for or against the attribute. Nothing is approximated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from snnpar.core.errors import SnnparError
from snnpar.models import Network
from snnpar.models.network import Branch
from snnpar.spikes.trace import SpikeTrace


@dataclass(frozen=True, eq=False)
class Ledger:
    """The terms of one logit for one image.

    `branches` names S sources in execution order, `labels` in words; `spikes` (T, S, N), float64: what spikes
    contributed; `constants` (S,): what each branch adds at every one of the T N places whatever fires; `bias` and
    `logit` of the read-out.
    """

    branches: tuple[str, ...]
    labels: tuple[str, ...]
    spikes: np.ndarray
    constants: np.ndarray
    bias: float
    logit: float

    def __post_init__(self) -> None:
        if self.spikes.ndim != 3 or not self.spikes.shape[1] == len(self.branches) == len(self.constants):
            raise ValueError(f"expected spikes (T, {len(self.branches)}, N), got {self.spikes.shape}")

    @property
    def terms(self) -> np.ndarray:
        """(T, S, N) both parts together; their sum and the bias are the logit."""
        return self.spikes + self.constants[None, :, None]

    @property
    def total(self) -> float:
        """Sum of all terms and the bias."""
        return float(self.terms.sum() + self.bias)

    @property
    def error(self) -> float:
        """How far rounding keeps the sum from the model's own logit."""
        return abs(self.total - self.logit)

    def __str__(self) -> str:
        """The logit as a sum, and whether it is the model's, in one line."""
        spikes = float(self.spikes.sum())
        parts = (spikes, self.total - self.bias - spikes, self.bias, self.total, self.logit)
        first, second, bias, total, logit = (f"{value:+.4f}".replace("-", "−") for value in parts)
        fits = "✓" if self.error <= self.tolerance else "✗"
        return (
            f"spikes {first} + constants {second} + bias {bias} = {total}; the model's logit is {logit} "
            f"({fits} apart by {self.error:.1e}, rounding explains up to {self.tolerance:.1e})."
        )

    @property
    def tolerance(self) -> float:
        """The error that 32-bit arithmetic explains: 1e-4 of the sum of all sizes, at least 1e-4."""
        return 1e-4 * max(1.0, float(np.abs(self.terms).sum() + abs(self.bias)))


def branches(model: Network) -> tuple[Branch, ...]:
    """What adds to the residual stream, in order. Raises SnnparError for a model that names none."""
    found = model.anatomy().branches
    if not found:
        raise SnnparError(
            f"a spike ledger needs a spiking student with a linear read-out; this is a {type(model).__name__}"
        )
    return found


@torch.no_grad()
def spike_ledger(model: Network, trace: SpikeTrace, attribute: int) -> Ledger:
    """The ledger of one attribute (its column) for a trace of one image by this model in eval mode."""
    sources, readout = branches(model), _readout(model)
    per_timestep = _logits(trace)
    weight = readout.weight[attribute].cpu().double()
    places = trace.timesteps * math.prod(model.token_grid)
    parts, constants = [], []
    for branch in sources:
        conv, scale, constant = _folded(model, branch)
        kernel = torch.einsum("d,d...->...", weight * scale, conv.weight.cpu().double())[None]
        parts.append(_convolve(conv, _spikes(trace, branch), kernel)[:, 0] / places)
        constants.append(float(weight @ constant) / places)
    logit = float(per_timestep[:, attribute].astype(np.float64).mean())
    bias = float(readout.bias[attribute])
    return Ledger(
        tuple(b.name for b in sources),
        tuple(b.label for b in sources),
        torch.stack(parts, 1).numpy(),
        np.array(constants),
        bias,
        logit,
    )


@dataclass(frozen=True, eq=False)
class ChannelTerms:
    """What each of the D channels of the read-out adds to a logit through one branch: `spikes`, `constants` (D,)."""

    spikes: np.ndarray
    constants: np.ndarray


@torch.no_grad()
def channel_terms(model: Network, trace: SpikeTrace, attribute: int, name: str) -> ChannelTerms:
    """Split a branch's part of a logit by read-out channel, summed over timesteps and tokens."""
    branch = _branch(model, name)
    _logits(trace)
    conv, scale, constant = _folded(model, branch)
    weight = _readout(model).weight[attribute].cpu().double()
    places = trace.timesteps * math.prod(model.token_grid)
    out = _convolve(conv, _spikes(trace, branch), conv.weight.cpu().double()).sum((0, 2)) * scale
    return ChannelTerms((weight * out / places).numpy(), (weight * constant).numpy())


def entering_spikes(model: Network, trace: SpikeTrace, name: str) -> np.ndarray:
    """(T, C, N) bool: the spikes that a branch's convolution reads at each token, after any max pooling."""
    _logits(trace)
    return _spikes(trace, _branch(model, name)).flatten(2).bool().numpy()


def _readout(model: Network) -> nn.Linear:
    found = model.anatomy().readout
    assert found is not None, "a network with branches has the read-out that they add up to"
    return found


def _branch(model: Network, name: str) -> Branch:
    found = {branch.name: branch for branch in branches(model)}
    if name not in found:
        raise SnnparError(f"no branch is called {name!r}; there are {', '.join(found)}")
    return found[name]


def _logits(trace: SpikeTrace) -> np.ndarray:
    """(T, A) of the one image. Raises ValueError for another trace."""
    if trace.logits_per_timestep is None or trace.logits_per_timestep.shape[1] != 1:
        raise ValueError("a spike ledger needs the trace of one image through a spiking student")
    return trace.logits_per_timestep[:, 0]


def _folded(model: Network, branch: Branch) -> tuple[Any, Tensor, Tensor]:
    """The convolution, and scale and constant (D,) of bias and batch norm after it, float64."""
    conv: Any = model.get_submodule(branch.conv)
    norm: Any = model.get_submodule(branch.norm)
    gain, shift, mean, variance = (
        x.cpu().double() for x in (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    )
    scale = gain / (variance + norm.eps).sqrt()
    bias = 0.0 if conv.bias is None else conv.bias.cpu().double()
    return conv, scale, (bias - mean) * scale + shift


def _spikes(trace: SpikeTrace, branch: Branch) -> Tensor:
    """What enters the convolution: (T, C, H, W), or (T, C, N), float64."""
    spikes = torch.from_numpy(trace.spikes(branch.neurons)[:, 0]).double()
    return branch.pool(spikes) if branch.pool else spikes


def _convolve(conv: Any, spikes: Tensor, kernel: Tensor) -> Tensor:
    """(T, outputs, N) with the geometry of `conv` and another kernel."""
    convolve = F.conv1d if isinstance(conv, nn.Conv1d) else F.conv2d
    return convolve(spikes, kernel, stride=conv.stride, padding=conv.padding).flatten(2)
