"""Operations of one layer: dense multiply-accumulates from its shapes, accumulates from the spikes that came in.

A spike that enters a layer causes one addition for every weight it meets: fan-out. At the border of an image an input,
spike or number, meets fewer kernel positions, so that both are counted place by place; they are integers and exact.
Products with padding, which most publications count, stand apart. Spikes may also be small integers (I-LIF): a spike
of 3 counts as 3 unit spikes. `snnpar.spikes.watching` calls these functions for the operations that it sees; torch's
own FlopCounterMode and spikingjelly's op_counter count from shapes and per layer, not what each spike causes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from snnpar.spikes.fan_out import Kernel, ways_of


@dataclass(frozen=True, eq=False)
class Operations:
    """One layer, attention product or norm, for one image.

    `name`: of its module; of one that runs more than once in a forward with "#2" and so on, of a further product in
    the same call with ":2". `kind`: class of the module; `macs`: multiply-accumulates if computed densely, over all
    `runs` of the layer, one per timestep (the student's first convolution runs once); `padding`: further ones, with the
    zeros around an image; `inputs` and `outputs`: values that it reads and its results, over all runs; `has_weights`:
    does an operation read a weight (an attention product does not); `has_bias`: is one read for each result; `weights`
    and `biases`: how many the layer holds; `positions`: of a convolution's kernel, over its output channels, else 0;
    `constant`: is its input the same for every image, as a teacher's phrases are; `is_norm`: of a batch norm, one per
    result; `fed_by`: the neurons whose spikes it reads.
    Where the input is spikes, `ac_map` (T, H, W), (T, N) or (T,) holds the accumulates that the spikes at each place
    cause, `spikes` (T,) how many came in, and `input_rate` the spikes per input and timestep; else these are None.
    Counts of a batch are means over its images.
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
    is_norm: bool = False
    fed_by: tuple[str, ...] = ()

    @property
    def acs(self) -> float | None:
        """Accumulates over all timesteps, None where the input is real-valued; whole for one image."""
        return None if self.ac_map is None else float(self.ac_map.sum())

    @property
    def spikes_per_synapse(self) -> float | None:
        """Spikes that each synapse passes on per inference (Dampfhoffer et al., TETCI 2023)."""
        return None if self.ac_map is None else float(self.ac_map.sum()) * self.runs / max(1, self.macs)


@dataclass(frozen=True, eq=False)
class OperationWork:
    """An operation as it ran, for all images and timesteps at once; `of_one_image` makes it an entry of a trace.

    `lead`: the axes of the input along which it repeats, time first: (T * B,), (T, B, N), (B,) and the like. `product`
    tells products in one call of a module apart. `additions` (*lead, ...) are what spikes cause at each place, `fired`
    (*lead) how many came in, `rate` per input; None where the input is real-valued or spikes are not looked at.
    `is_placed`: are repeats beyond images and timesteps places of the image?
    """

    lead: tuple[int, ...]
    macs: int
    inputs: int
    outputs: int
    padding: int = 0
    has_weights: bool = True
    weights: int = 0
    biases: int = 0
    positions: int = 0
    is_norm: bool = False
    product: str = ""
    additions: Tensor | None = None
    fired: Tensor | None = None
    rate: float | None = None
    is_placed: bool = True

    @staticmethod
    def joined(calls: list[OperationWork]) -> OperationWork:
        """Calls for one timestep after the other as a call for all of them."""
        if len(calls) == 1:
            return calls[0]
        first = calls[0]
        additions = [one.additions for one in calls if one.additions is not None]
        fired = [one.fired for one in calls if one.fired is not None]
        rates = [one.rate for one in calls if one.rate is not None]
        spiking = len(additions) == len(fired) == len(rates) == len(calls)
        sums = {name: sum(getattr(one, name) for one in calls) for name in ("macs", "inputs", "outputs", "padding")}
        return replace(
            first,
            lead=(len(calls) * first.lead[0], *first.lead[1:]),
            additions=torch.cat(additions) if spiking else None,
            fired=torch.cat(fired) if spiking else None,
            rate=sum(rates) / len(calls) if spiking else None,
            **sums,
        )

    def of_one_image(
        self, name: str, kind: str, batch: int, timesteps: int, constant: bool, fed_by: tuple[str, ...] = ()
    ) -> Operations:
        """The mean over `batch` images of a forward of so many timesteps (1 where there are none)."""
        batch = 1 if constant else batch
        runs = self._runs(batch, timesteps)
        additions, fired = self.additions, self.fired
        return Operations(
            name + self.product,
            kind,
            self.macs // batch,
            runs,
            self.outputs // batch,
            self.has_weights,
            self.biases > 0,
            None if additions is None else self._per_image(additions, batch, runs, timesteps),
            self.rate,
            self.padding // batch,
            self.inputs // batch,
            self.weights,
            self.biases,
            self.positions,
            constant,
            None if fired is None else self._per_image(fired, batch, runs, timesteps).reshape(timesteps, -1).sum(1),
            self.is_norm,
            fed_by,
        )

    def _runs(self, batch: int, timesteps: int) -> int:
        """Once for each timestep, or once for all: tokens and heads are no timesteps."""
        by_time = self.lead[0] == timesteps * batch or self.lead[:2] == (timesteps, batch)
        at_once = self.lead[0] == batch and not by_time
        return timesteps if by_time or (not at_once and math.prod(self.lead) % (timesteps * batch) == 0) else 1

    def _per_image(self, counts: Tensor, batch: int, runs: int, timesteps: int) -> np.ndarray:
        """(*lead, ...) to (T, ...), the mean over images; what ran once, late, stands in the last timestep."""
        places = counts.shape[len(self.lead) :]
        apart = counts.reshape(runs, batch, -1, *places)
        mean = apart[:, 0] if batch == 1 else apart.mean(1)
        mean = mean.squeeze(1) if mean.shape[1] == 1 else mean if self.is_placed else mean.sum(1)
        mean = mean.cpu().numpy()
        if runs < timesteps:
            mean = np.concatenate([np.zeros((timesteps - runs, *mean.shape[1:])), mean])
        return mean


# Modules whose products have a rule of their own, beside the class: what they compute is not counted inside again.
Rule = Callable[..., list[OperationWork]]
_RULES: dict[type[nn.Module], Rule] = {}


def count_as(cls: type[nn.Module], rule: Rule) -> None:
    """Count calls of a class of modules by `rule(module, inputs, spiking)`: its work, from the tensors it was given.

    For products whose places on the image only the module knows. `spiking`: are the inputs spikes to be looked at?
    """
    _RULES[cls] = rule


def rule_of(module: nn.Module) -> Rule | None:
    """The rule of its class or of one it is derived from."""
    return next((_RULES[cls] for cls in type(module).__mro__ if cls in _RULES), None)


def convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, output: Tensor, kernel: Kernel, *, spiking: bool
) -> OperationWork:
    """A convolution of any number of axes; `weight` as torch keeps it."""
    outputs_per_input = weight.shape[1] if kernel.transposed else weight.shape[0] // kernel.groups
    ways = ways_of(tuple(x.shape[2:]), tuple(weight.shape[2:]), kernel, tuple(output.shape[2:]))
    macs = len(x) * ways.total * outputs_per_input * x.shape[1]
    padded = output.numel() * weight[0].numel() if not kernel.transposed else macs
    here = _spikes_at(x, 1) if spiking else None
    return OperationWork(
        (len(x),),
        macs,
        x.numel(),
        output.numel(),
        padding=padded - macs,
        weights=weight.numel(),
        biases=0 if bias is None else bias.numel(),
        positions=output.shape[1] * math.prod(weight.shape[2:]),
        **({} if here is None else _caused(here.flatten(1).sum(1), ways.times(here, outputs_per_input), x)),
    )


def linear(
    x: Tensor, weights: int, out: int, biases: int, *, spiking: bool, lead: tuple[int, ...] = ()
) -> OperationWork:
    """x (..., in) times a matrix of `weights` numbers to `out` results each; `lead` gives x's axes a flat x lost."""
    lead = lead or tuple(x.shape[:-1])
    here = _spikes_at(x, -1).reshape(lead) if spiking else None
    found = {} if here is None else _caused(here, here * out, x)
    rows = x.numel() // max(1, x.shape[-1])
    return OperationWork(lead, x.numel() * out, x.numel(), rows * out, weights=weights, biases=biases, **found)


def product(a: Tensor, b: Tensor, spiking: tuple[bool, bool]) -> OperationWork:
    """a (G, n, k) times b (G, k, m), both computed from the image; `spiking` says which of them are spikes.

    Two spikes that meet are an addition; a spike that meets numbers adds those that are not 0. Its places are unknown.
    """
    (groups, n, k), m = a.shape, b.shape[2]
    work = OperationWork(
        (groups,), groups * n * k * m, a.numel() + b.numel(), groups * n * m, has_weights=False, is_placed=False
    )
    if not any(spiking):
        return work
    a, b = (_sizes(x) if is_spike else x for x, is_spike in ((a, spiking[0]), (b, spiking[1])))
    left = a.sum(1, dtype=torch.float64) if spiking[0] else (a != 0).sum(1).double()  # (G, k)
    right = b.sum(2, dtype=torch.float64) if spiking[1] else (b != 0).sum(2).double()
    read = [x for x, is_spike in ((a, spiking[0]), (b, spiking[1])) if is_spike]
    fired = sum(x.sum((1, 2), dtype=torch.float64) for x in read)
    rate = sum(x.sum(dtype=torch.float64).item() for x in read) / sum(x.numel() for x in read)
    return replace(work, additions=(left * right).sum(1), fired=fired, rate=rate)


def fused_attention(q: Tensor, k: Tensor, v: Tensor) -> OperationWork:
    """softmax(q k^T) v of (B, heads, N, D) and (B, heads, M, D), dense: N M D products, twice, for each head."""
    (batch, heads, n, dim), m = q.shape, k.shape[2]
    macs = batch * heads * n * m * (dim + v.shape[3])
    read = q.numel() + k.numel() + v.numel() + batch * heads * n * m
    made = batch * heads * n * (m + v.shape[3])
    return OperationWork((batch,), macs, read, made, has_weights=False, is_placed=False)


def norm(output: Tensor, weights: int) -> OperationWork:
    """A batch norm in eval mode: one multiply-accumulate per result, unless folded into the weights before it."""
    return OperationWork((len(output),), output.numel(), output.numel(), output.numel(), weights=weights, is_norm=True)


def _caused(fired: Tensor, additions: Tensor, x: Tensor) -> dict:
    """What spikes did: the additions at their places, how many came in, and their share of the inputs."""
    return {"additions": additions, "fired": fired, "rate": fired.sum().item() / x.numel()}


def _spikes_at(x: Tensor, channels: int) -> Tensor:
    """Spikes at each place, over all channels: at most C and so exact in float32, float64."""
    return _sizes(x.detach()).sum(channels, dtype=torch.float32).double()


def _sizes(spikes: Tensor) -> Tensor:
    """A spike of -1 is one, too: it subtracts a weight where another adds it."""
    return spikes.abs() if spikes.numel() and spikes.amin() < 0 else spikes
