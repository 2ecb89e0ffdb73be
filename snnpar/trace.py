"""One forward, recorded: spikes of every neuron, logits per timestep and the geometry of every weight layer.

    with record(student) as trace:
        student(images)
    trace.spikes("block.0.attn.q_lif")      # boolean (T, B, C, N)

Hooks live only inside the block and the model keeps nothing. A teacher has no neurons: its trace is geometry only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from snnpar.compat import repair_torchvision
from snnpar.models import ModelOutput
from snnpar.models.spikingformer import CoFire
from snnpar.neurons import LIF

repair_torchvision()
from timm.layers import Attention  # noqa: E402  timm imports torchvision


@dataclass(frozen=True)
class LayerGeometry:
    """One weight layer or attention product, for one image.

    `kind`: class of the module; `macs`: multiply-accumulates if computed densely, over all timesteps (the student's
    first convolution runs once); `input_rates`: share of ones in each spiking input, empty where it is real-valued.
    """

    name: str
    kind: str
    macs: int
    input_rates: tuple[float, ...] = ()


class SpikeTrace:
    """What `record` saw; complete and unchanging once its block has ended."""

    def __init__(self) -> None:
        self.layers: tuple[LayerGeometry, ...] = ()
        self.logits_per_timestep: np.ndarray | None = None  # (T, B, A)
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._packed: dict[str, np.ndarray] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Neurons in execution order."""
        return tuple(self._shapes)

    @property
    def timesteps(self) -> int:
        """T; 0 for a model without neurons."""
        return next(iter(self._shapes.values()))[0] if self._shapes else 0

    @property
    def nbytes(self) -> int:
        """Size of the stored spikes."""
        return sum(bits.nbytes for bits in self._packed.values())

    def shape(self, name: str) -> tuple[int, ...]:
        """(T, B, C, H, W), before pooling in the tokenizer, or (T, B, C, N) for q, k, v and attention."""
        if name not in self._shapes:
            raise KeyError(f"no neuron {name!r} in this trace; there are {', '.join(self._shapes) or 'none'}")
        return self._shapes[name]

    def neurons(self, name: str) -> int:
        """Neurons of one layer, for one image."""
        return int(np.prod(self.shape(name)[2:]))

    def spikes(self, name: str) -> np.ndarray:
        """Boolean array of `shape(name)`."""
        shape = self.shape(name)
        return np.unpackbits(self._packed[name], count=int(np.prod(shape))).astype(bool).reshape(shape)

    def rates(self, name: str) -> np.ndarray:
        """(T,) spikes per neuron in each timestep."""
        return self.spikes(name).reshape(self.timesteps, -1).mean(1)


@contextmanager
def record(model: nn.Module, *, spikes: bool = True) -> Iterator[SpikeTrace]:
    """Record the forwards inside the block; a second forward replaces the first.

    spikes=False keeps shapes and operations only, which works on the meta device too.
    Not for two threads on one model at once: `snnpar.inference` holds the model's lock around it.
    """
    trace, layers = SpikeTrace(), {}
    batch = 1

    def begin(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal batch
        batch = len(inputs[0])
        layers.clear()
        trace._shapes.clear()
        trace._packed.clear()

    def see_neuron(name: str, fired: Tensor) -> None:
        trace._shapes[name] = tuple(fired.shape)
        if spikes:
            trace._packed[name] = np.packbits(fired.detach().bool().cpu().numpy())

    def see_output(_module: nn.Module, _inputs: tuple, output: ModelOutput) -> None:
        if spikes and output.logits_per_timestep is not None:
            trace.logits_per_timestep = output.logits_per_timestep.detach().cpu().numpy()

    has_neurons = any(isinstance(module, LIF) for module in model.modules())
    handles = [model.register_forward_pre_hook(begin), model.register_forward_hook(see_output)]
    for name, module in model.named_modules():
        if isinstance(module, LIF):
            handles.append(module.register_forward_hook(lambda _m, _i, out, name=name: see_neuron(name, out)))
        elif isinstance(module, tuple(GEOMETRY)):
            def see_layer(module: nn.Module, inputs: tuple, output: Tensor, name: str = name) -> None:
                spiking = spikes and has_neurons and name not in model.real_inputs
                layers[name] = layer_geometry(name, module, inputs, output, batch, spiking)
            handles.append(module.register_forward_hook(see_layer))
    try:
        yield trace
    finally:
        for handle in handles:
            handle.remove()
        trace.layers = tuple(layers.values())


def layer_geometry(name: str, module: nn.Module, inputs: tuple, output: Tensor, batch: int,
                   spiking: bool) -> LayerGeometry:
    """Count one layer from its module, inputs and output; `batch` images went in, as spikes or not."""
    cls = next(cls for cls in GEOMETRY if isinstance(module, cls))
    total = GEOMETRY[cls](module, inputs, output)
    return LayerGeometry(name, cls.__name__, total // batch, spiking_rates(inputs) if spiking else ())


def spiking_rates(inputs: tuple) -> tuple[float, ...]:
    """Share of ones in each input of spikes."""
    return tuple(x.mean(dtype=torch.float64).item() for x in inputs if isinstance(x, Tensor))


def _conv_macs(module: nn.Conv1d | nn.Conv2d, _inputs: tuple, output: Tensor) -> int:
    return output.numel() * module.weight[0].numel()


def _linear_macs(module: nn.Linear, _inputs: tuple, output: Tensor) -> int:
    return output.numel() * module.in_features


def _attention_macs(_module: Attention, inputs: tuple, _output: Tensor) -> int:
    """Softmax attention of (B, N, D): q k^T and attention times v, N * N * D each."""
    batch, tokens, dim = inputs[0].shape
    return 2 * batch * tokens * tokens * dim


def _co_fire_macs(module: CoFire, inputs: tuple, _output: Tensor) -> int:
    """v k^T and its product with q: N * D * D / heads each, for every timestep and image."""
    timesteps, batch, dim, tokens = inputs[0].shape
    return 2 * timesteps * batch * tokens * dim * (dim // module.heads)


GEOMETRY = {nn.Conv1d: _conv_macs, nn.Conv2d: _conv_macs, nn.Linear: _linear_macs, Attention: _attention_macs,
            CoFire: _co_fire_macs}
