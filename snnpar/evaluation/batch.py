"""Several checkpoints on one choice of images, one after the other, as one job: a folder in EVALUATIONS/batches.

batch.json says which; status.json and log.txt as every job; progress.json {done, total, current, eta_s, ...} while it
runs. The results are ordinary evaluations, so that what was done before is not done again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import snnpar
from snnpar import EVALUATIONS  # as a process that is started has it
from snnpar.core.atomic import write_text
from snnpar.core.disks import make_folder
from snnpar.core.errors import SnnparError
from snnpar.core.formats import EVALUATION, stamped, upgraded
from snnpar.core.pulse import beating
from snnpar.evaluation.evaluate import EvaluationStopped, evaluate_checkpoint
from snnpar.evaluation.evaluations import Evaluation, checkpoint_name, evaluation_at
from snnpar.evaluation.predictions import EvaluationError
from snnpar.evaluation.slices import DataChoice
from snnpar.runs.claims import claim, start
from snnpar.runs.jobs import PROGRESS, Job, JobError, modified, status, write_status

REQUEST, FOLDER = "batch.json", "batches"
HEARTBEAT_S = 1.0


@dataclass(frozen=True)
class EvaluationBatch(Job):
    """One batch's folder."""

    @property
    def exists(self) -> bool:
        return (self.path / REQUEST).is_file()

    @property
    def checkpoints(self) -> list[Path]:
        """The folders of the checkpoints, in their order."""
        return [Path(folder) for folder in self._request()["checkpoints"]]

    @property
    def choice(self) -> DataChoice:
        """Which images."""
        return DataChoice(**self._request()["choice"])

    @property
    def evaluations(self) -> list[Evaluation]:
        """What it makes, whether that exists or not."""
        root = self.path.parent.parent
        return [evaluation_at(folder, self.choice, root=root) for folder in self.checkpoints]

    @property
    def arguments(self) -> list[str]:
        """What python is told to make it, or to go on with it."""
        root = self.path.parent.parent.resolve()
        out = ["--out", str(root)] if root != EVALUATIONS else []
        return ["-m", "snnpar", "evaluate", *map(str, self.checkpoints), *self.choice.arguments(), *out]

    def _request(self) -> dict:
        try:
            content = upgraded(EVALUATION, json.loads((self.path / REQUEST).read_text("utf-8")), self.path / REQUEST)
            return {name: content[name] for name in ("checkpoints", "choice")}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise EvaluationError(f"{self.path / REQUEST} cannot be read ({error}); delete the folder") from error


def batch_at(checkpoints: Sequence[Path], choice: DataChoice, *, root: Path | None = None) -> EvaluationBatch:
    """The batch of these checkpoints on these images, whether it exists or not."""
    text = json.dumps(_content(checkpoints, choice))
    return EvaluationBatch((root or snnpar.EVALUATIONS) / FOLDER / hashlib.sha256(text.encode()).hexdigest()[:12])


def _content(checkpoints: Sequence[Path], choice: DataChoice) -> dict:
    return {"checkpoints": list(dict.fromkeys(map(os.path.abspath, checkpoints))), "choice": asdict(choice)}


def create_batch(checkpoints: Sequence[Path], choice: DataChoice, *, root: Path | None = None) -> EvaluationBatch:
    """The same, with its folder; one that exists stays as it is."""
    batch, content = batch_at(checkpoints, choice, root=root), _content(checkpoints, choice)
    if not batch.exists:
        try:
            make_folder(batch.path)
            write_text(batch.path / REQUEST, json.dumps(stamped(EVALUATION, content), indent=1) + "\n")
            write_status(batch, state="created")
        except OSError:
            shutil.rmtree(batch.path, ignore_errors=True)  # a disk is full; half of a request is none
            raise
    return batch


def launch_batch(batch: EvaluationBatch) -> None:
    """Run it, or go on with it, in a process of its own. Raises JobError while it, or another, is under way."""
    for other in list_batches(batch.path.parent.parent):
        if other != batch and status(other).is_active:
            raise JobError("another batch of evaluations is under way; wait for it or cancel it")
    start(batch, batch.arguments)


def list_batches(root: Path | None = None) -> list[EvaluationBatch]:
    """All of them, the one begun or ended last first."""
    found = [EvaluationBatch(path.parent) for path in ((root or snnpar.EVALUATIONS) / FOLDER).glob(f"*/{REQUEST}")]
    return sorted(found, key=lambda one: modified(one.path / "status.json"), reverse=True)


def forget(batch: EvaluationBatch) -> None:
    """Remove its folder; the evaluations stay. Raises JobError while it is under way."""
    if status(batch).is_active:
        raise JobError("it is under way; cancel it first")
    shutil.rmtree(batch.path)


def run_batch(
    batch: EvaluationBatch, *, again: bool = False, stop: Callable[[], bool] = lambda: False, **how: object
) -> list[Evaluation]:
    """Evaluate one checkpoint after the other in this process; `how`: as `evaluate_checkpoint` takes it.

    A checkpoint that cannot be evaluated does not hold the others up: EvaluationError says in the end which and why.
    Raises EvaluationStopped when `stop()` says so, and JobError while another process works on it.
    """
    with claim(batch):
        write_status(batch, state="running")
    work = _BatchProgress(batch, stop, todo=sum(again or not one.is_complete for one in batch.evaluations))
    try:
        with beating(batch.path):
            batch.choice.open()  # what is wrong with the images is said once
            made, failed = _run(batch, work, again, how)
    except (EvaluationStopped, KeyboardInterrupt):
        write_status(batch, state="stopped", message=f"stopped on request, {work.done} of {work.total} done")
        raise
    except BaseException as error:
        write_status(batch, state="failed", message=str(error) or type(error).__name__)
        raise
    if failed:
        message = f"{len(failed)} of {work.total} could not be evaluated: {'; '.join(failed)}"
        write_status(batch, state="failed", message=message)
        raise EvaluationError(message)
    write_status(batch, state="done", message=f"{work.total} evaluated")
    return made


def _run(batch: EvaluationBatch, work: _BatchProgress, again: bool, how: dict) -> tuple[list[Evaluation], list[str]]:
    """What was made, and why the rest was not."""
    made, failed = [], []
    for folder, evaluation in zip(batch.checkpoints, batch.evaluations, strict=True):
        work.begin(evaluation, skipped=evaluation.is_complete and not again)
        try:
            made.append(
                evaluate_checkpoint(
                    folder, batch.choice, root=evaluation.path.parent, again=again, stop=work.tick, **how
                )
            )
        except (SnnparError, OSError) as error:
            failed.append(f"{checkpoint_name(folder)}: {error}")
        work.end()
    return made, failed


@dataclass
class _BatchProgress:
    """How far a batch is; writes its sign of life. Time is told by checkpoints, of which `todo` take any."""

    batch: EvaluationBatch
    stop: Callable[[], bool]
    todo: int
    done: int = 0
    _current: Evaluation | None = None
    _skipped: bool = False
    _computed: float = 0.0  # checkpoints that were computed here; a part of one counts
    _before: float = 0.0  # part of the current one that earlier sessions did
    _saved: float = 0.0
    _began: float = field(default_factory=lambda: time.monotonic())

    @property
    def total(self) -> int:
        return len(self.batch.checkpoints)

    def begin(self, evaluation: Evaluation, *, skipped: bool) -> None:
        """The next checkpoint."""
        self._current, self._skipped = evaluation, skipped
        self._before = self._part()
        self.save()

    def tick(self) -> bool:
        """Asked before every batch of images: shall it stop?"""
        if time.monotonic() - self._saved > HEARTBEAT_S:
            self.save()
        return self.stop()

    def end(self) -> None:
        """The checkpoint is done, or cannot be."""
        if not self._skipped:
            self._computed += 1 - self._before
            self.todo -= 1
        self.done, self._current = self.done + 1, None
        self.save()

    def save(self) -> None:
        """Write progress.json."""
        self._saved, part = time.monotonic(), self._part()
        computed = self._computed + part - (self._before if self._current else 0.0)
        seconds = time.monotonic() - self._began
        content = {
            "done": self.done,
            "total": self.total,
            "current": self._current and self._current.name,
            "part": round(part, 4),
            "seconds": round(seconds, 1),
            "eta_s": round(seconds / computed * (self.todo - part), 1) if computed > 0 else None,
        }
        write_text(self.batch.path / PROGRESS, json.dumps(content) + "\n")

    def _part(self) -> float:
        """Of the current checkpoint's images, those that are done."""
        if self._current is None or self._skipped:
            return 0.0
        with suppress(EvaluationError):  # being written
            known = self._current.progress()
            return known["done"] / known["n"] if known.get("n") else 0.0
        return 0.0
