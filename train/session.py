"""The live objects of one training process, built from the run's config.json."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from snnpar.checkpoint import Checkpoint, find_checkpoint, read_checkpoint, start_from, write_phrases
from snnpar.config import TASKS, ConfigError, TrainConfig
from snnpar.datasets import ResizedImages, open_split
from snnpar.inference import pick_device
from snnpar.models import Network, build_model, unnamed
from snnpar.runs.run import Run
from snnpar.schema.attributes import Phrases
from snnpar.spikes import neurons

from .average import AveragedModel, moving_average
from .data import label_ratio, teacher_phrases
from .distill import Teacher, load_teacher
from .events import add_row
from .heartbeat import Heartbeat
from .memory import save_memory
from .metrics_log import append_metrics
from .optim import make_optimizer
from .parallel import World, shard, wrap
from .restore import make_restorer

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

log = logging.getLogger("train")
Reader = Callable[[Run, TrainConfig, Checkpoint, Heartbeat], tuple[ResizedImages, ResizedImages]]
Metrics = dict[str, float]


@dataclass(frozen=True)
class Objective:
    """What a task trains: its data, its loss and its metrics. `Task.training` names one.

    read: the images to train and to validate on. prior: of those to train on, how often each output is positive, (A,);
    the last bias starts there. terms: the terms of the loss, by name, of images (B,) and their pixels, uint8
    (B, 3, H, W); what is random in it comes of the generator. answers: a model's, on images; told as what is given.
    score: the metrics of answers on val. facts: what else to record with them. merit: what chooses the best epoch, the
    higher the better. worded: metrics in words. begin: before the first update. look: at an epoch that is done, whose
    steps are counted. end: what the weights that are kept have reached, in words.
    """

    read: Reader
    prior: Callable[[ResizedImages], np.ndarray]
    terms: Callable[[Session, np.ndarray, Tensor, np.random.Generator], dict[str, Tensor]]
    answers: Callable[[Session, Network, ResizedImages, str], Any]
    score: Callable[[Session, Any], Metrics]
    facts: Callable[[Session], dict[str, Any]]
    merit: Callable[[Metrics], float]
    worded: Callable[[Metrics], str]
    begin: Callable[[Session], None]
    look: Callable[[Session, int, int], None]
    end: Callable[[Session], str]


def objective_of(config: TrainConfig) -> Objective:
    """What the task of a config trains."""
    place = TASKS[config.task.name].training
    module, _, name = place.partition(":")
    try:
        return getattr(import_module(module, __package__), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"task {config.task.name} has no objective at {place!r}: {error}") from error


@dataclass
class Session:
    """What trains, and how far it is: `step` steps of epoch `epoch` are done, both counted from 0."""

    run: Run
    checkpoint: Checkpoint
    config: TrainConfig
    objective: Objective
    world: World
    device: torch.device
    model: Network
    wrapped: nn.Module  # `model` for training's forward, which shares gradients where several processes train
    restorer: nn.Module | None
    wrapped_restorer: nn.Module | None
    optimizer: torch.optim.Optimizer
    train: ResizedImages
    val: ResizedImages
    phrases: Phrases | None
    teacher: Teacher | None
    average: AveragedModel | None
    heartbeat: Heartbeat
    events: SummaryWriter | None = None
    epoch: int = 0
    step: int = 0
    is_whole: bool = True  # not amid an update, so that weights and counters belong together
    best: dict = field(default_factory=dict)

    @property
    def models(self) -> dict[str, nn.Module]:
        """Everything with weights or running statistics that a resumed run needs, by name of its file."""
        changing: dict[str, nn.Module] = {"model": self.model}
        if self.average:
            changing["average"] = self.average.module
        if self.restorer:
            changing["restorer"] = self.restorer
        if self.teacher and self.config.distillation.teacher_mode == "train":
            changing["teacher"] = self.teacher.model  # its batch norm drifts
        return changing

    @property
    def scored(self) -> Network:
        """What is validated and kept: the moving average of the weights, if there is one."""
        return cast(Network, self.average.module) if self.average else self.model

    def record(self, row: dict) -> None:
        """Add a line to metrics.jsonl, and the same to TensorBoard's files."""
        append_metrics(self.run.path, row)
        if self.events:
            add_row(self.events, row)

    def record_scores(self, epoch: int, metrics: Metrics, *, best: bool) -> None:
        """Record a validation."""
        about = {"epoch": epoch, "step": self.steps_done, "best": best, "val_images": len(self.val)}
        self.record({"kind": "epoch", **about, **self.objective.facts(self), **metrics})

    @cached_property
    def held_out(self) -> ResizedImages:
        """What the gain is measured on: rendered images of their own seed; real ones of val, as test stays unseen."""
        if self.config.data.dataset != "rendered":
            return self.val
        return ResizedImages(open_split(self.config, "test"), self.checkpoint.model.image_size)

    @cached_property
    def word_vectors(self) -> Tensor | None:
        if self.phrases is None:
            return None
        return torch.from_numpy(self.phrases.for_schema(self.checkpoint.schema)).to(self.device)

    @cached_property
    def positive_ratio(self) -> Tensor:
        """What weighs the loss, (A,)."""
        return torch.from_numpy(label_ratio(self.config, self.train.split)).float().to(self.device)

    @cached_property
    def steps_per_epoch(self) -> int:
        return max(1, len(self.epoch_order(0)) // self.config.optimisation.batch_size)

    @property
    def steps_done(self) -> int:
        """Of all epochs."""
        return self.epoch * self.steps_per_epoch + self.step

    def place(self, steps: int) -> dict[str, int]:
        """Where so many steps of all epochs are, counted from 1 as everybody is told; 0 before the first."""
        each, epochs = self.steps_per_epoch, self.config.optimisation.epochs
        return {"epoch": -(-steps // each), "epochs": epochs, "step": steps, "steps": each * epochs}

    def epoch_order(self, epoch: int) -> np.ndarray:
        """The images of an epoch, in order; a mixed one has all real images and a fresh draw of rendered ones."""
        rng = np.random.default_rng((self.config.optimisation.seed, epoch))
        if self.config.data.dataset != "mixed":
            return rng.permutation(len(self.train))
        real = max(0, len(self.train) - self.config.data.rendered_count)
        rendered = min(len(self.train) - real, round(real * self.config.data.rendered_per_real))
        drawn = real + rng.choice(len(self.train) - real, rendered, replace=False)
        return rng.permutation(np.concatenate([np.arange(real), drawn]))

    def batches_left(self) -> list[np.ndarray]:
        """This process's images, (parts, B), of each batch of this epoch that is still to come.

        What does not fill a batch at the end of an epoch is left out.
        """
        order, size = self.epoch_order(self.epoch), self.config.optimisation.batch_size
        batches = [order[step * size : (step + 1) * size] for step in range(self.step, self.steps_per_epoch)]
        return [np.stack(shard(batch, self.world, self.config.runtime.accumulate)) for batch in batches]


def prepare(
    run: Run,
    heartbeat: Heartbeat | None = None,
    world: World = World(),  # noqa: B008  frozen
    read: Reader | None = None,
) -> Session:
    """Build model, data, teacher and optimizer; nothing is trained yet. `read`: other images than the task's own."""
    checkpoint = read_checkpoint(run.path)
    config = run.config
    objective = objective_of(config)
    heartbeat = heartbeat or Heartbeat(run)
    device = pick_device(config.runtime.device)
    if config.runtime.threads:
        torch.set_num_threads(config.runtime.threads)
    if config.runtime.compile:
        neurons.compile_kernels()
    torch.manual_seed(config.optimisation.seed)
    model = build_model(checkpoint.model, len(checkpoint.schema))
    start = start_from(model, config.model.init) if config.model.init else None
    if start:
        log.info("%s", start.told)
    phrases = teacher = None
    if model.takes_text:
        phrases = teacher_phrases(config, checkpoint)
        if world.is_first:
            write_phrases(run.path, phrases)
    if config.distillation.teacher and not config.distillation.is_on:
        log.warning("the teacher is not used: switch on --feature-kd, --logit-kd or both to distil from it")
    if config.distillation.is_on:
        source = read_checkpoint(find_checkpoint(config.distillation.teacher))
        teacher = load_teacher(source, checkpoint.model, checkpoint.schema, config).to(device)
    images = (read or objective.read)(run, config, checkpoint, heartbeat)
    if config.model.prior_bias and (not start or start.fresh):
        start_from_prior(model.prior_bias, objective.prior(images[0]))
    model.to(device)
    restorer = make_restorer(config.distillation, checkpoint.model)
    if restorer:
        restorer.to(device)
    optimizer = make_optimizer(model, config.optimisation, restorer)
    log.info(
        "%s: %s on %s, %d training and %d validation images, %s",
        run.name,
        config.model.name or unnamed(config.model.role, config.recipe, config.task.name),
        device,
        *map(len, images),
        config.runtime.precision,
    )
    average = moving_average(model, config.optimisation.ema)  # a copy, so before the model's forward is changed
    save_memory(model, config)
    wrapped_restorer = wrap(restorer, world) if restorer else None
    return Session(
        run,
        checkpoint,
        config,
        objective,
        world,
        device,
        model,
        wrap(model, world),
        restorer,
        wrapped_restorer,
        optimizer,
        *images,
        phrases,
        teacher,
        average,
        heartbeat,
    )


@torch.no_grad()
def start_from_prior(bias: nn.Parameter, positive_ratio: np.ndarray) -> None:
    """Set the last bias to the log odds of each attribute, so that training need not first learn the frequencies."""
    ratio = torch.from_numpy(positive_ratio).float().clamp(0.01, 0.99)
    bias.copy_(torch.logit(ratio))
