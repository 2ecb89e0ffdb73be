"""What a forward computes, operation by operation, each under the name of the module whose weights it reads.

A dispatch mode sees every operation of torch below the modules, whether a module or a function asked for it, and hands
it to the function for its kind, which notes the work (`snnpar.spikes.observed`, `snnpar.spikes.operations`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from snnpar.spikes import operations
from snnpar.spikes.fan_out import Kernel
from snnpar.spikes.observed import ObservedWork
from snnpar.spikes.operations import OperationWork

aten = torch.ops.aten
NORMS = {aten.native_batch_norm, aten._native_batch_norm_legit_no_training, aten._native_batch_norm_legit,
         aten.cudnn_batch_norm, aten.miopen_batch_norm, aten._batch_norm_no_update}  # fmt: skip
MATRICES = {aten.mm, aten.addmm, aten.bmm, aten.baddbmm}


class Watch(ObservedWork, TorchDispatchMode):
    """Notes the work of a model while it is entered."""

    def __init__(self, model: nn.Module, *, spikes: bool = True, constants: tuple[str, ...] = ()) -> None:
        TorchDispatchMode.__init__(self)
        ObservedWork.__init__(self, model, spikes=spikes, constants=constants)

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


def _follow(watch: Watch, func: Any, args: tuple, kwargs: dict, output: Any) -> None:
    given = (*args, *kwargs.values())
    made = output[0] if isinstance(output, tuple | list) and output else output
    # Whole numbers are indices and sizes, unless a neuron gave them out or a network holds them.
    inputs = [x for x in _tensors(given) if x.dtype.is_floating_point or x.is_complex() or watch.knows(x)]
    if inputs and isinstance(made, Tensor):
        watch.follow(func, inputs, given, made)


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


def _numbered(watch: Watch, work: OperationWork) -> OperationWork:
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
    work = OperationWork((len(made),), macs, read, made.numel(), has_weights=has_weights, is_placed=False)
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
