"""Images through a model in batches: as many at once as fit into the free memory, the next ones read meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import torch
from torch import Tensor

from snnpar.datasets import PedestrianSplit
from snnpar.images.pixels import normalise, resize
from snnpar.inference import LoadedModel

LARGEST = 64  # more makes nothing faster, and stopping waits for the end of a batch
FREE_SHARE = 0.5  # of the free memory, as other programs want some
# More at once makes a CPU slower, as memory is then mapped anew for every layer: the shipped student took 38 ms of
# processor time per image in batches of 16 or less, 52 ms in batches of 64. It also keeps the choice, and with it the
# last bits of the answers, the same from run to run on a machine that is not short of memory.
MOST_BYTES_ON_CPU = 400_000_000
# Of the largest layer's input and output together; what else lives then is the residual stream, the normalised
# values and the workspace of a convolution. Measured: a further image costs 2.0 (spikingformer_8_768) to 3.6 times
# that (spikingformer_8_384, vtb_conv_3_192), as the process's peak memory tells.
LAYERS_ALIVE = 4


def choose_batch_size(model: LoadedModel) -> tuple[int, str]:
    """Images at once for the model on the device it is on, and how that was found, in words."""
    per_image, free = LAYERS_ALIVE * largest_layer_bytes(model), free_bytes(model)
    budget = FREE_SHARE * free
    if model.device.type == "cpu":
        budget = min(budget, MOST_BYTES_ON_CPU)
    size = max(1, min(LARGEST, int(budget) // per_image))
    return size, (
        f"{free / 1e9:.1f} GB are free, and an image takes about {per_image / 1e6:.0f} MB: {LAYERS_ALIVE} "
        "times what its largest layer reads and writes"
    )


def free_bytes(model: LoadedModel) -> int:
    """Free memory of the device that the model is on."""
    device = model.device
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available


@torch.no_grad()
def largest_layer_bytes(model: LoadedModel) -> int:
    """Bytes that the layer with the most input and output reads and writes for one image, in one forward."""
    largest = 0

    def see(_layer: object, inputs: tuple, output: object) -> None:
        nonlocal largest
        tensors = [value for value in (*inputs, output) if isinstance(value, Tensor)]
        largest = max(largest, sum(tensor.nbytes for tensor in tensors))

    config, device = model.checkpoint.model, model.device
    blank = torch.full((1, 3, *config.image_size), 128, dtype=torch.uint8, device=device)
    handles = [layer.register_forward_hook(see) for layer in model.module.modules()]
    try:
        model.forward(normalise(blank, mean=config.mean, std=config.std))
    finally:
        for handle in handles:
            handle.remove()
    return largest


def read_ahead(split: PedestrianSplit, batches: list[np.ndarray], size: tuple[int, int]) -> Iterator[np.ndarray]:
    """uint8 (B, H, W, 3) of each batch of indices; the next is read while this one is used. Raises ImageError."""

    def read(indices: np.ndarray) -> np.ndarray:
        return np.stack([resize(split.read(int(i)), size) for i in indices])

    with ThreadPoolExecutor(max_workers=1) as reader:
        pending = [reader.submit(read, indices) for indices in batches[:1]]
        for following in (*batches[1:], None):
            pixels = pending.pop().result() if pending else None
            if following is not None:
                pending.append(reader.submit(read, following))
            if pixels is not None:
                yield pixels
