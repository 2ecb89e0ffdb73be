"""What the distillation lens and the firing alarms show of a run: one look at the pinned images after each epoch.

A look changes nothing that training could notice: no hook stays, modes and random state are put back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from snnpar.explain.attention import softmaxes, text_to_patch
from snnpar.explain.spiking import co_fire_counts
from snnpar.images.geometry import geometry_of
from snnpar.models import ModelOutput, Network
from snnpar.runs.lens import Lens, LensMaps, save_images, save_lens
from snnpar.runs.run import Run
from snnpar.schema.attributes import AttributeSchema
from snnpar.spikes.trace import SpikeTrace, record

from .distill import Teacher

PINNED = 8  # images of val that are looked at, the first ones


def write_lens(
    run: Run,
    epoch: int,
    step: int,
    model: Network,
    teacher: Teacher | None,
    images: Tensor,
    files: Sequence[str],
    labels: np.ndarray,
    schema: AttributeSchema,
    word_vectors: Tensor | None = None,
) -> dict | None:
    """Write lens/epoch-NNNN.json; returns the "firing" line for metrics.jsonl, None for a model without neurons.

    epoch is 1-based, step counts from the run's start; images (B, 3, H, W) are normalised, on any device; labels (B, A)
    integers. word_vectors are those of `model` if it is a teacher itself.
    """
    with _undisturbed(model, *([teacher.model] if teacher else [])), record(model) as trace:
        images = images.to(next(model.parameters()).device)
        output = model(images) if word_vectors is None else model(images, word_vectors)
        taught = attention = None
        if teacher:
            with softmaxes(teacher.model.anatomy().softmaxes[-1:]) as seen:
                taught = teacher(images)
            attention = text_to_patch(seen[-1].float(), len(schema)) if seen else None
    maps = None
    if teacher and taught and attention is not None:
        widest = (output.logits - taught.logits).abs().argmax(1).cpu().numpy()
        maps = compare_maps(model, trace, output, taught, attention, widest, teacher.model)
    save_images(run.path, _images(images, model.config.mean, model.config.std))
    save_lens(
        run.path,
        Lens(
            epoch,
            step,
            schema.labels,
            tuple(files),
            np.asarray(labels),
            _numbers(output.logits),
            _numbers(taught.logits) if taught else None,
            maps,
        ),
    )
    return {"kind": "firing", "epoch": epoch, "step": step, **firing(trace)} if trace.names else None


def firing(trace: SpikeTrace) -> dict[str, dict[str, float]]:
    """By layer, over all images of the trace: rates (spikes per neuron and timestep), dead (share of neurons that
    never fire), saturated (share that fire at every timestep of every image), and neurons (how many there are)."""
    found: dict[str, dict[str, float]] = {"rates": {}, "dead": {}, "saturated": {}, "neurons": {}}
    for name in trace.names:
        spikes = trace.spikes(name).reshape(-1, trace.neurons(name))  # timesteps and images, neurons
        found["rates"][name] = round(float(spikes.mean()), 6)
        found["dead"][name] = round(float(1 - spikes.any(0).mean()), 6)
        found["saturated"][name] = round(float(spikes.all(0).mean()), 6)
        found["neurons"][name] = trace.neurons(name)
    return found


def compare_maps(
    model: Network,
    trace: SpikeTrace,
    output: ModelOutput,
    taught: ModelOutput,
    attention: Tensor,
    attribute: np.ndarray,
    teacher: Network,
) -> LensMaps | None:
    """Teacher's attention (B, A, N) against the student's map; `attribute` (B,) is the column whose maps are kept.

    The student's map is the cosine of its tokens and the teacher's phrases, the space of feature distillation; where
    the widths differ, its co-fire counts, one map for all attributes; None if it has neither, or tokens elsewhere.
    """
    grid = model.token_grid
    text = taught.text_features
    if grid != teacher.token_grid or text is None:
        return None
    signed = output.features.shape[-1] == text.shape[-1]
    if signed:
        title = "Text-patch cosine: student tokens after the last block against the teacher's projected phrase"
        student = F.cosine_similarity(output.features[:, None], text[:, :, None], dim=-1).cpu()
    elif model.anatomy().co_fire:
        title = "q.k co-fire counts of the last block, the same for every attribute"
        counts = torch.from_numpy(co_fire_counts(trace, model.anatomy()).sum(0))
        student = counts[:, None].expand(-1, attention.shape[1], -1)
    else:
        return None
    attention = attention.cpu()
    picked = torch.arange(len(attribute)), torch.from_numpy(attribute)
    shown = [_numbers(values[picked].unflatten(-1, grid)) for values in (attention, student)]
    lie = [geometry_of(one.windows, one.config.image_size, grid) for one in (teacher, model)]
    return LensMaps(
        "Text-to-patch attention of the fusion block, mean of its heads",
        title,
        correlation(attention, student).cpu().numpy(),
        attribute,
        shown[0],
        shown[1],
        signed,
        lie[0],
        lie[1],
    )


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson correlation over the last axis, float32; NaN where either is constant."""
    a, b = (x.double() - x.double().mean(-1, keepdim=True) for x in (a, b))
    # Rounding leaves a constant row a length near 0, not 0.
    flat = [x.norm(dim=-1) < 1e-9 for x in (a, b)]
    found = (a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1))
    return torch.where(flat[0] | flat[1], torch.nan, found.clamp(-1, 1)).float()


@contextmanager
def _undisturbed(*models: nn.Module) -> Iterator[None]:
    """Models in eval mode, no gradients; the mode of every module and the random state are put back."""
    modes = [(module, module.training) for model in models for module in model.modules()]
    devices = {parameter.device for model in models for parameter in model.parameters() if parameter.is_cuda}
    with torch.no_grad(), torch.random.fork_rng(devices):
        try:
            for model in models:
                model.eval()
            yield
        finally:
            for module, training in modes:
                module.training = training


def _images(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """uint8 (B, H, W, 3) of normalised images."""
    scale, shift = (torch.tensor(values).view(3, 1, 1) for values in (std, mean))
    return ((images.cpu() * scale + shift).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()


def _numbers(values: Tensor) -> np.ndarray:
    return values.detach().float().cpu().numpy()
