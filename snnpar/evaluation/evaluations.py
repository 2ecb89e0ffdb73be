"""Evaluations: one checkpoint on one choice of images is a folder, EVALUATIONS/NAME, and a job.

request.json (which checkpoint, which images), status.json and log.txt as every job; while it runs progress.json
{done, n, batch_size, seconds, ...} and parts/; in the end predictions.parquet and evaluation.json.

predictions.parquet has one row per image and attribute, images in the order of the split: file, attribute, truth
(1, 0, 2 unknown), prob, for a spiking student prob_t1 .. prob_tT, the answer after timesteps 1..t, prob the last, and
group (equal for near duplicates of each other) and near_duplicate_of (a training image's file, or null).
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
from snnpar.core.places import place as path_of
from snnpar.datasets import PedestrianSplit
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


class EvaluationError(SnnparError):
    """An evaluation that cannot be made or read; the message says why."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """files (n,), attributes (A,), truth (n, A) int8, probs (T, n, A) float32; probs[t] after timesteps 1..t+1.

    T = 1 for a model without timesteps; probs[-1] is the final answer. groups (n,): images of one number are near
    duplicates of each other; near_duplicate_of (n,): the training image that each is one of, or None. Both are None
    where nobody has looked.
    """

    files: tuple[str, ...]
    attributes: tuple[str, ...]
    truth: np.ndarray
    probs: np.ndarray
    groups: np.ndarray | None = None
    near_duplicate_of: tuple[str | None, ...] | None = None

    @property
    def new(self) -> np.ndarray | None:
        """Indices of the images that are no near duplicate of a training image; None where nobody has looked."""
        if self.near_duplicate_of is None:
            return None
        return np.flatnonzero([other is None for other in self.near_duplicate_of])

    def __post_init__(self) -> None:
        expected = (len(self.files), len(self.attributes))
        if self.truth.shape != expected or self.probs.ndim != 3 or self.probs.shape[1:] != expected:
            raise EvaluationError(
                f"truth must be {expected} and probs (T, {expected[0]}, {expected[1]}); got "
                f"{self.truth.shape} and {self.probs.shape}"
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
    return file_hash(path)


def file_hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def data_hash(split: PedestrianSplit) -> str:
    """sha256 of file names, attributes and labels, in their order; not of the pixels."""
    names = json.dumps([split.files, split.schema.attributes])
    return hashlib.sha256(names.encode() + np.ascontiguousarray(split.labels, np.int8).tobytes()).hexdigest()


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Write a parquet file in one step; equal predictions give equal bytes."""
    import pyarrow as pa
    from pyarrow import parquet

    timesteps, n, attributes = predictions.probs.shape
    columns = {
        "file": pa.DictionaryArray.from_arrays(np.repeat(np.arange(n, dtype=np.int32), attributes), predictions.files),
        "attribute": pa.DictionaryArray.from_arrays(
            np.tile(np.arange(attributes, dtype=np.int32), n), predictions.attributes
        ),
        "truth": predictions.truth.astype(np.int8).ravel(),
        "prob": predictions.probs[-1].astype(np.float32).ravel(),
    }
    if timesteps > 1:
        for t, probs in enumerate(predictions.probs, 1):
            columns[f"prob_t{t}"] = probs.astype(np.float32).ravel()
    if predictions.groups is not None:
        columns["group"] = np.repeat(predictions.groups.astype(np.int32), attributes)
        others = pa.array(predictions.near_duplicate_of, pa.string())
        columns["near_duplicate_of"] = others.take(np.repeat(np.arange(n), attributes)).dictionary_encode()
    partial = path.with_suffix(".partial")
    parquet.write_table(pa.table(columns), partial, compression="zstd")
    os.replace(partial, path)


def read_predictions(path: Path) -> Predictions:
    """Inverse of `write_predictions`. Raises EvaluationError for a file that is missing or something else."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        rows = parquet.read_table(path).combine_chunks()
        attributes = tuple(dict.fromkeys(rows["attribute"].slice(0, 10_000).to_pylist()))
        first = np.arange(0, len(rows), len(attributes))  # row of each image
        files = tuple(rows["file"].take(first).to_pylist())
        shape = (len(files), len(attributes))
        named = [name for name in rows.column_names if name.startswith("prob_t")] or ["prob"]
        probs = np.stack([rows[name].to_numpy().reshape(shape) for name in named])
        looked = "group" in rows.column_names
        return Predictions(
            files,
            attributes,
            rows["truth"].to_numpy().reshape(shape),
            probs,
            rows["group"].to_numpy()[first] if looked else None,
            tuple(rows["near_duplicate_of"].take(first).to_pylist()) if looked else None,
        )
    except (OSError, KeyError, ValueError, ZeroDivisionError, pa.ArrowException) as error:
        raise EvaluationError(f"{path} is missing or damaged ({error}); evaluate again with --again") from error


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
