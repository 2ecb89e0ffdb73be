"""Runs as rows of a table: what is known of each, those that a filter lets through, and CSV."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from snnpar import CONFIG
from snnpar.config import ConfigError, TrainConfig, without_folders
from snnpar.config.sidecar import read_config
from snnpar.core.errors import SnnparError
from snnpar.metrics.pedestrian import SUPPORTED
from snnpar.runs.history import METRICS, History, best_epoch, how_far, read_history, seconds_at_work
from snnpar.runs.jobs import PROGRESS, modified, read_progress
from snnpar.runs.notes import NOTES, read_notes
from snnpar.runs.run import DAMAGED, Run, list_runs, run_status

log = logging.getLogger(__name__)
FORMULA = "=+-@\t\r\n＝＋－＠"  # what a spreadsheet takes for the beginning of a formula


@dataclass(frozen=True)
class RunRow:
    """What a table says about a run; None where nothing is known (yet).

    created: ISO 8601 with zone; teacher: of a distilled run, without its folders; epoch and step: of the last update,
    from 1; mean_accuracy and f1: fractions on the val_images images of the best epoch; supported: mean accuracy over
    the supported_attributes that enough of these have, without_positives: the attributes that none has; seconds: at
    work, pauses left out; eta_s: seconds left, while it is at work.
    """

    name: str
    state: str
    message: str
    tags: tuple[str, ...]
    note: str
    created: str
    role: str
    model: str
    dataset: str
    teacher: str
    epoch: int | None
    epochs: int | None
    step: int | None
    steps: int | None
    best_epoch: int | None
    mean_accuracy: float | None
    f1: float | None
    supported: float | None
    supported_attributes: int | None
    without_positives: tuple[str, ...]
    val_images: int | None
    seconds: float | None
    eta_s: float | None
    pid: int | None
    path: str


class RunTable:
    """The rows of all runs; of each, only the files that changed since the last look are read again."""

    def __init__(self) -> None:
        self._kept: dict[Path, tuple[tuple, dict]] = {}
        self._growing: dict[Path, History] = {}  # of runs at work, so that only what was added is read

    def rows(self, root: Path) -> list[RunRow]:
        """All runs in `root`, the one created last first; one that cannot be read is damaged, and hides no other."""
        runs = list_runs(root)
        self._kept = {run.path: self._kept[run.path] for run in runs if run.path in self._kept}
        return [self._row(run) for run in runs]

    def _row(self, run: Run) -> RunRow:
        try:
            return self.row(run)
        except Exception as error:  # whatever lies in its folder, or a fault of ours
            log.exception("%s cannot be read", run.path)
            return _damaged(run, f"{type(error).__name__}: {error}. Delete the run, or look into its folder")

    def row(self, run: Run) -> RunRow:
        now = run_status(run)
        stamps = tuple(_stamp(run.path / name) for name in (CONFIG, METRICS, NOTES, PROGRESS))
        before, known = self._kept.get(run.path, ((), {}))
        if stamps != before:
            history = read_history(run.path, self._growing.pop(run.path, None))
            if now.is_active:
                self._growing[run.path] = history
            known = _known(run, history)
            self._kept[run.path] = stamps, known
        eta_s = known["eta_s"] if now.state in ("running", "stopping") else None
        told: dict[str, Any] = known | {"eta_s": eta_s}
        return RunRow(name=run.name, state=now.state, message=now.message, pid=now.pid, path=str(run.path), **told)


def run_row(run: Run) -> RunRow:
    """The row of one run."""
    return RunTable().row(run)


def _damaged(run: Run, message: str) -> RunRow:
    """A row of which nothing else is known."""
    nothing: dict[str, Any] = {
        field.name: () if field.type == "tuple[str, ...]" else "" if field.type == "str" else None
        for field in fields(RunRow)
    }
    nothing |= {"name": run.name, "state": DAMAGED, "message": message, "path": str(run.path)}
    return RunRow(**nothing)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _known(run: Run, history: History) -> dict:
    """What a run's files say, but for its state."""
    content = _config_json(run)
    config = _config(content)
    progress, notes = read_progress(run), read_notes(run)
    best = best_epoch(history.epochs) or {}
    distils = config is not None and config.distillation.is_on
    eta = progress.get("eta_s")
    return {
        "tags": notes.tags,
        "note": notes.note,
        "created": _created(run, content),
        "role": config.model.role if config else "",
        "model": _model(content, config),
        "dataset": config.data.dataset if config else "",
        "teacher": without_folders(config.distillation.teacher) if config and distils else "",
        **how_far(history, progress, config.optimisation.epochs if config else None),
        "best_epoch": best.get("epoch"),
        "mean_accuracy": best.get("mean_accuracy"),
        "f1": best.get("f1"),
        "supported": best.get(SUPPORTED),
        "supported_attributes": best.get("supported_attributes"),
        "without_positives": tuple(best.get("without_positives", ())),
        "val_images": best.get("val_images"),
        "seconds": _seconds(history, config),
        "eta_s": eta if isinstance(eta, int | float) else None,
    }


def _config_json(run: Run) -> dict:
    try:
        return read_config(run.path / CONFIG)
    except (OSError, ValueError, SnnparError):
        return {}


def _config(content: dict) -> TrainConfig | None:
    """The settings; None if they cannot be used: a damaged run is listed, too."""
    try:
        return TrainConfig.from_dict(content["train"])
    except (ConfigError, TypeError, KeyError):
        return None


def _created(run: Run, content: dict) -> str:
    told = content.get("provenance")
    told = told.get("created") if isinstance(told, dict) else None
    try:
        return datetime.fromisoformat(told or "").astimezone().isoformat(timespec="seconds")
    except (TypeError, ValueError):
        return datetime.fromtimestamp(modified(run.path / CONFIG)).astimezone().isoformat(timespec="seconds")


def _model(content: dict, config: TrainConfig | None) -> str:
    """Its name, or the architecture of one that was not named."""
    if config and config.model.name:
        return config.model.name
    model = content.get("model")
    if not isinstance(model, dict) or not isinstance(architecture := model.get("architecture"), str):
        return ""
    return "_".join([architecture, *(str(model[name]) for name in ("depth", "dim") if name in model)])


def _seconds(history: History, config: TrainConfig | None) -> float | None:
    return seconds_at_work(history, config.optimisation.batch_size, config.optimisation.epochs) if config else None


def matching(
    rows: Iterable[RunRow], *, text: str = "", states: Sequence[str] = (), tags: Sequence[str] = ()
) -> list[RunRow]:
    """The rows in one of the states, with all of the tags, and with every word of the text anywhere; no care for case.

    Nothing asked for lets all through.
    """
    words = text.casefold().split()
    return [
        row
        for row in rows
        if (not states or row.state in states)
        and set(tags) <= set(row.tags)
        and all(word in _haystack(row) for word in words)
    ]


def _haystack(row: RunRow) -> str:
    return " ".join(
        (row.name, row.state, row.message, *row.tags, row.note, row.role, row.model, row.dataset, row.teacher)
    ).casefold()


def to_csv(rows: Iterable[RunRow]) -> str:
    """One line per row below one of names; tags with spaces between, numbers in full, text never as a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(field.name for field in fields(RunRow))
    for row in rows:
        values = asdict(row) | {"tags": " ".join(row.tags), "without_positives": " ".join(row.without_positives)}
        writer.writerow(as_text(value) if isinstance(value, str) else value for value in values.values())
    return file.getvalue()


def as_text(cell: str, mark: str = "'") -> str:
    """What a spreadsheet shows as text: with a mark before what it would take for a formula."""
    return mark + cell if cell.startswith(tuple(FORMULA)) or cell.lstrip().startswith(tuple(FORMULA)) else cell
