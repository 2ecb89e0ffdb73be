"""The batches of an epoch, read by the training process itself or ahead of it by processes of their own."""

from __future__ import annotations

import signal
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from snnpar.datasets import ResizedImages
from snnpar.images.pixels import ImageError


class WorkerError(RuntimeError):
    """A process that prepares images has ended; the message says which, and the fix."""


@dataclass(frozen=True, eq=False)
class LoadedBatch:
    """What one process computes of a batch: training images (parts, B) and their pixels, uint8 (parts, B, 3, H, W)."""

    indices: np.ndarray
    pixels: Tensor


def load_batches(images: ResizedImages, batches: list[np.ndarray], workers: int) -> Generator[LoadedBatch]:
    """The batches of indices (parts, B) in order, the same for any number of workers.

    Raises ImageError or WorkerError between batches.
    """
    if not workers:
        for indices in batches:
            yield LoadedBatch(indices, read_pixels(images, indices))
        return
    handler = signal.getsignal(signal.SIGCHLD)
    # As arrays they come through pipes. Tensors would take the shared memory, which in a container is 64 MB; where that
    # is full, torch waits for ever.
    loader = DataLoader(
        _Reader(images, batches),
        batch_size=None,
        collate_fn=_as_it_is,  # pyright: ignore[reportArgumentType]  without batches it gets one item
        num_workers=workers,
        prefetch_factor=2,
        multiprocessing_context="fork",
        worker_init_fn=_mind_own_signals,
    )
    arrived = iter(loader)
    signal.signal(signal.SIGCHLD, handler)  # torch's would raise amid a training step when a worker dies
    for indices in batches:
        try:
            pixels = next(arrived)
        except RuntimeError as error:
            raise WorkerError(
                f"a process that prepares images has ended ({error}); resume the run, with fewer "
                "--workers in a new one if the memory is short"
            ) from error
        if isinstance(pixels, str):
            raise ImageError(pixels)
        yield LoadedBatch(indices, torch.from_numpy(pixels))


def read_pixels(images: ResizedImages, indices: np.ndarray) -> Tensor:
    """uint8 (parts, B, 3, H, W) of indices (parts, B)."""
    return images.pixels(indices.ravel()).unflatten(0, indices.shape)


class _Reader(Dataset):
    """Pixels of the n-th batch, or why they cannot be read, in words."""

    def __init__(self, images: ResizedImages, batches: list[np.ndarray]) -> None:
        self.images, self.batches = images, batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> np.ndarray | str:
        try:
            return read_pixels(self.images, self.batches[number]).numpy()
        except ImageError as error:
            return str(error)


def _as_it_is(pixels: np.ndarray | str) -> np.ndarray | str:
    return pixels


def _mind_own_signals(_worker: int) -> None:
    """A worker ends when it is told to; Ctrl-C in the terminal is the training process's business."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
