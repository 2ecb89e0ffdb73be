"""train(run): everything about it comes from the run's config.json, everything it learns goes into its folder."""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from snnpar import neurons
from snnpar.atomic import write_text
from snnpar.card import run_card
from snnpar.checkpoint import (
    CARD,
    WEIGHTS,
    Checkpoint,
    read_checkpoint,
    save_weights,
    start_from,
    write_phrases,
)
from snnpar.config import ConfigError, TrainConfig
from snnpar.datasets import ResizedImages
from snnpar.evaluate import predict_probs
from snnpar.images import normalise
from snnpar.jobs import process_identity, write_status
from snnpar.metrics import pedestrian_metrics
from snnpar.models import build_model
from snnpar.runs import Run
from snnpar.schema import Phrases
from train.augment import AUGMENTATIONS, mixup
from train.average import ModelEmaV3, moving_average
from train.data import label_ratio, read_images, teacher_phrases
from train.distill import Teacher, load_teacher, loss_terms
from train.optim import learning_rate, make_optimizer
from train.state import load_state, rewind_metrics, save_state

log = logging.getLogger("train")
LOG_EVERY_S = 2.0


class Stopped(Exception):
    """The run was asked to stop."""


@dataclass
class Session:
    """The live objects of one training process."""

    run: Run
    checkpoint: Checkpoint
    config: TrainConfig
    device: torch.device
    model: nn.Module
    optimizer: torch.optim.Optimizer
    train: ResizedImages
    val: ResizedImages
    phrases: Phrases | None
    teacher: Teacher | None
    average: ModelEmaV3 | None
    stop_requested: bool = False
    best: dict = field(default_factory=dict)

    @property
    def models(self) -> dict[str, nn.Module]:
        """Everything with weights that a resumed run needs, by name of its file."""
        return {"model": self.model} | ({"average": self.average.module} if self.average else {})

    @property
    def scored(self) -> nn.Module:
        """What is validated and kept: the moving average of the weights, if there is one."""
        return self.average.module if self.average else self.model

    @property
    def word_vectors(self) -> Tensor | None:
        if self.phrases is None:
            return None
        return torch.from_numpy(self.phrases.for_schema(self.checkpoint.schema)).to(self.device)

    def epoch_order(self, epoch: int) -> np.ndarray:
        """The images of an epoch, in order; a mixed one has all real images and a fresh draw of rendered ones."""
        rng = np.random.default_rng((self.config.seed, epoch))
        if self.config.dataset != "mixed":
            return rng.permutation(len(self.train))
        real = max(0, len(self.train) - self.config.rendered_count)
        rendered = min(len(self.train) - real, round(real * self.config.rendered_per_real))
        drawn = real + rng.choice(len(self.train) - real, rendered, replace=False)
        return rng.permutation(np.concatenate([np.arange(real), drawn]))

    @property
    def steps_per_epoch(self) -> int:
        return max(1, len(self.epoch_order(0)) // self.config.batch_size)


def train(run: Run, *, resume: bool = False) -> None:
    """Train `run` to its end; on a stop request or an error, say so in status.json."""
    write_status(run, state="running", **process_identity(os.getpid()))
    try:
        session = prepare(run)
        signal.signal(signal.SIGTERM, lambda *_: setattr(session, "stop_requested", True))
        start = _resume(session) if resume else 0
        for epoch in range(start, session.config.epochs):
            train_epoch(session, epoch)
            validate(session, epoch)
        write_text(run.path / CARD, run_card(run, run.name))
        write_status(run, state="done", message=_best_line(session.best))
        log.info("done; %s", _best_line(session.best))
    except (Stopped, KeyboardInterrupt):
        write_status(run, state="stopped", message="stopped on request; resume goes on after the last whole epoch")
        log.info("stopped on request")
    except Exception as error:
        write_status(run, state="failed", message=str(error) or type(error).__name__)
        log.exception("failed") if not isinstance(error, ValueError) else log.error("%s", error)
        raise


def prepare(run: Run) -> Session:
    """Build model, data, teacher and optimizer; nothing is trained yet."""
    checkpoint = read_checkpoint(run.path)
    config = run.config
    device = pick_device(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    if config.compile:
        neurons.compile_kernels()
    torch.manual_seed(config.seed)
    model = build_model(checkpoint.model, len(checkpoint.schema))
    start = start_from(model, config.init) if config.init else None
    if start:
        log.info("%s", start.told)
    phrases = teacher = None
    if config.role == "teacher":
        phrases = teacher_phrases(config, checkpoint)
        write_phrases(run.path, phrases)
    if config.teacher and not (config.feature_kd or config.logit_kd):
        log.warning("the teacher is not used: switch on --feature-kd, --logit-kd or both to distil from it")
    if config.feature_kd or config.logit_kd:
        source = read_checkpoint(config.teacher)
        teacher = load_teacher(source, checkpoint.model, checkpoint.schema, config).to(device)
    images = read_images(run, config, checkpoint)
    if config.prior_bias and (not start or start.fresh):
        start_from_prior(model.prior_bias, images[0].split.positive_ratio)
    model.to(device)
    optimizer = make_optimizer(model, config)
    log.info("%s: %s on %s, %d training and %d validation images, %s", run.name,
             config.model or checkpoint.model.architecture, device, *map(len, images), config.precision)
    return Session(run, checkpoint, config, device, model, optimizer, *images, phrases, teacher,
                   moving_average(model, config.ema))


@torch.no_grad()
def start_from_prior(bias: nn.Parameter, positive_ratio: np.ndarray) -> None:
    """Set the last bias to the log odds of each attribute, so that training need not first learn the frequencies."""
    ratio = torch.from_numpy(positive_ratio).float().clamp(0.01, 0.99)
    bias.copy_(torch.logit(ratio))


def pick_device(name: str) -> torch.device:
    """'auto' is a GPU when torch sees one. Raises ConfigError when a GPU is asked for and there is none."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda: torch sees no GPU here; use auto or cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def train_epoch(session: Session, epoch: int) -> None:
    """One pass; order, augmentation and drop path depend on (seed, epoch) alone, so that an epoch can be redone."""
    config = session.config
    order = session.epoch_order(epoch)
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
    torch.manual_seed(config.seed * 1_000_003 + epoch)
    session.model.train()
    ratio = torch.from_numpy(label_ratio(config, session.train.split)).float().to(session.device)
    steps, began, logged = session.steps_per_epoch, time.monotonic(), 0.0
    bar = tqdm(range(steps), desc=f"epoch {epoch + 1}/{config.epochs}", disable=None, leave=False)
    for step in bar:
        if session.stop_requested:
            raise Stopped
        indices = order[step * config.batch_size : (step + 1) * config.batch_size]
        for group in session.optimizer.param_groups:
            group["lr"] = learning_rate(config, epoch + step / steps)
        terms = train_step(session, indices, generator, ratio)
        if session.average:
            session.average.update(session.model, step=epoch * steps + step + 1)
        if time.monotonic() - logged > LOG_EVERY_S or step + 1 == steps:
            logged = time.monotonic()
            _log_step(session, epoch, step, terms, (step + 1) * len(indices) / (logged - began))
            bar.set_postfix({name: f"{value:.3f}" for name, value in terms.items()})


def train_step(session: Session, indices: np.ndarray, generator: torch.Generator, ratio: Tensor) -> dict[str, float]:
    """Forward, backward, update; the loss terms as numbers."""
    config, device, model = session.config, session.device, session.checkpoint.model
    images = normalise(session.train.pixels(indices).to(device), mean=model.mean, std=model.std)
    images = AUGMENTATIONS[config.augment](images, generator)
    labels = session.train.labels[indices].to(device).float()
    if config.mixup:
        images, labels = mixup(images, labels, config.mixup, generator)
    with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
        taught = session.teacher(images) if session.teacher else None
        output = session.model(images) if session.phrases is None else session.model(images, session.word_vectors)
    terms = loss_terms(output, labels, ratio, taught, config)
    loss = torch.stack(list(terms.values())).sum()
    if not torch.isfinite(loss):
        files = ", ".join(session.train.split.files[i] for i in indices[:4])
        raise ValueError(f"the loss is not finite; lower --lr (first images of the batch: {files})")
    session.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if config.grad_clip:
        nn.utils.clip_grad_norm_(session.model.parameters(), config.grad_clip)
    session.optimizer.step()
    return {**{name: term.item() for name, term in terms.items()}, "loss": loss.item()}


def validate(session: Session, epoch: int) -> None:
    """Score the epoch on val, keep the weights if they are the best so far, save the state to resume from."""
    config = session.config
    probs = predict_probs(session.scored, session.val, session.word_vectors)
    metrics = pedestrian_metrics(session.val.split.labels, probs, ignore_unknown=config.mask_unknown).summary()
    score = (metrics["mean_accuracy"] + metrics["f1"]) / 2
    is_best = score > session.best.get("score", -1.0)
    if is_best:
        session.best = {"epoch": epoch + 1, "score": score, **metrics}
        save_weights(session.scored, session.run.path / WEIGHTS)
    append_metrics(session.run, {"kind": "epoch", "epoch": epoch + 1, "best": is_best, **metrics})
    save_state(session.run.path / "last", session.models, session.optimizer,
               {"epoch": epoch + 1, "best": session.best})
    log.info("epoch %d/%d: mA %.2f  Acc %.2f  Prec %.2f  Rec %.2f  F1 %.2f%s", epoch + 1, config.epochs,
             *(100 * value for value in metrics.values()), "  (best)" if is_best else "")


def append_metrics(run: Run, row: dict) -> None:
    """One JSON line; the file's age is the run's heartbeat."""
    with open(run.path / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps({**row, "time": round(time.time(), 3)}) + "\n")


def _resume(session: Session) -> int:
    progress = load_state(session.run.path / "last", session.models, session.optimizer)
    session.best = progress.get("best", {})
    rewind_metrics(session.run.path / "metrics.jsonl", progress.get("epoch", 0))
    log.info("resuming after epoch %d", progress.get("epoch", 0))
    return progress.get("epoch", 0)


def _log_step(session: Session, epoch: int, step: int, terms: dict[str, float], images_per_s: float) -> None:
    done = epoch * session.steps_per_epoch + step + 1
    total = session.config.epochs * session.steps_per_epoch
    left_s = (total - done) * session.config.batch_size / images_per_s
    append_metrics(session.run, {
        "kind": "step", "epoch": epoch + 1, "step": done, "steps": total, **terms,
        "lr": session.optimizer.param_groups[0]["lr"], "images_per_s": round(images_per_s, 2), "eta_s": round(left_s),
    })


def _best_line(best: dict) -> str:
    return f"best epoch {best['epoch']}: mA {100 * best['mean_accuracy']:.2f}, F1 {100 * best['f1']:.2f} on val"
