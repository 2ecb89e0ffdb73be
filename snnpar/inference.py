"""One image through one model: analyze(model, image) -> Analysis."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from snnpar.checkpoint import Checkpoint, CheckpointError, load_model
from snnpar.config import ConfigError
from snnpar.core.errors import SnnparError
from snnpar.energy.estimate import EnergyReport, estimate_energy
from snnpar.images.geometry import Geometry, geometry_of
from snnpar.images.pixels import normalise, preprocess
from snnpar.models import ModelOutput, Network, takes_text
from snnpar.models.network import Anatomy
from snnpar.schema.attributes import AttributeGroup, AttributeSchema
from snnpar.spikes.trace import SpikeTrace, record


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A checkpoint with its weights in memory. Shared between sessions: `lock` guards forwards that hook the model."""

    checkpoint: Checkpoint
    module: Network
    word_vectors: Tensor | None
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def role(self) -> str:
        return self.checkpoint.role

    @property
    def schema(self) -> AttributeSchema:
        return self.checkpoint.schema

    @property
    def device(self) -> torch.device:
        """Where its weights are; what it is asked moves there, and what it answers comes back."""
        return next(self.module.parameters()).device

    def on(self, device: torch.device | str) -> LoadedModel:
        """The model on another device. Its weights move: the model that was asked has them there, too."""
        vectors = self.word_vectors
        return replace(
            self, module=self.module.to(device), word_vectors=None if vectors is None else vectors.to(device)
        )

    @property
    def timesteps(self) -> int:
        """T; 0 for a model without neurons."""
        return self.module.timesteps

    @property
    def token_grid(self) -> tuple[int, int]:
        """Rows and columns of its tokens."""
        return self.module.token_grid

    @cached_property
    def anatomy(self) -> Anatomy:
        """What it says of its parts."""
        return self.module.anatomy()

    @cached_property
    def capabilities(self) -> frozenset[str]:
        """What it offers, of the names in `snnpar.models.network`."""
        return self.module.capabilities()

    @cached_property
    def geometry(self) -> Geometry:
        """Where its tokens lie on the image."""
        return self.place(self.token_grid)

    def place(self, shape: tuple[int, int]) -> Geometry:
        """Where a map (rows, columns) of tokens, or of a stage before them, lies on the image."""
        return geometry_of(self.module.windows, self.checkpoint.model.image_size, shape)

    def prepare(self, image: np.ndarray) -> Tensor:
        """uint8 (H, W, 3) to this model's input (1, 3, H, W), on its device."""
        config = self.checkpoint.model
        ready = preprocess(image, image_size=config.image_size, mean=config.mean, std=config.std)
        return ready.unsqueeze(0).to(self.device)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """uint8 (B, H, W, 3) of the model's size, see `images.resize`, to float32 (T, B, A), see `predict`."""
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
        with self.lock:  # another session may be recording this model
            return predict(self.module, pixels, self.word_vectors)

    def forward(self, images: Tensor) -> ModelOutput:
        """The model's output; a teacher gets its phrase vectors."""
        return self.module(images) if self.word_vectors is None else self.module(images, self.word_vectors)


def load(checkpoint: Checkpoint, device: str = "cpu") -> LoadedModel:
    """Read the weights (and a teacher's phrases) onto a device, see `pick_device`.

    Raises CheckpointError, or SnnparError for unusable phrases and for a GPU that is not there.
    """
    vectors = None
    if takes_text(checkpoint.model):
        vectors = torch.from_numpy(checkpoint.phrases().for_schema(checkpoint.schema))
    return LoadedModel(checkpoint, load_model(checkpoint), vectors).on(pick_device(device))


def pick_device(name: str) -> torch.device:
    """'auto' is a GPU when torch sees one. Raises ConfigError when a GPU is asked for and there is none."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda: torch sees no GPU here; use auto or cpu")
    return torch.device("cuda" if name in ("auto", "cuda") and torch.cuda.is_available() else "cpu")


@torch.no_grad()
def predict(module: Network, pixels: Tensor, word_vectors: Tensor | None = None) -> np.ndarray:
    """Probabilities of a batch uint8 (B, 3, H, W) after timesteps 1..t, float32 (T, B, A); T = 1 without timesteps.

    On the module's device and in its mode, training or not; the last row is the whole answer.
    """
    config, device = module.config, next(module.parameters()).device
    images = normalise(pixels.to(device), mean=config.mean, std=config.std)
    # The same answer from any batch of a run: no search for the fastest kernel, no rounding of inputs to 10 bits.
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        output = module(images) if word_vectors is None else module(images, word_vectors)
    if output.logits_per_timestep is None:
        return sigmoid(output.logits.cpu().numpy())[None].astype(np.float32)
    logits = output.logits_per_timestep.cpu().numpy()
    return prefix_probs(logits.reshape(len(logits), -1)).reshape(logits.shape).astype(np.float32)


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


def analyze(model: LoadedModel, image: np.ndarray) -> Analysis:
    """One recorded forward of an image uint8 (H, W, 3).

    Raises CheckpointError if the answer is NaN or infinite, as that of exploded weights is.
    """
    images = model.prepare(image)
    with model.lock, torch.no_grad(), record(model.module) as trace:
        output = model.forward(images)
    if not output.logits.isfinite().all():
        raise CheckpointError(
            f"{model.checkpoint.name} answers with NaN or infinite values: its weights are "
            "damaged or exploded in training; take another checkpoint"
        )
    per_timestep = None
    if trace.logits_per_timestep is not None:
        per_timestep = prefix_probs(trace.logits_per_timestep[:, 0])
    logits = output.logits[0].cpu().numpy()
    prediction = Prediction(model.schema.attributes, logits, sigmoid(logits), per_timestep)
    return Analysis(model.checkpoint, prediction, trace, estimate_energy(trace))


@dataclass(frozen=True)
class Latency:
    """Milliseconds of a model's passes over one image: the single ones, and their median."""

    passes_ms: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        return statistics.median(self.passes_ms)

    def __str__(self) -> str:
        """As "12 ms"; below 10 ms with one decimal."""
        return f"{_ms(self.median_ms)} ms"

    @property
    def spread(self) -> str:
        """As "median of 5 passes, 11 to 14 ms"."""
        low, high = min(self.passes_ms), max(self.passes_ms)
        return f"median of {len(self.passes_ms)} passes, {_ms(low)} to {_ms(high)} ms"


def _ms(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def measure_latency(
    model: LoadedModel,
    image: np.ndarray,
    *,
    at_least: int = 3,
    at_most: int = 5,
    budget_s: float = 0.5,
    clock: Callable[[], float] = time.perf_counter,
) -> Latency:
    """Time bare passes of one prepared image, nothing recorded: `at_most`, or fewer once the budget is spent.

    The model should have seen an image before: a first pass is many times slower.
    """
    images, passes = model.prepare(image), []
    with model.lock, torch.no_grad():
        while len(passes) < at_least or (len(passes) < at_most and sum(passes) < 1e3 * budget_s):
            began = clock()
            model.forward(images)
            passes.append((clock() - began) * 1e3)
    return Latency(tuple(passes))


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
    text: str | None


def decide(schema: AttributeSchema, probs: np.ndarray, threshold: float) -> list[GroupDecision]:
    """Decide each group: the likeliest of an exclusive group, every attribute above the threshold elsewhere.

    An exclusive group with a word for "none" needs its likeliest attribute above the threshold too.
    """
    return [_decide_group(schema, group, probs, threshold) for group in schema.groups]


def _decide_group(schema: AttributeSchema, group: AttributeGroup, probs: np.ndarray, threshold: float) -> GroupDecision:
    value = {name: probs[schema.index(name)] for name in group.attributes}
    if group.exclusive:
        best = max(value, key=lambda name: value[name])
        chosen = (best,) if group.none is None or value[best] > threshold else ()
    else:
        chosen = tuple(name for name in group.attributes if value[name] > threshold)
    text = ", ".join(schema.labels[schema.index(name)] for name in chosen) or group.none
    return GroupDecision(group.name, chosen, text)


def shared_attributes(*schemas: AttributeSchema) -> tuple[str, ...]:
    """Attributes that all of one or more know, in the order of the last. Raises SnnparError when there are none."""
    shared = tuple(name for name in schemas[-1].attributes if all(name in one.attributes for one in schemas))
    if not shared:
        answered = " and ".join(dict.fromkeys(one.name for one in schemas))
        raise SnnparError(f"These models share no attribute, they answer {answered}; pick checkpoints of one dataset.")
    return shared
