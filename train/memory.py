"""Less memory for a training step: recompute blocks, keep spikes as bits. The gradients are the same, bit for bit.

Both replace a module's forward, not the module: names, weights, hooks and copies of the model work as before, and
without gradients nothing is different.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from types import MethodType

import torch
from spikingjelly.activation_based.memopt import BitSpikeCompressor
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.checkpoint import checkpoint

from snnpar.config import ConfigError, TrainConfig
from snnpar.models import ModelOutput, Network
from snnpar.spikes.neurons import is_neuron

COMPRESSOR = BitSpikeCompressor()


def save_memory(model: Network, config: TrainConfig) -> None:
    """Train `model` as config.runtime says, recomputing and packing. Raises ConfigError for spikes it has not."""
    if config.runtime.recompute:
        blocks = model.anatomy().blocks
        if not blocks:
            raise ConfigError(f"a {model.config.architecture} names no blocks to recompute: switch recompute off")
        for module in blocks:
            module.forward = MethodType(_recomputed, module)
    if config.runtime.pack_spikes:
        if not any(map(is_neuron, model.modules())):
            raise ConfigError("pack_spikes is for spiking models; this one has no spikes: switch it off")
        model.forward = MethodType(_packed, model)


def _recomputed(block: nn.Module, *inputs: Tensor) -> Tensor:
    """The block's forward, of which only the inputs are kept for the backward pass, which computes it again."""
    forward = partial(type(block).forward, block)
    if not torch.is_grad_enabled():
        return forward(*inputs)
    return checkpoint(
        forward, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), _statistics_taken(block))
    )


@contextmanager
def _statistics_taken(block: nn.Module) -> Iterator[None]:
    """The second forward of a batch must not move the running statistics once more: it moves copies of them."""
    norms = [module for module in block.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    kept = [(norm, name, buffer) for norm in norms for name, buffer in norm.named_buffers(recurse=False)]
    try:
        for norm, name, buffer in kept:
            setattr(norm, name, buffer.clone())
        yield
    finally:
        for norm, name, buffer in kept:
            setattr(norm, name, buffer)


def _packed(model: Network, *inputs: Tensor) -> ModelOutput:
    """The model's forward, of which spikes are kept for the backward pass as bits."""
    forward = partial(type(model).forward, model)
    if not torch.is_grad_enabled():
        return forward(*inputs)
    spikes = _Spikes()
    reading = {layer.name for layer in model.anatomy().layers if layer.reads == "spikes"}
    with ExitStack() as stack:
        for name, module in model.named_modules():
            if is_neuron(module):
                handle = module.register_forward_hook(lambda _module, _inputs, output: spikes.know(output))
            elif name in reading:  # after pooling, too
                handle = module.register_forward_pre_hook(lambda _module, inputs: spikes.know(inputs[0]))
            else:
                continue
            stack.callback(handle.remove)
        with torch.autograd.graph.saved_tensors_hooks(spikes.pack, spikes.unpack):
            return forward(*inputs)


class _Spikes:
    """Which memory holds spikes in one forward, and their bits: several layers keep views of the same spikes."""

    def __init__(self) -> None:
        # Weak references, lest the spikes stay; but held ones, so that no other tensor gets the place of a freed one.
        self.known: dict[int, StorageWeakRef] = {}
        self.bits: dict[int, object] = {}

    def know(self, spikes: Tensor) -> None:
        place = StorageWeakRef(spikes.untyped_storage())
        self.known[place.cdata] = place

    @torch.no_grad()
    def pack(self, kept: Tensor) -> Tensor | tuple:
        """What is kept of a tensor: the tensor, or the bits of its memory and how it views them."""
        storage = kept.untyped_storage()
        place = StorageWeakRef(storage).cdata
        if place not in self.known:
            return kept
        if place not in self.bits:
            whole = kept.detach().as_strided((storage.nbytes() // kept.element_size(),), (1,), 0)
            self.bits[place] = COMPRESSOR.compress(whole)
        return self.bits[place], kept.size(), kept.stride(), kept.storage_offset()

    @staticmethod
    def unpack(kept: Tensor | tuple) -> Tensor:
        if isinstance(kept, Tensor):
            return kept
        bits, *view = kept
        return COMPRESSOR.decompress(bits).as_strided(*view)
