"""What a forward computes, operation by operation, each under the name of the module whose weights it reads.

A dispatch mode sees every operation of torch below the modules, whether a module or a function asked for it. Spikes are
known by where they lie in memory: what a neuron gives out, views of it, and what copies, pools or joins spikes. Every
other operation makes numbers of them. Weights are the model's parameters and buffers and what is made of them alone;
products without weights go by the innermost module that was called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from snnpar import operations
from snnpar.operations import Kernel, Work

aten = torch.ops.aten
# Of spikes these give spikes, still one for one, or small integers: sums and products of spikes with spikes.
KEEPING = {
    aten.clone, aten._to_copy, aten.cat, aten.stack, aten.index, aten.index_select, aten.gather, aten.constant_pad_nd,
    aten.max_pool1d_with_indices, aten.max_pool2d_with_indices, aten.max_pool3d_with_indices, aten.adaptive_max_pool2d,
    aten.amax, aten.relu, aten.add, aten.mul, aten.maximum, aten.minimum, aten.flip, aten.roll, aten.repeat,
    aten.reflection_pad2d, aten.replication_pad2d, aten.upsample_nearest2d, aten.native_dropout, aten.copy,
}  # fmt: skip
NORMS = {aten.native_batch_norm, aten._native_batch_norm_legit_no_training, aten._native_batch_norm_legit,
         aten.cudnn_batch_norm, aten.miopen_batch_norm, aten._batch_norm_no_update}  # fmt: skip
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
MATRICES = {aten.mm, aten.addmm, aten.bmm, aten.baddbmm}


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
class Seen:
    """An operation: name and class of the module that it is counted under, and the neurons that fed it."""

    name: str
    kind: str
    number: int
    work: Work
    constant: bool
    fed_by: tuple[str, ...] = ()


class Watch(TorchDispatchMode):
    """Collects the `work` of a model, and what it does not understand (`uncounted`), while it is entered.

    `spikes`: look at values; without, at shapes only. `constants` names modules that read the same for every image.
    """

    def __init__(self, model: nn.Module, *, spikes: bool = True, constants: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.spikes = spikes
        self.work: list[Seen] = []
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
        found = self._fired.get(x.untyped_storage()._cdata)
        return found[1] if found else ()

    def owner(self, x: Tensor) -> tuple[str, str] | None:
        """Name and class of the module whose weight it is, or that it is made of alone; None for what images decide."""
        place = x.untyped_storage()._cdata
        return self._owners.get(place) or (self._made[place][1] if place in self._made else None)

    def makes(self, x: Tensor, owner: tuple[str, str]) -> None:
        """This was made of weights alone, the first of them that module's."""
        place = StorageWeakRef(x.untyped_storage())
        self._made[place.cdata] = place, owner

    def count_weight(self, work: Work, x: Tensor, weight: Tensor) -> None:
        """A module's weight was applied to x."""
        name, kind = self.owner(weight) or (self.frame.name, self.frame.kind)
        constant = name in self._constants or self.owner(x) is not None
        self.work.append(Seen(name, kind, self._next(name), work, constant, self.feeders(x)))

    def count(self, work: Iterable[Work], *inputs: Tensor) -> None:
        """The innermost call did this with these inputs."""
        frame = self.frame
        fed_by = _joined(self.feeders(x) for x in inputs)
        constant = frame.name in self._constants or all(map(self.owner, inputs))
        self.work += [Seen(frame.name, frame.kind, frame.number, one, constant, fed_by) for one in work]

    def miss(self, what: str) -> None:
        """Something that the figures lack."""
        self.uncounted[f"{self.frame.name or 'forward'}: {what}"] = None

    def follow(self, func: Any, inputs: list[Tensor], args: tuple, made: Tensor) -> None:
        """Of spikes alone, spikes; of weights alone, weights; and say so when weights meet an unknown operation."""
        packet = func._overloadpacket
        if packet in KEEPING and all(map(self.feeders, inputs)) and _is_whole(args):
            self.fires(made, _joined(map(self.feeders, inputs)))
        elif func._schema.is_mutable:
            self._fired.pop(made.untyped_storage()._cdata, None)
        owners = [self.owner(x) for x in inputs]
        if owners[0] and all(owners):
            self.makes(made, owners[0])
        elif packet in FREE or torch.Tag.pointwise in func.tags:
            return
        elif any(owner and x.ndim > 1 for owner, x in zip(owners, inputs, strict=True)):
            self.miss(str(packet))

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled inside; guarding against it would cost more than the counting

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        handle = _HANDLERS.get(func)
        if handle is None:
            handle = _HANDLERS[func] = _handler(func)
        if handle is _VIEW:
            return func(*args, **kwargs)
        if handle is _COMPOSITE:  # under torch.inference_mode() they come in one piece
            with self:
                return func.decompose(*args, **kwargs)
        output = func(*args, **kwargs)
        handle(self, func, args, kwargs, output)
        return output


def _tensors(values: Iterable[Any]) -> Iterable[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _is_whole(args: tuple) -> bool:
    """Do factors and summands that are no tensors leave whole numbers whole?"""
    return all(float(value).is_integer() for value in args if isinstance(value, float))


def _joined(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for some in names for name in some))


def _follow(watch: Watch, func: Any, args: tuple, kwargs: dict, output: Any) -> None:
    inputs = [x for x in _tensors((*args, *kwargs.values())) if x.is_floating_point()]
    made = output[0] if isinstance(output, tuple | list) and output else output
    if inputs and isinstance(made, Tensor):
        watch.follow(func, inputs, args, made)


def _convolution(watch: Watch, _func: Any, args: tuple, _kwargs: dict, output: Tensor) -> None:
    x, weight, bias, stride, padding, dilation, transposed, _, groups = args
    axes = weight.ndim - 2
    stride, padding, dilation = (
        tuple(one) * axes if len(one) == 1 else tuple(one) for one in (stride, padding, dilation)
    )
    kernel = Kernel(stride, padding, dilation, groups, transposed)
    spiking = watch.spikes and bool(watch.feeders(x))
    watch.count_weight(operations.convolution(x, weight, bias, output, kernel, spiking=spiking), x, weight)


def _matrices(watch: Watch, _func: Any, args: tuple, _kwargs: dict, output: Tensor) -> None:
    """x W^T of a linear layer, W x, or a product of two activations."""
    bias, a, b = (None, *args) if len(args) == 2 else args[:3]
    if watch.owner(a) and not watch.owner(b):
        a, b = b.transpose(-1, -2), a.transpose(-1, -2)
    if owner := watch.owner(b):
        _weighted(watch, a, b, bias)
        if watch.owner(a):
            watch.makes(output, owner)
    elif not watch.frame.ruled:
        a, b = (x if x.ndim == 3 else x[None] for x in (a, b))
        spiking = watch.spikes and bool(watch.feeders(a)), watch.spikes and bool(watch.feeders(b))
        watch.count([_numbered(watch, operations.product(a, b, spiking))], a, b)


def _weighted(watch: Watch, x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    held = weight[0] if weight.ndim == 3 and weight.stride(0) == 0 else weight  # one matrix for all
    biases = bias.numel() if bias is not None and watch.owner(bias) else 0
    spiking = watch.spikes and bool(watch.feeders(x))
    lead = _lead(watch.frame.shape, x)
    work = operations.linear(x, held.numel(), weight.shape[-1], biases, spiking=spiking, lead=lead)
    watch.count_weight(work, x, weight)


def _lead(shape: tuple[int, ...], x: Tensor) -> tuple[int, ...]:
    """The axes of a flat x before it was flattened, which the module's own input has, if that is what it reads."""
    if shape and shape[-1] == x.shape[-1] and torch.Size(shape).numel() == x.numel():
        return shape[:-1]
    return tuple(x.shape[:-1])


def _numbered(watch: Watch, work: Work) -> Work:
    """A further product in the same call."""
    watch.frame.products += 1
    return work if watch.frame.products == 1 else replace(work, product=f":{watch.frame.products}")


def _norm(watch: Watch, _func: Any, args: tuple, _kwargs: dict, output: Any) -> None:
    made = output[0] if isinstance(output, tuple | list) else output
    x, *held = (one for one in args if isinstance(one, Tensor))
    if held:
        watch.count_weight(operations.norm(made, held[0].numel()), x, held[0])


def _fused_attention(watch: Watch, func: Any, args: tuple, _kwargs: dict, output: Any) -> None:
    """softmax(q k^T) v of queries, keys and values (B, heads, N, D) in one operation."""
    if watch.frame.ruled:
        return
    q, k, v = args[:3]
    watch.count([_numbered(watch, operations.fused_attention(q, k, v))], q, k, v)
    _warn_of_spikes(watch, func, q, k, v)


def _whole_attention(watch: Watch, func: Any, args: tuple, kwargs: dict, output: Any) -> None:
    """nn.MultiheadAttention in one operation: input projections, attention, output projection."""
    x, keys, values, dim, heads, *held = args[:9]
    into, into_bias, out, out_bias = (*held, *kwargs.values())[:4]
    for weight, bias, read in ((into, into_bias, x), (out, out_bias, x.detach().clone())):
        spiking = watch.spikes and bool(watch.feeders(read))
        work = operations.linear(read, weight.numel(), len(weight), bias.numel(), spiking=spiking)
        watch.count_weight(work, read, weight)
    split = [one.unflatten(-1, (heads, -1)).transpose(1, 2) for one in (x, keys, values)]
    work = replace(operations.fused_attention(*split), product=":2")
    watch.count([work], x.detach().clone())  # no spikes any more


def _warn_of_spikes(watch: Watch, func: Any, *inputs: Tensor) -> None:
    if any(map(watch.feeders, inputs)):
        watch.miss(f"{func._overloadpacket} of spikes, billed as of numbers")


def _known_to_torch(watch: Watch, func: Any, args: tuple, kwargs: dict, output: Any) -> None:
    """Dense, as torch's own counter has it, such as a fused attention; two operations are a multiply-accumulate."""
    if watch.frame.ruled:
        return
    inputs, made = list(_tensors(args)), output[0] if isinstance(output, tuple | list) else output
    macs = int(flop_registry[func._overloadpacket](*args, **kwargs, out_val=output)) // 2
    has_weights = any(map(watch.owner, inputs))
    read = sum(x.numel() for x in inputs)
    work = Work((len(made),), macs, read, made.numel(), has_weights=has_weights, is_placed=False)
    watch.count([_numbered(watch, work)], *inputs)
    _warn_of_spikes(watch, func, *inputs)


def _VIEW(*_: Any) -> None:
    """The same memory: what it holds is known."""


def _COMPOSITE(*_: Any) -> None:
    """Made of others."""


_HANDLERS: dict[Any, Callable] = {}


def _handler(func: Any) -> Callable:
    """What to do about an operation; asked once for each."""
    packet = getattr(func, "_overloadpacket", None)
    if packet is None:
        return _VIEW
    returned = func._schema.returns
    if returned and returned[0].alias_info is not None and not func._schema.is_mutable:
        return _VIEW
    if packet is aten.convolution:
        return _convolution
    if packet in MATRICES:
        return _matrices
    if packet in NORMS:
        return _norm
    if packet is aten._native_multi_head_attention:
        return _whole_attention
    if packet.__name__.startswith("_scaled_dot_product"):
        return _fused_attention
    if packet in flop_registry:
        return _known_to_torch
    return _COMPOSITE if func._can_decompose() else _follow
