"""What goes wrong in training, in words: what happened, where, what is saved, and the fix."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import torch

from snnpar.core.disks import is_disk_full
from snnpar.core.errors import SnnparError

log = logging.getLogger("train")
NAMED = 8  # files of a batch that a message names; the log names all


class TrainingFault(SnnparError):
    """Training cannot go on; the message says why, in a sentence."""


class NotFinite(ArithmeticError):
    """A loss or gradient that is NaN, infinite or far too large, in a step that has not changed the weights."""

    def __init__(self, what: str, value: float, epoch: int, step: int, indices: np.ndarray) -> None:
        self.indices = indices
        self.what = f"{what} is {value:.3g} at epoch {epoch + 1}, step {step + 1}"
        super().__init__(self.what)


def explain(error: Exception, files: tuple[str, ...], saved: str, fits: Callable[[], int]) -> Exception:
    """The error as a TrainingFault if it is one of those that training is known to meet, else the error itself.

    `files` names the training images, `saved` the last state in words; `fits` finds, by trying, the batch size that
    fits into the memory (0: none).
    """
    if isinstance(error, NotFinite):
        names = [files[i] for i in error.indices]
        log.error("%s; the images of the batch: %s", error.what, ", ".join(names))
        more = f" and {len(names) - NAMED} more, all in the log" if len(names) > NAMED else ""
        return TrainingFault(
            f"{error.what}; {saved}. Lower --lr or --grad-clip in a new run, and look at the images "
            f"of the batch: {', '.join(names[:NAMED])}{more}"
        )
    if is_out_of_memory(error):
        size = fits()
        fix = f"--batch-size {size} fits" if size else "not even a batch of 2 fits; take a smaller --model"
        return TrainingFault(
            f"the memory is not enough for a step; {saved}. {fix} on this device now "
            "(or keep the batch and compute it in parts with --accumulate, or --recompute)"
        )
    if is_disk_full(error):
        return TrainingFault(f"the disk is full; {saved}. Free some space and resume")
    return error


def is_out_of_memory(error: BaseException) -> bool:
    """Did an allocation fail, on the GPU or the CPU? torch has no type for the latter."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
