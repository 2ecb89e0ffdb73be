"""One training step: forward, backward, update, on one batch in one or more parts."""

from __future__ import annotations

import math
import traceback
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from .average import update_average
from .faults import NotFinite
from .loader import LoadedBatch
from .parallel import keep_gradients, mean_of
from .session import Session

EXPLODED = 1e4  # a loss beyond is of no use: that of random weights is below 100 times the terms' weights


def train_step(session: Session, batch: LoadedBatch) -> dict[str, float]:
    """Update the weights and count the step; the loss terms, their sum and the length of the gradient as numbers.

    Raises NotFinite before the update. Whatever is raised before it, the running statistics are put back, so that the
    session is as it was before the step.
    """
    before = [buffer.clone() for buffer in session.model.buffers()]
    try:
        terms = _accumulate(session, batch)
        longest = session.config.optimisation.grad_clip or math.inf
        parameters = [p for group in session.optimizer.param_groups for p in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, longest).item()
        if not math.isfinite(norm):
            raise NotFinite("the gradient", norm, session.epoch, session.steps_done, batch.indices.ravel())
    except BaseException:
        for buffer, old in zip(session.model.buffers(), before, strict=True):
            buffer.copy_(old)
        raise
    session.is_whole = False
    session.optimizer.step()
    if session.average:
        update_average(session.average, session.model, session.steps_done + 1)
    session.step += 1
    session.is_whole = True
    return terms | {"grad_norm": norm}


def _accumulate(session: Session, batch: LoadedBatch) -> dict[str, float]:
    """Gradients of the whole batch, its parts one after the other; the terms, averaged over parts and processes."""
    session.optimizer.zero_grad(set_to_none=True)
    totals: dict[str, float] = {}
    parts = len(batch.indices)
    for part, (indices, pixels) in enumerate(zip(batch.indices, batch.pixels, strict=True)):
        last = part + 1 == parts
        with nullcontext() if last else keep_gradients(session.wrapped, session.wrapped_restorer):
            terms = part_terms(session, part, indices, pixels)
            loss = torch.stack(list(terms.values())).sum()
            told = mean_of({**terms, "loss": loss}, session.world)
            if not math.isfinite(told["loss"]) or told["loss"] > EXPLODED:
                raise NotFinite("the loss", told["loss"], session.epoch, session.steps_done, indices)
            (loss / parts).backward()
        totals = {name: totals.get(name, 0.0) + value / parts for name, value in told.items()}
    return totals


def part_terms(session: Session, part: int, indices: np.ndarray, pixels: Tensor) -> dict[str, Tensor]:
    """The loss terms of images (B,) and their pixels, uint8 (B, 3, H, W).

    What is random depends on seed, epoch, step, part and process alone.
    """
    seeds = (session.config.optimisation.seed, session.epoch, session.step, part, session.world.rank)
    rng = np.random.default_rng(seeds)
    torch.manual_seed(int(rng.integers(2**63)))  # drop path and masks
    return session.objective.terms(session, indices, pixels, rng)


def largest_that_fits(session: Session) -> int:
    """Half, a quarter, an eighth ... of the batch size: the first that a step can be computed with; 0 if none does."""
    size = session.config.optimisation.batch_size // 2
    while size >= 2:
        if session.device.type == "cuda":
            torch.cuda.empty_cache()
        indices = np.arange(size) % len(session.train)
        try:
            terms = part_terms(session, 0, indices, session.train.pixels(indices))
            torch.stack(list(terms.values())).sum().backward()
            return size
        except Exception as error:  # noqa: BLE001  whatever it was, this size is no advice
            traceback.clear_frames(error.__traceback__)  # they hold the activations
            size //= 2
        finally:
            session.optimizer.zero_grad(set_to_none=True)
    return 0
