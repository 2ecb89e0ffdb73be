"""One forward, recorded: spikes of every neuron, logits per timestep and the operations of every layer.

    with record(student) as trace:
        student(images)
    trace.spikes("block.0.attn.q_lif")      # boolean (T, B, C, N)

Hooks live only inside the block and the model keeps nothing. A teacher has no neurons: its trace is operations only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from snnpar.spikes.neurons import LIF, is_multi_step, is_neuron
from snnpar.spikes.observed import ObservedOperation
from snnpar.spikes.operations import Operations, OperationWork, rule_of
from snnpar.spikes.watching import Watch

SILENT = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm)
INTEGERS = (np.uint8, np.int8, np.uint16, np.int16, np.int32, np.int64)  # the first that holds all is kept


class SpikeTrace:
    """What `record` saw; complete and unchanging once its block has ended.

    A neuron that is called again in the same forward is another entry, "name#2", and likewise for layers.
    """

    def __init__(self) -> None:
        self.layers: tuple[Operations, ...] = ()
        self.logits_per_timestep: np.ndarray | None = None  # (T, B, A)
        self.uncounted: tuple[str, ...] = ()  # what was not understood, and is in no figure made of this
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._packed: dict[str, np.ndarray] = {}  # bits, or whole numbers in the shape of the layer

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
        return sum(kept.nbytes for kept in self._packed.values())

    def shape(self, name: str) -> tuple[int, ...]:
        """(T, B, C, H, W), in the tokenizer before any pooling of spikes, or (T, B, C, N) for q, k, v and attention."""
        if name not in self._shapes:
            raise KeyError(f"no neuron {name!r} in this trace; there are {', '.join(self._shapes) or 'none'}")
        return self._shapes[name]

    def neurons(self, name: str) -> int:
        """Neurons of one layer, for one image."""
        return int(np.prod(self.shape(name)[2:]))

    def spikes(self, name: str) -> np.ndarray:
        """Array of `shape(name)`: boolean, or the smallest integers that hold the counts of neurons that fire more."""
        shape, kept = self.shape(name), self._packed[name]
        if kept.shape == shape:
            return kept
        return np.unpackbits(kept, count=int(np.prod(shape))).astype(bool).reshape(shape)

    def rates(self, name: str) -> np.ndarray:
        """(T,) spikes per neuron in each timestep."""
        return self.counts(name) / np.prod(self.shape(name)[1:])

    def counts(self, name: str) -> np.ndarray:
        """(T,) spikes in each timestep; a count of 3 is 3 spikes, and one of -1 a spike, too."""
        return _units(self.spikes(name).reshape(self.timesteps, -1)).sum(1, dtype=np.int64)

    @property
    def total_spikes(self) -> int:
        """Spikes of all neurons in all timesteps."""
        return sum(
            int(np.bitwise_count(kept).sum()) if kept.ndim == 1 else int(_units(kept).sum(dtype=np.int64))
            for kept in self._packed.values()  # what fills a byte up is 0
        )

    @property
    def nasfr(self) -> float:
        """Network average spike firing rate: all spikes / (all neurons x T); 0 for a model without neurons."""
        slots = sum(int(np.prod(shape)) for shape in self._shapes.values())
        return self.total_spikes / max(1, slots)


def _units(counts: np.ndarray) -> np.ndarray:
    return counts if counts.dtype.kind in "bu" else np.abs(counts.astype(np.int64))


@contextmanager
def record(model: nn.Module, *, spikes: bool = True) -> Iterator[SpikeTrace]:
    """Record the forwards inside the block; a second forward replaces the first.

    spikes=False keeps shapes and operations only, which works on the meta device too.
    Not for two threads on one model at once: `snnpar.inference` holds the model's lock around it.
    """
    recorder = _Recorder(model, spikes)
    try:
        recorder.listen()
        yield recorder.trace
    finally:
        recorder.hooks.close()
        recorder.settle()


class _Recorder:
    """The hooks of one recording, and what they have heard."""

    def __init__(self, model: nn.Module, spikes: bool) -> None:
        self.model, self.spikes, self.trace, self.hooks = model, spikes, SpikeTrace(), ExitStack()
        self.watch = Watch(model, spikes=spikes, constants=getattr(model, "constant_inputs", ()))
        self.fired: dict[str, list[np.ndarray | tuple[int, ...]]] = {}  # by neuron, call after call
        self.stepped: set[str] = set()  # neurons that are called once for each timestep
        self.output: Any = None
        self.inside = 0  # neurons, of which the watch sees nothing

    def listen(self) -> None:
        for name, module in self.model.named_modules():
            if isinstance(module, SILENT) and module is not self.model:
                continue  # known by their weights
            begin, end = self.root() if module is self.model else self.call(name, module)
            always = module is self.model  # also where the forward fails
            self.hooks.callback(module.register_forward_pre_hook(begin, with_kwargs=True).remove)
            self.hooks.callback(module.register_forward_hook(end, with_kwargs=True, always_call=always).remove)

    def root(self) -> tuple:
        """The whole forward: what it begins with, and what comes out."""

        def begin(module: nn.Module, args: tuple, kwargs: dict) -> None:
            for kept in (self.watch, self.fired, self.stepped):
                kept.clear()
            self.inside = 0
            given = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
            self.watch.begin("", module, given)
            if getattr(module, "event_input", False):
                for x in given:
                    self.watch.fires(x, ("input",))
            self.watch.__enter__()

        def end(_module: nn.Module, _args: tuple, _kwargs: dict, output: Any) -> None:
            if not self.inside:  # not where a neuron has failed
                self.watch.__exit__(None, None, None)
            self.output = output

        return begin, end

    def call(self, name: str, module: nn.Module) -> tuple:
        """What to do before and after a module."""
        if is_neuron(module):
            return self.neuron(name, module)
        rule = rule_of(module)

        def begin(module: nn.Module, args: tuple, kwargs: dict) -> None:
            self.watch.begin(name, module, (*args, *kwargs.values()), ruled=rule is not None)

        def end(module: nn.Module, args: tuple, kwargs: dict, _output: Any) -> None:
            if rule:
                inputs = tuple(x for x in (*args, *kwargs.values()) if isinstance(x, Tensor))
                spiking = self.spikes and all(map(self.watch.feeders, inputs))
                with self.unwatched():
                    work = rule(module, inputs, spiking)
                self.watch.count(work, *inputs)
            self.watch.end()

        return begin, end

    def neuron(self, name: str, module: nn.Module) -> tuple:
        """Its inside is no work of its own: an update is billed for each neuron and timestep."""

        def begin(_module: nn.Module, _args: tuple, _kwargs: dict) -> None:
            if not self.inside:
                self.watch.__exit__(None, None, None)
            self.inside += 1

        def end(module: nn.Module, _args: tuple, _kwargs: dict, fired: Any) -> None:
            self.inside -= 1
            if self.inside:
                return  # part of another neuron
            fired = fired[0] if isinstance(fired, tuple) else fired
            if self.hear(name, module, fired.detach()):
                self.watch.fires(fired, (name,))
            self.watch.__enter__()

        return begin, end

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """What happens inside is no part of the forward."""
        self.watch.__exit__(None, None, None)
        try:
            yield
        finally:
            self.watch.__enter__()

    def hear(self, name: str, module: nn.Module, fired: Tensor) -> bool:
        """Keep what a neuron gave out; False where these are no whole numbers, and so no spikes."""
        kept: np.ndarray | tuple[int, ...] = tuple(fired.shape)
        if self.spikes:
            kept = fired.bool().cpu().numpy() if isinstance(module, LIF) else _smallest(fired.cpu())
            if kept.dtype.kind == "f":
                self.watch.uncounted[f"{name}: gives out fractions, no spikes; billed as numbers"] = None
                return False
        self.fired.setdefault(name, []).append(kept)
        if not is_multi_step(module):
            self.stepped.add(name)
        return True

    def settle(self) -> None:
        """Make the trace of what was heard; nothing, where no forward came to its end."""
        for name, calls in self.fired.items():
            together = self.together(name, calls)
            for number, one in enumerate(together, 1):
                self.keep(f"{name}#{number}" if number > 1 else name, one)
        logits = getattr(self.output, "logits_per_timestep", None)
        if self.spikes and logits is not None:
            self.trace.logits_per_timestep = logits.detach().cpu().numpy()
        batch, timesteps = self.batch(), self.trace.timesteps or getattr(self.model, "timesteps", 0) or 1
        self.trace.layers = tuple(_layers(self.watch.work, batch, timesteps, stepped=bool(self.stepped)))
        self.trace.uncounted = tuple(self.watch.uncounted)

    def together(self, name: str, calls: list) -> list:
        """Calls for single timesteps, (B, ...), as calls for all, (T, B, ...)."""
        if name not in self.stepped:
            return calls
        timesteps = min(len(self.fired[one]) for one in self.stepped)  # one that is shared is called more often
        apart = [calls[first :: len(calls) // timesteps] for first in range(len(calls) // timesteps)]
        return [np.stack(one) if self.spikes else (len(one), *one[0]) for one in apart]

    def keep(self, name: str, fired: np.ndarray | tuple[int, ...]) -> None:
        self.trace._shapes[name] = fired if isinstance(fired, tuple) else fired.shape
        if not isinstance(fired, tuple):
            self.trace._packed[name] = np.packbits(fired) if fired.dtype == bool else fired

    def batch(self) -> int:
        """Images of the forward: of its answers, or, of a model with answers of its own kind, of its neurons."""
        logits = getattr(self.output, "logits", None)
        if logits is not None:
            return len(logits)
        if self.trace._shapes:
            return next(iter(self.trace._shapes.values()))[1]
        return len(self.output) if isinstance(self.output, Tensor) and self.output.ndim else 1


def _smallest(fired: Tensor) -> np.ndarray:
    """Spikes as booleans where they are 0 and 1, else as the smallest integers that hold them; fractions stay such."""
    if fired.dtype == torch.bool:
        return fired.numpy()
    low, high = (one.item() for one in fired.aminmax()) if fired.numel() else (0, 0)
    if not (math.isfinite(low) and math.isfinite(high) and torch.equal(fired, fired.round())):
        return fired.float().numpy()
    if low >= 0 and high <= 1:
        return fired.bool().numpy()
    kind = next(one for one in INTEGERS if np.iinfo(one).min <= low and high <= np.iinfo(one).max)
    return fired.to(torch.int64).numpy().astype(kind)


def _layers(work: list[ObservedOperation], batch: int, timesteps: int, *, stepped: bool) -> Iterator[Operations]:
    """Entries in execution order; calls for single timesteps, of a network that is `stepped`, are one entry."""
    calls: dict[tuple[str, str], list[ObservedOperation]] = {}
    for seen in work:
        calls.setdefault((seen.name, seen.work.product), []).append(seen)
    for (name, _), some in calls.items():
        entries = len(some)
        if stepped and timesteps > 1 and entries % timesteps == 0:
            entries //= timesteps
        for number in range(entries):
            first, together = some[number], OperationWork.joined([one.work for one in some[number::entries]])
            shown = name or "forward"
            shown = f"{shown}#{number + 1}" if number else shown
            yield together.of_one_image(shown, first.kind, batch, timesteps, first.constant, first.fed_by)
