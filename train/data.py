"""What a run trains on: its images, read before the first step, the ratio of its labels, a teacher's phrases."""

from __future__ import annotations

import logging
from functools import partial

import numpy as np

from snnpar.checkpoint import Checkpoint
from snnpar.config import ConfigError, TrainConfig
from snnpar.core.atomic import write_text
from snnpar.datasets import DataError, PedestrianSplit, ResizedImages, none_readable, open_split, phrases_for
from snnpar.runs.run import UNREADABLE, Run
from snnpar.schema.attributes import Phrases
from snnpar.schema.phrases import pair_as_published

from .heartbeat import Heartbeat

log = logging.getLogger("train")


def read_images(
    run: Run, config: TrainConfig, checkpoint: Checkpoint, heartbeat: Heartbeat
) -> tuple[ResizedImages, ResizedImages]:
    """Training and validation images at the model's size. Those in files are all read now, so that all faults show
    at once; they stay in memory unless the config says that they stream.

    Images that are missing or damaged are listed in the log and in unreadable.txt. They stop the run (DataError),
    or are left out if the config says so.
    """
    found = []
    for name in ("train", "val"):
        split = open_split(config, name)
        if split.schema.attributes != checkpoint.schema.attributes:
            raise DataError(f"the attributes of {split.name} are no longer those the run was made for; make a new run")
        found.append(ResizedImages(split, checkpoint.model.image_size, keep=not config.runtime.stream))

    def say(images: ResizedImages, done: int) -> None:
        heartbeat.check()
        heartbeat.beat("reading", what=images.split.name, done=done, n=len(images))

    reasons = [
        images.read_all(stored(config, i == 0, len(images)), on_progress=partial(say, images))
        for i, images in enumerate(found)
    ]
    report_unreadable(run, config, found, reasons)
    train, val = (
        images.without(left_out) if left_out else images for images, left_out in zip(found, reasons, strict=True)
    )
    return train, val


def stored(config: TrainConfig, training: bool, count: int) -> int:
    """How many of a split's images, the first ones, lie in files; the rest is drawn when needed."""
    if config.data.dataset == "rendered":
        return 0
    return count - config.data.rendered_count if config.data.dataset == "mixed" and training else count


def report_unreadable(run: Run, config: TrainConfig, found: list[ResizedImages], reasons: list[dict[int, str]]) -> None:
    """List what cannot be read in the log and in a file of the run. Raises DataError unless it is to be skipped."""
    for images, why in zip(found, reasons, strict=True):
        if nothing := none_readable(images.split, why):
            raise DataError(nothing)
    lines = [
        f"{images.split.name}\t{images.split.files[index]}\t{reason}"
        for images, why in zip(found, reasons, strict=True)
        for index, reason in why.items()
    ]
    path = run.path / UNREADABLE
    if not lines:
        path.unlink(missing_ok=True)
        return
    write_text(path, "\n".join(lines) + "\n")
    for line in lines:
        log.warning("unreadable: %s", line.replace("\t", ": "))
    total = sum(len(images) for images in found)
    if config.data.skip_unreadable:
        log.warning("%d of %d images cannot be read and are left out", len(lines), total)
        return
    names = [line.split("\t")[1] for line in lines]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    raise DataError(
        f"{len(lines)} of {total} images cannot be read ({', '.join(names[:5])}{more}; all of them are in "
        "the log); restore them, or leave them out with --skip-unreadable"
    )


def label_ratio(config: TrainConfig, split: PedestrianSplit) -> np.ndarray:
    """What weighs the loss, (A,): the share of positives, or the published mean of the labels with unknown as 2."""
    return split.positive_ratio if config.task.mask_unknown else split.labels.mean(0)


def teacher_phrases(config: TrainConfig, checkpoint: Checkpoint) -> Phrases:
    """The phrase vectors a teacher trains with, paired as the config says. Raises ConfigError."""
    phrases = phrases_for(config, checkpoint.schema)
    length, made_for = phrases.vectors.shape[1], checkpoint.model.text_dim
    if length != made_for:
        raise ConfigError(f"the phrase vectors have {length} numbers, the run was made for {made_for}; make a new run")
    if config.task.phrase_pairing == "name":
        return phrases
    paired = pair_as_published(phrases, checkpoint.schema)
    astray = sum(old != new for old, new in zip(phrases.text, paired.text, strict=True))
    if astray:
        log.warning("phrases are paired as published: %d of %d describe another attribute", astray, len(paired.text))
    return paired
