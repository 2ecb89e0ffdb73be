"""What is known of a forward under way: whose call it is, which memory holds spikes or weights, and the work so far.

Spikes are known by where they lie in memory: what a neuron gives out, views of it, and what copies, pools or joins
spikes. Every other operation makes numbers of them. Weights are the model's parameters and buffers and what is made of
them alone; products without weights go by the innermost module that was called.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from snnpar.spikes.operations import OperationWork

aten = torch.ops.aten
# Of spikes these give spikes, still one for one, or small integers: sums and products of spikes with spikes.
KEEPING = {
    aten.clone, aten._to_copy, aten.cat, aten.stack, aten.index, aten.index_select, aten.gather, aten.constant_pad_nd,
    aten.max_pool1d_with_indices, aten.max_pool2d_with_indices, aten.max_pool3d_with_indices, aten.adaptive_max_pool2d,
    aten.amax, aten.relu, aten.add, aten.mul, aten.maximum, aten.minimum, aten.flip, aten.roll, aten.repeat,
    aten.reflection_pad2d, aten.replication_pad2d, aten.upsample_nearest2d, aten.native_dropout, aten.copy,
}  # fmt: skip
# They read weights and do no arithmetic worth a bill: look-ups, copies and, as in every publication, other norms.
FREE = {
    aten.embedding,
    aten.native_layer_norm,
    aten.native_group_norm,
    aten._fused_rms_norm,
    aten._prelu_kernel,
    aten.copy_,
    *KEEPING,
}
MULTIPLYING = {aten.mul, aten.div, aten.addcmul, aten.addcdiv}


@dataclass
class Frame:
    """A call of a module under way: its name, class and number from 1, the shape of its input, its products so far.

    `ruled`: a rule counts its products, not what is seen of them.
    """

    name: str
    kind: str
    number: int = 1
    shape: tuple[int, ...] = ()
    ruled: bool = False
    products: int = 0


@dataclass(frozen=True, eq=False)
class ObservedOperation:
    """An operation: name and class of the module that it is counted under, and the neurons that fed it."""

    name: str
    kind: str
    number: int
    work: OperationWork
    constant: bool
    fed_by: tuple[str, ...] = ()


class ObservedWork:
    """The `work` of a model, and what of it was not understood (`uncounted`).

    `spikes`: look at values; without, at shapes only. `constants` names modules that read the same for every image.
    """

    def __init__(self, model: nn.Module, *, spikes: bool = True, constants: tuple[str, ...] = ()) -> None:
        self.spikes = spikes
        self.work: list[ObservedOperation] = []
        self.uncounted: dict[str, None] = {}
        self._constants = constants
        self._frames: list[Frame] = []
        self._calls: dict[str, int] = {}
        self._owners: dict[int, tuple[str, str]] = {}  # name and class of the module of a weight, by its memory
        modules = dict(model.named_modules())
        for name, module in modules.items():
            owner = name.partition(".parametrizations.")[0]  # of a weight norm and its like
            for x in (*module._parameters.values(), *module._buffers.values()):
                if x is not None:
                    kind = type(modules[owner]).__name__
                    self._owners.setdefault(x.untyped_storage()._cdata, (owner, kind.removeprefix("Parametrized")))
        self._made: dict[int, tuple[StorageWeakRef, tuple[str, str]]] = {}  # likewise, of what is made of weights
        self._fired: dict[int, tuple[StorageWeakRef, tuple[str, ...]]] = {}

    def clear(self) -> None:
        """Forget the forward before."""
        for kept in (self.work, self.uncounted, self._frames, self._calls, self._made, self._fired):
            kept.clear()

    @property
    def frame(self) -> Frame:
        """The innermost call under way."""
        return self._frames[-1]

    def begin(self, name: str, module: nn.Module, inputs: Iterable[Any], *, ruled: bool = False) -> None:
        """A call of a module begins."""
        first = next((x for x in inputs if isinstance(x, Tensor)), None)
        shape = () if first is None else tuple(first.shape)
        self._frames.append(Frame(name, type(module).__name__, self._next(f"{name}()"), shape, ruled))

    def end(self) -> None:
        """The innermost call has ended."""
        self._frames.pop()

    def _next(self, what: str) -> int:
        self._calls[what] = number = self._calls.get(what, 0) + 1
        return number

    def fires(self, x: Tensor, neurons: tuple[str, ...]) -> None:
        """These are spikes, which those neurons gave out."""
        place = StorageWeakRef(x.untyped_storage())  # held: no other tensor gets the place of a freed one
        self._fired[place.cdata] = place, neurons

    def feeders(self, x: Tensor) -> tuple[str, ...]:
        """The neurons whose spikes these are; none, of numbers."""
        if x.layout != torch.strided:
            return ()  # it has no memory to know it by
        found = self._fired.get(x.untyped_storage()._cdata)
        return found[1] if found else ()

    def owner(self, x: Tensor) -> tuple[str, str] | None:
        """Name and class of the module whose weight it is, or that it is made of alone; None for what images decide."""
        if x.layout != torch.strided:
            return None
        place = x.untyped_storage()._cdata
        return self._owners.get(place) or (self._made[place][1] if place in self._made else None)

    def knows(self, x: Tensor) -> bool:
        """Are these spikes or weights?"""
        return bool(self.feeders(x) or self.owner(x))

    def makes(self, x: Tensor, owner: tuple[str, str]) -> None:
        """This was made of weights alone, the first of them that module's."""
        place = StorageWeakRef(x.untyped_storage())
        self._made[place.cdata] = place, owner

    def count_weight(self, work: OperationWork, x: Tensor, weight: Tensor) -> None:
        """A module's weight was applied to x."""
        name, kind = self.owner(weight) or (self.frame.name, self.frame.kind)
        constant = name in self._constants or self.owner(x) is not None
        self.work.append(ObservedOperation(name, kind, self._next(name), work, constant, self.feeders(x)))

    def count(self, work: Iterable[OperationWork], *inputs: Tensor) -> None:
        """The innermost call did this with these inputs."""
        frame = self.frame
        fed_by = _joined(self.feeders(x) for x in inputs)
        constant = frame.name in self._constants or all(map(self.owner, inputs))
        self.work += [ObservedOperation(frame.name, frame.kind, frame.number, one, constant, fed_by) for one in work]

    def miss(self, what: str) -> None:
        """Something that the figures lack."""
        self.uncounted[f"{self.frame.name or 'forward'}: {what}"] = None

    def follow(self, func: Any, inputs: list[Tensor], args: tuple, made: Tensor) -> None:
        """Of spikes alone, spikes; of weights alone, weights; and say so when weights meet an unknown operation."""
        packet = func._overloadpacket
        if any(x.layout != torch.strided for x in (*inputs, made)) or packet.__name__.startswith("_fft"):
            self.miss(str(packet))
            return
        if packet in KEEPING and all(map(self.feeders, inputs)) and _is_whole(args):
            self.fires(made, _joined(map(self.feeders, inputs)))
        elif func._schema.is_mutable:
            self._fired.pop(made.untyped_storage()._cdata, None)
        owners = [self.owner(x) for x in inputs]
        if owners[0] and all(owners):
            self.makes(made, owners[0])
        elif packet in FREE or torch.Tag.pointwise in func.tags:
            read = max((x.numel() for x, owner in zip(inputs, owners, strict=True) if not owner), default=0)
            by_hand = packet in MULTIPLYING and any(owners) and made.numel() > read  # a product of matrices in disguise
            if by_hand and not self.frame.ruled:
                self.miss(f"{packet} of every value with several weights")
        elif any(owner and x.numel() > 1 for owner, x in zip(owners, inputs, strict=True)):
            self.miss(str(packet))


def _is_whole(args: tuple) -> bool:
    """Do factors and summands that are no tensors leave whole numbers whole?"""
    return all(float(value).is_integer() for value in args if isinstance(value, float))


def _joined(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for some in names for name in some))
