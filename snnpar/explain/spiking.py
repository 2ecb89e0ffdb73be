"""Heatmaps of a student: where its spikes meet, what they say, and what its tokens resemble."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from snnpar.core.errors import SnnparError
from snnpar.explain.heat import HeatContext, Heatmap, on_grid
from snnpar.explain.ledger import spike_ledger
from snnpar.inference import LoadedModel
from snnpar.models.network import TEXT, Anatomy
from snnpar.spikes.trace import SpikeTrace, record


def text_patch_cosine(model: LoadedModel, image: np.ndarray, attribute: str, known: HeatContext) -> Heatmap:
    """How much each token points the way of the teacher's phrase, the space that feature distillation aligns."""
    teacher = known.teacher
    fits = teacher is not None and teacher.checkpoint.model.dim == model.checkpoint.model.dim
    if teacher is None or not fits or TEXT not in teacher.capabilities:
        raise SnnparError(
            "Text-patch cosine needs a teacher of the student's width that reads phrases; pick one, or another map."
        )
    stream: list[Any] = []
    last = model.anatomy.stream
    handle = last.register_forward_hook(lambda _m, _i, out: stream.append(out)) if last else None
    try:
        with torch.no_grad(), teacher.lock:
            features = model.forward(model.prepare(image)).features[0]
            taught = teacher.forward(teacher.prepare(image)).text_features
            assert taught is not None, "a teacher reads the phrases"
            text = taught[0, teacher.schema.index(attribute)].to(model.device)
    finally:
        if handle:
            handle.remove()
    frames = None
    if stream:  # (T, B, D, H, W)
        frames = on_grid(F.cosine_similarity(stream[0][:, 0].float().flatten(2), text[None, :, None], dim=1), model)
    cosine = F.cosine_similarity(features, text[None], dim=-1)
    return Heatmap(
        on_grid(cosine, model),
        "Text-patch cosine",
        "cosine, -1 to 1",
        "student tokens after the last block, mean over time or one timestep, against the teacher's projected phrase",
        frames,
    )


def co_fire(model: LoadedModel, image: np.ndarray, _attribute: str, known: HeatContext) -> Heatmap:
    """Sum over t, heads and channels of q[n] * (number of tokens whose k fires in that channel)."""
    trace = known.trace or _trace(model, image)
    frames = on_grid(torch.from_numpy(co_fire_counts(trace, model.anatomy)[:, 0]), model)
    return Heatmap(
        frames.sum(0),
        "q.k co-fire counts",
        "coincident spikes",
        f"last block: spikes of q at a token that meet spikes of k anywhere, summed over {trace.timesteps} "
        "timesteps and all heads",
        frames,
    )


def co_fire_counts(trace: SpikeTrace, anatomy: Anatomy) -> np.ndarray:
    """(T, B, N) float32: spikes of q at a token of the last block that meet spikes of k at any token."""
    assert anatomy.co_fire is not None, "asked of networks that have queries and keys that are spikes"
    q, k = (trace.spikes(name).astype(np.float32) for name in anatomy.co_fire)  # (T, B, C, N)
    return (q * k.sum(3, keepdims=True)).sum(2)


def ledger(model: LoadedModel, image: np.ndarray, attribute: str, known: HeatContext) -> Heatmap:
    """What the spikes at each token say for (+) or against (-) the attribute, in its logit; exact."""
    trace = known.trace or _trace(model, image)
    terms = spike_ledger(model.module, trace, model.schema.index(attribute)).spikes.sum(1)  # (T, N)
    frames = on_grid(torch.from_numpy(terms), model)
    return Heatmap(
        frames.sum(0),
        "Spike ledger",
        "logit",
        "spikes of all branches at a token, weighted by the read-out of this attribute, summed over "
        f"{trace.timesteps} timesteps",
        frames,
    )


def _trace(model: LoadedModel, image: np.ndarray) -> SpikeTrace:
    with torch.no_grad(), record(model.module) as trace:
        model.forward(model.prepare(image))
    return trace
