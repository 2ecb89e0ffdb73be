"""An evaluation under way: what it is about, the parts that are done, and whether earlier parts are still of use."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from snnpar.checkpoint import PHRASES, Checkpoint
from snnpar.config import without_folders, without_places
from snnpar.core.atomic import write_text
from snnpar.core.hashing import file_sha256
from snnpar.core.provenance import commit
from snnpar.datasets import DataError, PedestrianSplit, layout_of, local_path, none_readable, subset, unreadable
from snnpar.evaluation.evaluations import (
    PARTS,
    PROGRESS,
    Evaluation,
    checkpoint_name,
    data_hash,
    remove_results,
    revision,
)
from snnpar.evaluation.predictions import EvaluationError
from snnpar.evaluation.slices import DataChoice
from snnpar.models import takes_text

HEARTBEAT_S = 1.0
COVERS = "sha256 of file names, attributes and labels in their order; not of pixels"
# Parts of a subject, in words; when any of them changes, earlier results are of something else.
PARTS_OF_SUBJECT = {
    "checkpoint": "the checkpoint",
    "data": "the data",
    "attributes_left_out": "the attributes",
    "device": "the device",
}


def subject(
    evaluation: Evaluation, checkpoint: Checkpoint, split: PedestrianSplit, left_out: dict[str, list[str]], device: str
) -> dict:
    """What is evaluated on what, ready for JSON and without folders of this machine."""
    choice, folder = evaluation.choice, evaluation.checkpoint
    content = {
        "checkpoint": {
            "name": checkpoint_name(folder),
            "role": checkpoint.role,
            "architecture": checkpoint.model.architecture,
            "sha256": revision(folder),
            "model": checkpoint.model.to_dict(),
            "train": without_places(checkpoint.train),
            "attributes": checkpoint.schema.attributes,
        },
        "data": {
            "title": choice.title,
            "name": split.name,
            **asdict(choice),
            **_source(choice),
            "n": len(split),
            "hash": data_hash(split),
            "hash_covers": COVERS,
        },
        "attributes_left_out": left_out,
        "device": device,
    }
    if takes_text(checkpoint.model):
        content["checkpoint"]["phrases_sha256"] = file_sha256(folder / PHRASES)
    return json.loads(json.dumps(content))  # as it is once read from a file: tuples are lists


def _source(choice: DataChoice) -> dict[str, str]:
    """The data's name, its layout, and its commit if it is from the Hub."""
    if not choice.data:
        return {}
    place = local_path(choice.data)
    found = {"data": without_folders(choice.data), "layout": layout_of(place, choice.layout).name}
    return found | ({"revision": place.name} if choice.data.startswith("hf:") else {})


def changes(before: dict, now: dict) -> str:
    """Which parts of a subject differ, in words; empty if none does."""
    return " and ".join(words for part, words in PARTS_OF_SUBJECT.items() if before.get(part) != now[part])


@dataclass
class EvaluationWork:
    """What is done of an evaluation of n images: one file of probabilities (T, B, A) per batch."""

    evaluation: Evaluation
    subject: dict
    n: int
    batch_size: int
    threads: int
    seconds: float = 0.0  # of earlier sessions
    commits: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    done: int = field(init=False)  # images
    _saved: float = 0.0

    def __post_init__(self) -> None:
        (self.evaluation.path / PARTS).mkdir(exist_ok=True)
        self.done = self.n - sum(map(len, self.missing))

    @property
    def batches(self) -> list[np.ndarray]:
        """Indices of each batch."""
        return [np.arange(i, min(i + self.batch_size, self.n)) for i in range(0, self.n, self.batch_size)]

    @property
    def missing(self) -> list[np.ndarray]:
        """The batches still to do."""
        return [indices for indices in self.batches if not self._part(indices).exists()]

    @property
    def elapsed(self) -> float:
        """Seconds of this session and those before."""
        return self.seconds + time.monotonic() - self._began

    def add(self, indices: np.ndarray, probs: np.ndarray) -> None:
        """Keep the probabilities of one batch."""
        path = self._part(indices)
        partial = path.with_suffix(".partial")
        with open(partial, "wb") as file:
            np.save(file, probs)
        os.replace(partial, path)
        self.done += len(indices)
        self.beat()

    def beat(self) -> None:
        """A sign of life, now and then."""
        if time.monotonic() - self._saved > HEARTBEAT_S:
            self.save()

    def save(self) -> None:
        """Write progress.json, which is also the sign of life."""
        self._saved = time.monotonic()
        content = {
            "done": self.done,
            "n": self.n,
            "batch_size": self.batch_size,
            "threads": self.threads,
            "seconds": round(self.elapsed, 1),
            "commits": self.commits,
            "subject": self.subject,
        }
        write_text(self.evaluation.path / PROGRESS, json.dumps(content, indent=1) + "\n")

    def probs(self) -> np.ndarray:
        """All probabilities (T, n, A)."""
        return np.concatenate([np.load(self._part(indices)) for indices in self.batches], axis=1)

    def provenance(self) -> dict:
        """Where the numbers come from; more than one commit when the code changed between two sessions."""
        return {
            **self.subject,
            "commit": ", then ".join(self.commits),
            "torch": torch.__version__,
            "batch_size": self.batch_size,
            "threads": self.threads,
            "seconds": round(self.elapsed, 1),
            "created": datetime.now().astimezone().isoformat(timespec="seconds"),
        }

    def _part(self, indices: np.ndarray) -> Path:
        return self.evaluation.path / PARTS / f"{indices[0]:08d}.npy"


def earlier_work(evaluation: Evaluation, now: dict, batch_size: int) -> EvaluationWork | None:
    """What an interrupted session left, if it is of the same subject (and batch size, unless that is 0)."""
    try:
        kept = evaluation.progress()
        before = kept.get("subject", {})
        if not kept:
            return None
        changed = changes(before, now)
        if not changed and batch_size not in (0, kept["batch_size"]):
            changed = f"the batch size (it was {kept['batch_size']})"
        if changed:
            say(evaluation, f"{changed} changed since the evaluation was begun; it starts anew")
            return None
        commits = kept["commits"] if kept["commits"][-1:] == [commit()] else [*kept["commits"], commit()]
        return EvaluationWork(evaluation, now, kept["n"], kept["batch_size"], kept["threads"], kept["seconds"], commits)
    except (EvaluationError, KeyError, TypeError) as error:
        say(evaluation, f"what was begun cannot be read ({error}); the evaluation starts anew")
        return None


def new_work(evaluation: Evaluation, now: dict, batch_size: int) -> EvaluationWork:
    """An empty beginning; earlier results are removed."""
    remove_results(evaluation)
    return EvaluationWork(evaluation, now, now["data"]["n"], batch_size, torch.get_num_threads(), commits=[commit()])


def say(evaluation: Evaluation, text: str) -> None:
    """A line on the terminal and in log.txt; once only when the terminal already is log.txt."""
    tqdm.write(text, file=sys.stderr)
    path = evaluation.path / "log.txt"
    try:
        same = path.exists() and os.fstat(sys.stderr.fileno()).st_ino == path.stat().st_ino
    except (OSError, ValueError):  # a terminal that is no file
        same = False
    if not same:
        with open(path, "a", encoding="utf-8") as log:
            log.write(text + "\n")


def unreadable_words(evaluation: Evaluation, split: PedestrianSplit) -> str:
    """One sentence about the images that cannot be read, all of which go into the log."""
    found = unreadable(split)
    if nothing := none_readable(split, found):
        return nothing
    reasons = [f"{split.files[index]}: {why}" for index, why in found.items()]
    say(evaluation, "\n".join(["images that cannot be read:", *reasons]))
    more = f" and {len(reasons) - 1} more, listed in {evaluation.path / 'log.txt'}" if len(reasons) > 1 else ""
    return (
        f"{split.name}: {reasons[0]}{more}; fix them and give the same command to go on, or leave them out with "
        "--skip-unreadable"
    )


def readable(evaluation: Evaluation, split: PedestrianSplit, tick: Callable[[], None]) -> tuple[PedestrianSplit, dict]:
    """The images that can be read, and what the evaluation says of the others, which go into the log; `tick` is called
    for each."""
    found = unreadable(split, tick)
    if nothing := none_readable(split, found):
        raise DataError(nothing)
    reasons = {split.files[index]: why for index, why in found.items()}
    if not reasons:
        return split, {}
    say(
        evaluation,
        "\n".join(
            [
                f"{len(reasons)} of {len(split)} images cannot be read and are left out:",
                *(f"{file}: {why}" for file, why in reasons.items()),
            ]
        ),
    )
    kept = [index for index, file in enumerate(split.files) if file not in reasons]
    return subset(split, kept), {"unreadable_left_out": list(reasons)}
