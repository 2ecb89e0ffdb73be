"""One forward, recorded: spikes of every neuron, logits per timestep and the operations of every layer.

    with record(student) as trace:
        student(images)
    trace.spikes("block.0.attn.q_lif")      # boolean (T, B, C, N)

Hooks live only inside the block and the model keeps nothing. A teacher has no neurons: its trace is operations only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from torch import Tensor, nn

from snnpar.models import ModelOutput
from snnpar.neurons import LIF
from snnpar.operations import COUNTERS, Call, Operations, count


class SpikeTrace:
    """What `record` saw; complete and unchanging once its block has ended."""

    def __init__(self) -> None:
        self.layers: tuple[Operations, ...] = ()
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
        """(T, B, C, H, W), in the tokenizer before any pooling of spikes, or (T, B, C, N) for q, k, v and attention."""
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
        return self.counts(name) / np.prod(self.shape(name)[1:])

    def counts(self, name: str) -> np.ndarray:
        """(T,) spikes in each timestep."""
        return np.count_nonzero(self.spikes(name).reshape(self.timesteps, -1), axis=1)

    @property
    def total_spikes(self) -> int:
        """Spikes of all neurons in all timesteps."""
        return sum(int(np.bitwise_count(bits).sum()) for bits in self._packed.values())  # what fills a byte up is 0

    @property
    def nasfr(self) -> float:
        """Network average spike firing rate: all spikes / (all neurons x T); 0 for a model without neurons."""
        slots = sum(int(np.prod(shape)) for shape in self._shapes.values())
        return self.total_spikes / max(1, slots)


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
        elif isinstance(module, tuple(COUNTERS)):

            def see_layer(module: nn.Module, inputs: tuple, output: Tensor, name: str = name) -> None:
                timesteps = model.config.timesteps if has_neurons else 1
                constant = name in getattr(model, "constant_inputs", ())
                spiking = spikes and has_neurons and name not in model.real_inputs
                call = Call(1 if constant else batch, timesteps, spiking, constant)
                layers.update({layer.name: layer for layer in count(name, module, inputs, output, call)})

            handles.append(module.register_forward_hook(see_layer))
    try:
        yield trace
    finally:
        for handle in handles:
            handle.remove()
        trace.layers = tuple(layers.values())
