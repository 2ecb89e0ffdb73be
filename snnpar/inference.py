"""One image through one model: analyze(model, image) -> Analysis."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from snnpar.checkpoint import Checkpoint, CheckpointError, load_model
from snnpar.energy import EnergyReport, estimate_energy
from snnpar.images import preprocess
from snnpar.models import ModelOutput
from snnpar.schema import AttributeGroup, AttributeSchema
from snnpar.trace import SpikeTrace, record


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A checkpoint with its weights in memory. Shared between sessions: `lock` guards forwards that hook the model."""

    checkpoint: Checkpoint
    module: nn.Module
    word_vectors: Tensor | None
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def role(self) -> str:
        return self.checkpoint.role

    @property
    def schema(self) -> AttributeSchema:
        return self.checkpoint.schema

    def prepare(self, image: np.ndarray) -> Tensor:
        """uint8 (H, W, 3) to this model's input (1, 3, H, W)."""
        config = self.checkpoint.model
        return preprocess(image, image_size=config.image_size, mean=config.mean, std=config.std).unsqueeze(0)

    def forward(self, images: Tensor) -> ModelOutput:
        """The model's output; a teacher gets its phrase vectors."""
        return self.module(images) if self.word_vectors is None else self.module(images, self.word_vectors)


def load(checkpoint: Checkpoint) -> LoadedModel:
    """Read the weights (and a teacher's phrases). Raises CheckpointError, or ValueError for unusable phrases."""
    vectors = None
    if checkpoint.role == "teacher":
        vectors = torch.from_numpy(checkpoint.phrases().for_schema(checkpoint.schema))
    return LoadedModel(checkpoint, load_model(checkpoint), vectors)


@dataclass(frozen=True, eq=False)
class Prediction:
    """Logits and probabilities (A,) by attribute; a student adds probs_per_timestep (T, A).

    Row t holds the answer after timesteps 1..t+1: the sigmoid of the mean of their logits. The last row is `probs`.
    """

    attributes: tuple[str, ...]
    logits: np.ndarray
    probs: np.ndarray
    probs_per_timestep: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name in ("logits", "probs"):
            shape, expected = getattr(self, name).shape, (len(self.attributes),)
            if shape != expected:
                raise ValueError(f"{name} must have shape {expected}; got {shape}")


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything one model says about one image."""

    checkpoint: Checkpoint
    prediction: Prediction
    trace: SpikeTrace
    energy: EnergyReport
    latency_ms: float


def analyze(model: LoadedModel, image: np.ndarray) -> Analysis:
    """One recorded forward of an image uint8 (H, W, 3). `latency_ms` is that forward, recording included.

    Raises CheckpointError if the answer is no number, as that of exploded weights is.
    """
    images = model.prepare(image)
    with model.lock, torch.no_grad(), record(model.module) as trace:
        began = time.perf_counter()
        output = model.forward(images)
        latency_ms = (time.perf_counter() - began) * 1e3
    if not output.logits.isfinite().all():
        raise CheckpointError(f"{model.checkpoint.name} answers with values that are no numbers: its weights are "
                              "damaged or exploded in training; take another checkpoint")
    per_timestep = None
    if trace.logits_per_timestep is not None:
        per_timestep = prefix_probs(trace.logits_per_timestep[:, 0])
    logits = output.logits[0].numpy()
    prediction = Prediction(model.schema.attributes, logits, sigmoid(logits), per_timestep)
    return Analysis(model.checkpoint, prediction, trace, estimate_energy(trace), latency_ms)


def prefix_probs(logits_per_timestep: np.ndarray) -> np.ndarray:
    """(T, A) logits of single timesteps to (T, A) probabilities after 1..T timesteps."""
    steps = np.arange(1, len(logits_per_timestep) + 1)[:, None]
    return sigmoid(logits_per_timestep.cumsum(0) / steps)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(logits.astype(np.float64) / 2)) / 2  # exp would overflow


@dataclass(frozen=True)
class GroupDecision:
    """What a model decides for one group: the attributes it asserts and the words for it."""

    group: str
    attributes: tuple[str, ...]
    text: str


def decide(schema: AttributeSchema, probs: np.ndarray, threshold: float) -> list[GroupDecision]:
    """Decide each group: the likeliest of an exclusive group, every attribute above the threshold elsewhere.

    An exclusive group with a word for "none" needs its likeliest attribute above the threshold too.
    """
    return [_decide_group(schema, group, probs, threshold) for group in schema.groups]


def _decide_group(schema: AttributeSchema, group: AttributeGroup, probs: np.ndarray,
                  threshold: float) -> GroupDecision:
    value = {name: probs[schema.index(name)] for name in group.attributes}
    if group.exclusive:
        best = max(value, key=value.get)
        chosen = (best,) if group.none is None or value[best] > threshold else ()
    else:
        chosen = tuple(name for name in group.attributes if value[name] > threshold)
    text = ", ".join(schema.labels[schema.index(name)] for name in chosen) or group.none
    return GroupDecision(group.name, chosen, text)


def shared_attributes(teacher: AttributeSchema, student: AttributeSchema) -> tuple[str, ...]:
    """Attributes both know, in the student's order; matched by name. Raises ValueError when there are none."""
    shared = tuple(name for name in student.attributes if name in teacher.attributes)
    if not shared:
        raise ValueError(
            f"The teacher ({teacher.name}) and the student ({student.name}) share no attribute; "
            "pick two checkpoints of one data set."
        )
    return shared
