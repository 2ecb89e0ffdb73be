"""Probabilities of a checkpoint on images: in memory, as training wants them, or as an evaluation's folder.

An evaluation is made batch by batch, so that the same command goes on where it was interrupted and ends in the same
bytes: whole batches, the recorded batch size and number of threads, one order.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from snnpar.checkpoint import Checkpoint, read_checkpoint
from snnpar.core.atomic import write_text
from snnpar.core.formats import EVALUATION, stamped
from snnpar.core.pulse import JobGone, Pulse, beating
from snnpar.datasets import DataError, PedestrianSplit, ResizedImages
from snnpar.evaluation.batching import choose_batch_size, read_ahead
from snnpar.evaluation.evaluations import (
    PARTS,
    PREDICTIONS,
    PROGRESS,
    REPORT,
    Evaluation,
    create_evaluation,
    evaluation_at,
)
from snnpar.evaluation.overlap import Overlap, Thumbnails, find_overlap, reports
from snnpar.evaluation.predictions import EvaluationError, Predictions, write_predictions
from snnpar.evaluation.slices import DataChoice
from snnpar.evaluation.work import (
    EvaluationWork,
    changes,
    earlier_work,
    new_work,
    readable,
    say,
    subject,
    unreadable_words,
)
from snnpar.images.pixels import ImageError
from snnpar.inference import LoadedModel, load, predict
from snnpar.metrics.defaults import CONVENTION
from snnpar.metrics.report import SUPPORTED_HEADING, supported_mean
from snnpar.models import Network
from snnpar.runs.claims import check_free, claim, is_taken
from snnpar.runs.jobs import AT_WORK, process_identity, write_status


class EvaluationStopped(Exception):
    """The evaluation was asked to stop; what is done is kept."""


def predict_probs(
    model: Network,
    images: ResizedImages,
    word_vectors: Tensor | None = None,
    *,
    batch_size: int = 0,
    progress: bool = False,
    on_batch: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Probabilities (n, A), float32, in eval mode; the model's mode is put back. A teacher needs word_vectors.

    `batch_size` 0: 64 on a GPU; 16 on a CPU, where more is no faster and takes more memory than a training step.
    `on_batch` is called with the number of images done after each batch; what it raises ends the work.
    """
    device = next(model.parameters()).device
    batch_size = batch_size or (16 if device.type == "cpu" else 64)
    was_training = model.training
    model.eval()
    probs = []
    for indices in tqdm(list(images.batches(batch_size)), desc=images.split.name, disable=None if progress else True):
        probs.append(predict(model, images.pixels(indices), word_vectors)[-1])
        if on_batch:
            on_batch(int(indices[-1]) + 1)
    model.train(was_training)
    return np.concatenate(probs)


def probabilities(folder: Path, split: PedestrianSplit) -> np.ndarray:
    """Probabilities (n, A) of the checkpoint in `folder`, columns in the order of the split's attributes."""
    model = load(read_checkpoint(folder))
    columns = [model.schema.index(name) for name in split.schema.attributes]
    images = ResizedImages(split, model.checkpoint.model.image_size)
    return predict_probs(model.module, images, model.word_vectors, progress=True)[:, columns]


def evaluate_checkpoint(
    folder: Path,
    choice: DataChoice,
    *,
    root: Path | None = None,
    batch_size: int = 0,
    again: bool = False,
    skip_unreadable: bool = False,
    convention: str = CONVENTION,
    device: str = "auto",
    stop: Callable[[], bool] = lambda: False,
) -> Evaluation:
    """Evaluate the checkpoint in `folder` on a choice of images, or go on with that; a complete one is left alone.

    batch_size 0 is chosen to fit the memory; again: from the start, whatever is there; skip_unreadable: without
    the images that are missing or damaged, which it names; convention: of the metrics in the log, evaluation.json has
    all; device: auto, cpu or cuda. `stop()` is asked before every batch and ends it with Stopped. Raises SnnparError
    for what cannot be evaluated; status.json says all that too.
    """
    evaluation = evaluation_at(folder, choice, root=root)
    check_free(evaluation)
    try:
        checkpoint, split = read_checkpoint(folder), choice.open()
        create_evaluation(folder, choice, root=root)
        with claim(evaluation):
            write_status(evaluation, state="running", **AT_WORK, **process_identity(os.getpid()))
        with beating(evaluation.path) as pulse:
            stop = partial(_asked, stop, pulse)
            split, left_out = readable(evaluation, split, partial(_heed, stop)) if skip_unreadable else (split, {})
            outcome = _evaluate(evaluation, checkpoint, split, left_out, batch_size, again, convention, device, stop)
    except (EvaluationStopped, KeyboardInterrupt):
        done = evaluation.progress().get("done", 0)
        _ended(evaluation, "stopped", f"stopped on request after {done} images; the same command goes on from there")
        raise
    except JobGone:
        raise
    except Exception as error:  # told by whoever catches it, too
        if evaluation.path.is_dir() and not is_taken(evaluation):
            write_status(evaluation, state="failed", message=str(error) or type(error).__name__)
        raise
    _ended(evaluation, "done", outcome)
    return evaluation


def _asked(stop: Callable[[], bool], pulse: Pulse) -> bool:
    """Is it to stop? Raises JobGone where nothing more may be written."""
    asked = stop()
    pulse.check()
    return asked


def _heed(stop: Callable[[], bool]) -> None:
    if stop():
        raise EvaluationStopped


def _ended(evaluation: Evaluation, state: str, message: str) -> None:
    """Say how it ended; before there is a folder, the error alone has to do."""
    if evaluation.path.is_dir():
        say(evaluation, f"{evaluation.name}: {message}")
        write_status(evaluation, state=state, message=message)  # last: who waits for it finds everything written


def _evaluate(
    evaluation: Evaluation,
    checkpoint: Checkpoint,
    split: PedestrianSplit,
    skipped: dict,
    batch_size: int,
    again: bool,
    convention: str,
    device: str,
    stop: Callable[[], bool],
) -> str:
    """Make what is missing; one line about the outcome."""
    attributes, left_out = shared_attributes(checkpoint, split)
    model = load(checkpoint, device)
    now = subject(evaluation, checkpoint, split, left_out, model.device.type)
    now["data"] |= skipped
    if evaluation.is_complete and not again:
        changed = changes(evaluation.info()["provenance"], now)
        if not changed:
            say(evaluation, f"{evaluation.name}: already complete; --again makes it anew")
            return _outcome(evaluation.info(), convention)
        say(evaluation, f"{evaluation.name}: {changed} changed since it was made; it starts anew")
    for key, names in left_out.items():
        if names:
            say(evaluation, f"left out, as only the {key} has them: {', '.join(names)}")
    work = None if again or evaluation.is_complete else earlier_work(evaluation, now, batch_size)
    if work is None:
        work = _begin(evaluation, now, model, batch_size)
    else:
        say(evaluation, f"{evaluation.name}: goes on, {len(work.missing)} of {len(work.batches)} batches to do")
    columns = [model.schema.index(name) for name in attributes]
    thumbnails = Thumbnails(split)
    _predict(work, model, thumbnails.split, columns, stop)
    truth = split.labels[:, [split.schema.index(name) for name in attributes]]
    overlap = _overlap(work, thumbnails, stop)
    return _finish(
        work,
        Predictions(split.files, attributes, truth, work.probs(), overlap.groups, overlap.train_files),
        overlap,
        convention,
    )


def shared_attributes(checkpoint: Checkpoint, split: PedestrianSplit) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    """Attributes that model and data both have, in the data's order, and those of one alone. Raises SnnparError."""
    known, labelled = checkpoint.schema.attributes, split.schema.attributes
    shared = tuple(name for name in labelled if name in known)
    if not shared:
        raise EvaluationError(
            f"{checkpoint.name} knows no attribute of {split.name}; evaluate it on data with the "
            f"attributes it was trained on ({checkpoint.schema.name})"
        )
    return shared, {
        "checkpoint": [name for name in known if name not in labelled],
        "data": [name for name in labelled if name not in known],
    }


def _begin(evaluation: Evaluation, now: dict, model: LoadedModel, batch_size: int) -> EvaluationWork:
    reason = "as asked"
    if not batch_size:
        batch_size, reason = choose_batch_size(model)
    say(evaluation, f"{evaluation.name}: {now['data']['n']} images, batch size {batch_size}: {reason}")
    return new_work(evaluation, now, batch_size)


def _predict(
    work: EvaluationWork, model: LoadedModel, split: PedestrianSplit, columns: list[int], stop: Callable[[], bool]
) -> None:
    """Do the batches that are missing, on as many threads as the first ones."""
    batches, threads = work.missing, torch.get_num_threads()
    torch.set_num_threads(work.threads)
    work.save()
    bar = tqdm(total=work.n, initial=work.done, desc=split.name, unit="image", disable=None)
    try:
        pixels = read_ahead(split, batches, model.checkpoint.model.image_size)
        for indices in batches:
            _heed(stop)
            work.add(indices, model.predict(next(pixels))[:, :, columns])
            bar.update(len(indices))
        work.save()
    except (EvaluationStopped, KeyboardInterrupt):
        work.save()
        raise
    except ImageError as error:
        work.save()
        raise DataError(unreadable_words(work.evaluation, split)) from error
    finally:
        bar.close()
        torch.set_num_threads(threads)


def _overlap(work: EvaluationWork, thumbnails: Thumbnails, stop: Callable[[], bool]) -> Overlap:
    """Near duplicates among the images and of the training images; what is predicted stays if it is stopped."""
    evaluation = work.evaluation
    write_status(
        evaluation,
        state="running",
        message="looking for near duplicates of training images",
        **process_identity(os.getpid()),
    )

    def tick() -> None:
        work.beat()
        _heed(stop)

    return find_overlap(thumbnails.all(tick), evaluation.choice, tick)


def _finish(work: EvaluationWork, predictions: Predictions, overlap: Overlap, convention: str) -> str:
    """Write the results, then remove the parts they were made of."""
    evaluation = work.evaluation
    write_predictions(predictions, evaluation.path / PREDICTIONS)
    found = reports(predictions, overlap.info(predictions.files))
    info = {"name": evaluation.name, **found, "provenance": work.provenance()}
    write_text(evaluation.path / REPORT, json.dumps(stamped(EVALUATION, info), indent=1) + "\n")
    (evaluation.path / PROGRESS).unlink()
    shutil.rmtree(evaluation.path / PARTS)
    return _outcome(info, convention)


def _outcome(info: dict, convention: str) -> str:
    five, several = info["metrics"][convention], supported_mean(info, convention)
    beside = f" ({SUPPORTED_HEADING}: {100 * several['value']:.1f})" if several else ""
    absent = ", ".join(info["attributes_without_positives"])
    return (
        f"mA {100 * five['mean_accuracy']['value']:.1f}{beside}, F1 {100 * five['f1']['value']:.1f} on "
        f"{info['n']} images of {info['provenance']['data']['title']} ({convention} convention)"
        + (f"; without a positive: {absent}" if absent else "")
    )
