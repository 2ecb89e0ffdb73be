"""Probabilities of a checkpoint on a split, and the metrics of one checkpoint or the difference of two."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from snnpar.checkpoint import read_checkpoint
from snnpar.datasets import HELD_OUT_SEEDS, PedestrianSplit, ResizedImages, join, open_folder, rendered_split
from snnpar.images import normalise
from snnpar.inference import load


@torch.no_grad()
def predict_probs(
    model: nn.Module, images: ResizedImages, word_vectors: Tensor | None = None, *, batch_size: int = 64,
    progress: bool = False,
) -> np.ndarray:
    """Probabilities (n, A), float32, in eval mode; the model's mode is put back. A teacher needs word_vectors."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    extra = () if word_vectors is None else (word_vectors,)
    probs = []
    for indices in tqdm(list(images.batches(batch_size)), desc=images.split.name, disable=None if progress else True):
        x = normalise(images.pixels(indices).to(device), mean=model.config.mean, std=model.config.std)
        probs.append(model(x, *extra).logits.sigmoid().cpu().numpy())
    model.train(was_training)
    return np.concatenate(probs)


def evaluation_split(data: str, split: str, rendered: int) -> PedestrianSplit:
    """A split of the PA100K folder `data`, `rendered` held-out rendered images, or both joined."""
    parts = [open_folder(data, split)] if data else []
    if rendered:
        parts.append(rendered_split(HELD_OUT_SEEDS["test"], rendered, name=f"{rendered} rendered held out"))
    if not parts:
        raise ValueError("nothing to evaluate on: give --data, the PA100K folder, or --rendered N")
    return join(parts)


def probabilities(folder: Path, split: PedestrianSplit) -> np.ndarray:
    """Probabilities (n, A) of the checkpoint in `folder`, columns in the order of the split's attributes."""
    model = load(read_checkpoint(folder))
    columns = [model.schema.index(name) for name in split.schema.attributes]
    images = ResizedImages(split, model.checkpoint.model.image_size)
    return predict_probs(model.module, images, model.word_vectors, progress=True)[:, columns]
