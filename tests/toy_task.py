"""A task of somebody else's: is the person lighter than the middle one? Written as `snnpar.config.Task` says."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from snnpar.config import Task, TrainConfig, setting
from snnpar.datasets import ResizedImages, open_split
from snnpar.images.pixels import normalise
from snnpar.schema.attributes import AttributeGroup, AttributeSchema
from train.session import Objective, Session

LIGHT = AttributeSchema(
    "light", ("Light",), ("light",), ("a light person",), (AttributeGroup("All", ("Light",), "none"),)
)


@dataclass(frozen=True)
class LightSettings:
    """Its own group."""

    name: str = "light"
    scale: float = setting(1.0, "what the loss is multiplied by", minimum=0.0, maximum=10.0)


def schema(_config: TrainConfig) -> AttributeSchema:
    return LIGHT


def read(_run: object, config: TrainConfig, checkpoint: object, _heartbeat: object) -> tuple[ResizedImages, ...]:
    found = []
    for name in ("train", "val"):
        split = open_split(config, name)
        count = min(len(split), config.data.rendered_count)
        level = np.array([split.read(index).mean() for index in range(count)])
        labels = (level > np.median(level)).astype(np.int8)[:, None]
        split = replace(split, schema=LIGHT, files=split.files[:count], labels=labels)
        found.append(ResizedImages(split, checkpoint.model.image_size))
    return tuple(found)


def terms(session: Session, indices: np.ndarray, pixels: Tensor, _rng: np.random.Generator) -> dict[str, Tensor]:
    logits = session.wrapped(_ready(session, pixels)).logits
    labels = session.train.labels[indices].float()
    return {"light": session.config.task.scale * F.binary_cross_entropy_with_logits(logits, labels)}


def _ready(session: Session, pixels: Tensor) -> Tensor:
    return normalise(pixels, mean=session.checkpoint.model.mean, std=session.checkpoint.model.std)


@torch.no_grad()
def answers(session: Session, model: torch.nn.Module, images: ResizedImages, _what: str) -> np.ndarray:
    model.eval()
    found = model(_ready(session, images.pixels(np.arange(len(images))))).logits.numpy() > 0
    model.train()
    return found


def score(session: Session, found: np.ndarray) -> dict[str, float]:
    return {"error": float((found != session.val.split.labels).mean())}


OBJECTIVE = Objective(
    read=read,
    prior=lambda images: images.split.labels.mean(0),
    terms=terms,
    answers=answers,
    score=score,
    facts=lambda _session: {"light_images": 1},
    merit=lambda metrics: -metrics["error"],
    worded=lambda metrics: f"error {metrics['error']:.2f}",
    begin=lambda _session: None,
    look=lambda *_: None,
    end=lambda session: f"error {session.best['error']:.2f}",
)
TASK = Task(
    LightSettings,
    ("rendered",),
    {"student": ("spikingformer_1_64", "spikingformer_1_64")},
    "toy_task:schema",
    "toy_task:OBJECTIVE",
)
