"""Evaluations: one checkpoint on one choice of images is a folder, EVALUATIONS/NAME, and a job.

request.json (which checkpoint, which images), status.json and log.txt as every job; while it runs progress.json
{done, n, batch_size, seconds, ...} and parts/; in the end predictions.parquet and evaluation.json.

predictions.parquet holds the answers, see predictions.py.
evaluation.json holds what `snnpar.metrics.report` says, near_duplicates (of which training images), the same report
without those, and provenance {checkpoint, data, commit, created, seconds, ...}. Evaluations of before near
duplicates were looked for lack all of that.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import snnpar
from snnpar import EVALUATIONS  # as a process that is started has it
from snnpar.checkpoint import CONFIG, WEIGHTS
from snnpar.core.atomic import write_text
from snnpar.core.disks import make_folder
from snnpar.core.errors import SnnparError
from snnpar.core.formats import EVALUATION, FormatError, stamped, upgraded
from snnpar.core.hashing import file_sha256
from snnpar.core.places import place as path_of
from snnpar.datasets import PedestrianSplit
from snnpar.evaluation.predictions import EvaluationError, Predictions, read_predictions
from snnpar.evaluation.slices import DataChoice, SliceError, list_slices, pick
from snnpar.hub import hub_id_of
from snnpar.runs.claims import start
from snnpar.runs.jobs import Job, modified, write_status

REQUEST, REPORT, PROGRESS, PREDICTIONS, PARTS = (
    "request.json",
    "evaluation.json",
    "progress.json",
    "predictions.parquet",
    "parts",
)


@dataclass(frozen=True)
class Evaluation(Job):
    """One evaluation's folder."""

    @property
    def is_complete(self) -> bool:
        return (self.path / REPORT).is_file() and (self.path / PREDICTIONS).is_file()

    @property
    def checkpoint(self) -> Path:
        """The folder of the checkpoint; of a shipped evaluation that of the shipped checkpoint."""
        place = Path(self._request("checkpoint"))
        return place if place.is_absolute() else (snnpar.SHIPPED or snnpar.CHECKPOINTS) / place

    @property
    def is_shipped(self) -> bool:
        """Did it come with the program? It is read, never written."""
        return self.path.parent == shipped_root()

    @property
    def choice(self) -> DataChoice:
        """Which images."""
        return DataChoice(**self._request("choice"))

    @property
    def arguments(self) -> list[str]:
        """What python is told to make it, or to go on with it."""
        elsewhere = self.path.parent.resolve() != EVALUATIONS
        out = ["--out", str(self.path.parent.resolve())] if elsewhere else []
        return ["-m", "snnpar", "evaluate", str(self.checkpoint), *self.choice.arguments(), *out]

    def _request(self, name: str) -> Any:
        content = _read(self.path / REQUEST)
        if name not in content:
            raise EvaluationError(f"{self.path / REQUEST} has no {name!r}; delete the folder and evaluate anew")
        return content[name]

    def info(self) -> dict:
        """The content of evaluation.json. Raises EvaluationError while there is none."""
        return _read(self.path / REPORT)

    def progress(self) -> dict:
        """The content of progress.json; empty when nothing is under way."""
        return _read_json(self.path / PROGRESS) if (self.path / PROGRESS).is_file() else {}

    def predictions(self) -> Predictions:
        """The content of predictions.parquet. Raises EvaluationError."""
        return read_predictions(self.path / PREDICTIONS)

    def split(self) -> PedestrianSplit:
        """The images, opened again, in the order of the predictions. Raises EvaluationError when they have changed."""
        choice, files = self.choice, self.predictions().files
        whole = replace(choice, slice="").open()
        try:
            split = pick(whole, files, name=choice.title) if choice.slice else whole
        except SliceError as error:
            raise EvaluationError(f"the data has changed since {self.name} was made ({error})") from error
        if split.files != files:
            raise EvaluationError(f"the data has changed since {self.name} was made; evaluate again with --again")
        return split


def evaluation_at(checkpoint: Path, choice: DataChoice, *, root: Path | None = None) -> Evaluation:
    """The evaluation of a checkpoint's folder on a choice of images, whether it exists or not."""
    return Evaluation((root or snnpar.EVALUATIONS) / evaluation_name(checkpoint, choice))


def create_evaluation(checkpoint: Path, choice: DataChoice, *, root: Path | None = None) -> Evaluation:
    """The same, with its folder; one that exists stays as it is."""
    evaluation = evaluation_at(checkpoint, choice, root=root)
    if not (evaluation.path / REQUEST).is_file():
        make_folder(evaluation.path)
        content = {"checkpoint": str(_absolute(checkpoint)), "choice": asdict(choice)}
        write_text(evaluation.path / REQUEST, json.dumps(stamped(EVALUATION, content), indent=1) + "\n")
        write_status(evaluation, state="created")
    return evaluation


def launch(evaluation: Evaluation, *, again: bool = False) -> None:
    """Evaluate, or go on, in a process of its own, which outlives this one."""
    start(evaluation, [*evaluation.arguments, *(["--again"] if again else [])])


def shipped_root() -> Path:
    """Where the evaluations of the shipped checkpoints lie."""
    return snnpar.ASSETS / "evaluations"


def list_evaluations(root: Path | None = None) -> list[Evaluation]:
    """All evaluations, complete or not, the one finished or begun last first; without `root` also the shipped ones, of
    the shipped checkpoints that are here."""
    found = [Evaluation(path.parent) for path in (root or snnpar.EVALUATIONS).glob(f"*/{REQUEST}")]
    if root is None:
        shipped = [Evaluation(path.parent) for path in shipped_root().glob(f"*/{REQUEST}")]
        found += [one for one in shipped if one.checkpoint.is_dir()]
    return sorted(
        found, key=lambda e: max(modified(e.path / name) for name in (REQUEST, PROGRESS, REPORT)), reverse=True
    )


def find_images(hash_start: str) -> tuple[str, PedestrianSplit]:
    """Title and images of the evaluation or slice here whose data hash begins so. Raises EvaluationError if none does.

    Only what somebody has evaluated or kept as a slice is looked through, never a folder that the caller names.
    """
    for one in list_evaluations():
        try:
            data = one.info()["provenance"]["data"]
            if str(data["hash"]).startswith(hash_start):
                return str(data["title"]), one.split()
        except (SnnparError, OSError, KeyError, TypeError):
            continue  # another evaluation may have the same images
    for kept in list_slices():
        choice = replace(kept.choice, slice=kept.name)
        try:
            split = choice.open()
        except (SnnparError, OSError):
            continue
        if data_hash(split).startswith(hash_start):
            return choice.title, split
    raise EvaluationError(f"no evaluation or slice here is on images whose list has the hash {hash_start}")


def remove_results(evaluation: Evaluation) -> None:
    """Leave only the request, the status and the log."""
    for name in (REPORT, PREDICTIONS, PROGRESS):
        (evaluation.path / name).unlink(missing_ok=True)
    shutil.rmtree(evaluation.path / PARTS, ignore_errors=True)


def evaluation_name(checkpoint: Path, choice: DataChoice) -> str:
    """The folder's name: the same for the same checkpoint and images, another for those of equal name elsewhere."""
    checkpoint = _absolute(checkpoint)
    words = [checkpoint_name(checkpoint), choice.title.replace("/", "-")]
    place = json.dumps([str(checkpoint), asdict(choice)])
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", "--".join(words)).strip("-.")[:100]
    return f"{readable}-{hashlib.sha256(place.encode()).hexdigest()[:6]}"


def _absolute(folder: Path) -> Path:
    return Path(os.path.abspath(path_of(folder)))


def checkpoint_name(folder: Path) -> str:
    """What to call a checkpoint: its folder's name, or owner/name for one of the Hub's cache."""
    known = hub_id_of(folder)
    return known.repo if known else folder.name


def revision(folder: Path) -> str:
    """sha256 of a checkpoint's weights. Raises EvaluationError when there are none."""
    path = Path(folder) / WEIGHTS
    if not path.is_file():
        raise EvaluationError(f"{path} is missing; a checkpoint is a folder with {CONFIG} and {WEIGHTS}")
    return file_sha256(path)


def data_hash(split: PedestrianSplit) -> str:
    """sha256 of file names, attributes and labels, in their order; not of the pixels."""
    names = json.dumps([split.files, split.schema.attributes])
    return hashlib.sha256(names.encode() + np.ascontiguousarray(split.labels, np.int8).tobytes()).hexdigest()


def _read(path: Path) -> dict:
    """A request or a report in today's format. Raises EvaluationError."""
    try:
        return upgraded(EVALUATION, _read_json(path), path)
    except FormatError as error:
        raise EvaluationError(str(error)) from error


def _read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{path} cannot be read ({error}); run the evaluation again") from error
    if not isinstance(content, dict):
        raise EvaluationError(f"{path} is damaged; run the evaluation again")
    return content
