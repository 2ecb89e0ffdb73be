"""The task of attributes: what it trains on, its loss, and how it scores.

Step 0 is scored like an epoch and its answers are kept, so that the run can tell in the end what it gained over them.
"""

from __future__ import annotations

import logging

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor

from snnpar.checkpoint import load_model, read_checkpoint
from snnpar.core.atomic import share
from snnpar.datasets import ResizedImages
from snnpar.datasets.duplicates import groups, thumbnail
from snnpar.evaluation.evaluate import predict_probs
from snnpar.images.pixels import normalise
from snnpar.metrics.gain import Gain, measure_gain, write_gain
from snnpar.metrics.pedestrian import FIVE, SUPPORTED, pedestrian_metrics, supported, without_labels, without_positives
from snnpar.metrics.report import HEADINGS, SUPPORTED_HEADING, no_label_words, support_words
from snnpar.models import Network
from snnpar.runs.history import read_metrics, start_of

from .augment import AUGMENTATIONS, draw, mixup
from .data import read_images
from .distill import loss_terms
from .lens import PINNED, write_lens
from .session import Objective, Session

log = logging.getLogger("train")
STEP_0 = "step-0.safetensors"  # its answers, (n, A) float32, on the session's held-out images


def prior(train: ResizedImages) -> np.ndarray:
    """The share of positives among each attribute's labels, (A,)."""
    return train.split.positive_ratio


def terms(session: Session, indices: np.ndarray, pixels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
    """The loss terms of a part of a batch, augmented, with its teacher's answers."""
    config, device, model = session.config, session.device, session.checkpoint.model
    images = normalise(pixels.to(device), mean=model.mean, std=model.std)
    images = AUGMENTATIONS[config.data.augment](images, draw(config.optimisation.seed, session.epoch, indices))
    labels = session.train.labels[indices].to(device).float()
    if config.data.mixup:
        images, labels = mixup(images, labels, config.data.mixup, rng)
    extra = () if session.phrases is None else (session.word_vectors,)
    with torch.autocast(device.type, torch.bfloat16, enabled=config.runtime.precision == "bf16"):
        taught = session.teacher(images) if session.teacher else None
        output = session.wrapped(images, *extra)
    return loss_terms(output, labels, session.positive_ratio, taught, config, session.wrapped_restorer)


def answers(session: Session, model: Network, images: ResizedImages, what: str) -> np.ndarray:
    """Probabilities (n, A); raises RunStopped between batches, if only this process must agree."""

    def say(done: int) -> None:
        if session.world.is_alone:
            session.heartbeat.check()
        session.heartbeat.beat("validating", what=what, done=done, n=len(images))

    return predict_probs(model, images, session.word_vectors, on_batch=say)


def score(session: Session, probs: np.ndarray) -> dict[str, float]:
    """The five metrics of probabilities on val, and mA over the attributes with enough positives if there are such."""
    labels = session.val.split.labels
    found = pedestrian_metrics(labels, probs, ignore_unknown=session.config.task.mask_unknown)
    return found.summary() | ({SUPPORTED: found.mean_accuracy_supported} if supported(labels).any() else {})


def worded(metrics: dict[str, float]) -> str:
    """The metrics in percent; in brackets the mA over the attributes with enough positives."""
    several = f" ({100 * metrics[SUPPORTED]:.2f})" if SUPPORTED in metrics else ""
    ma, *rest = (f"{HEADINGS[name]} {100 * metrics[name]:.2f}" for name in FIVE)
    return "  ".join([ma + several, *rest])


def facts(session: Session) -> dict[str, object]:
    """How much the labels of val say about each attribute."""
    labels = session.val.split.labels
    absent = without_positives(labels, session.checkpoint.schema.attributes)
    return {"supported_attributes": int(supported(labels).sum()), "without_positives": list(absent)}


def merit(metrics: dict[str, float]) -> float:
    """The mean of mA and F1."""
    return (metrics["mean_accuracy"] + metrics["f1"]) / 2


def score_start(session: Session) -> None:
    """Score the weights before the first update, unless that was done, or is no longer possible."""
    if session.steps_done or start_of(read_metrics(session.run)):
        return
    probs, images = answers(session, session.scored, session.val, "step 0"), session.held_out
    kept = probs if images is session.val else answers(session, session.scored, images, "step 0, held out")
    save_file({"probs": kept}, session.run.path / STEP_0)
    share(session.run.path / STEP_0)
    metrics, labels = score(session, probs), session.val.split.labels
    session.record_scores(0, metrics, best=False)
    absent = without_positives(labels, session.checkpoint.schema.attributes)
    unlabelled = (
        without_labels(labels, session.checkpoint.schema.attributes) if session.config.task.mask_unknown else ()
    )
    log.info(
        "val: %s%s",
        support_words(absent, int(supported(labels).sum()), len(session.checkpoint.schema)),
        no_label_words(unlabelled),
    )
    log.info("step 0: %s", worded(metrics))


def score_gain(session: Session) -> Gain | None:
    """Compare the weights that are kept with step 0; None, told in the log, where that was not scored."""
    images = session.held_out
    labels = images.split.labels
    try:
        start = load_file(session.run.path / STEP_0)["probs"]
    except (OSError, SafetensorError, KeyError):
        start = None
    if start is None or start.shape != labels.shape:
        log.warning("what it gained over step 0 is not known: there are no answers of step 0 on these images")
        return None
    kept = load_model(read_checkpoint(session.run.path)).to(session.device)
    alike = groups(np.stack([thumbnail(images.split.read(index)) for index in range(len(images))]))
    gain = measure_gain(
        labels,
        start,
        answers(session, kept, images, "the weights that are kept, held out"),
        alike,
        attributes=session.checkpoint.schema.attributes,
        ignore_unknown=session.config.task.mask_unknown,
        images=images.split.name,
        chose=images is session.val,
        epoch=session.best["epoch"],
        seed=session.config.optimisation.seed,
    )
    write_gain(session.run.path, gain)
    log.info("%s", gain.numbers())
    log.info("%s", gain.about())
    log.log(logging.WARNING if gain.is_chance else logging.INFO, "%s", gain.verdict())
    return gain


def look(session: Session, epoch: int, steps: int) -> None:
    """What the distillation lens and the firing alarms show of this epoch, on the first images of val."""
    split, model = session.val.split, session.checkpoint.model
    pinned = np.arange(min(PINNED, len(split)))
    images = normalise(session.val.pixels(pinned), mean=model.mean, std=model.std)
    row = write_lens(
        session.run,
        epoch,
        steps,
        session.scored,
        session.teacher,
        images,
        split.files[: len(pinned)],
        split.labels[: len(pinned)],
        session.checkpoint.schema,
        session.word_vectors,
    )
    if row:
        session.record(row)


def end(session: Session) -> str:
    """The best epoch, and what it gained over step 0."""
    return _best_line(session.best, score_gain(session))


def _best_line(best: dict, gain: Gain | None) -> str:
    several = f" ({SUPPORTED_HEADING}: {100 * best[SUPPORTED]:.2f})" if SUPPORTED in best else ""
    told = (
        f"best epoch {best['epoch']}: mA {100 * best['mean_accuracy']:.2f}{several}, F1 {100 * best['f1']:.2f} on val"
    )
    if gain is None:
        return told
    held = f"; mA {gain.worded('mean_accuracy')} over step 0 on {gain.n} images of {gain.images}"
    return told + held + ("; at chance" if gain.is_chance else "")


OBJECTIVE = Objective(read_images, prior, terms, answers, score, facts, merit, worded, score_start, look, end)
