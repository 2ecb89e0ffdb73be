"""Runs: a training run is a folder, and the folder is the only truth about it.

config.json {model, schema, train, provenance}, metrics.jsonl (one line per epoch and per logged step), log.txt,
status.json (who runs it and how it ended), unreadable.txt (images that could not be read, if any), model.safetensors
(best epoch so far), last/ (state to resume from).
A finished run is a checkpoint as it stands.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from snnpar import RUNS
from snnpar.checkpoint import CONFIG, WEIGHTS, read_checkpoint, write_config
from snnpar.config import ConfigError, TrainConfig, from_dict, to_dict
from snnpar.datasets import phrases_for, schema_of
from snnpar.jobs import Job, modified, start, write_status
from snnpar.models import SMALL, preset, role_of
from snnpar.provenance import commit
from snnpar.recipes import to_arguments

UNREADABLE = "unreadable.txt"  # split, file and reason of each image that could not be read


class RunError(ValueError):
    """A run that cannot be created or found; the message says why."""


@dataclass(frozen=True)
class Run(Job):
    """One run directory."""

    @property
    def config(self) -> TrainConfig:
        return from_dict(TrainConfig, read_checkpoint(self.path).train)

    @property
    def command(self) -> list[str]:
        """The command line that trains this run anew."""
        return ["python", "-m", "train", *to_arguments(self.config)]

    @property
    def is_loadable(self) -> bool:
        """Has it weights to load?"""
        return (self.path / WEIGHTS).is_file()


def create_run(config: TrainConfig, path: Path | None = None, *, root: Path = RUNS) -> Run:
    """Make a run directory holding the config; refuses a directory that is not empty.

    Raises DataError when attributes have to be read from the data, ConfigError when a teacher lacks phrase vectors.
    """
    model_name = config.model or SMALL[config.role]
    model = preset(model_name)
    if role_of(model) != config.role:
        raise ConfigError(f"{model_name} is a {role_of(model)}, not a {config.role}; change --model or --role")
    schema = schema_of(config)
    if config.role == "teacher":  # its projection takes the phrase vectors there are, whatever made them
        model = replace(model, text_dim=phrases_for(config, schema).vectors.shape[1])
    path = path or root / new_name(config)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RunError(f"{path} is not empty; give a new folder, or resume the run in it with --run {path} --resume")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{path} cannot be made ({error.strerror}); give another folder") from error
    provenance = {"created": datetime.now().astimezone().isoformat(timespec="seconds"), "commit": commit()}
    write_config(path, model, schema, to_dict(config), provenance)
    write_status(Run(path), state="created")
    return Run(path)


def new_name(config: TrainConfig) -> str:
    """A name that sorts by time and cannot clash: 20261121-141530-student-rendered-1a2b."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    return f"{stamp}-{config.role}-{config.dataset}-{os.urandom(2).hex()}"


def open_run(path: str | Path) -> Run:
    """An existing run. Raises RunError when there is none."""
    path = Path(path).expanduser()
    if not (path / CONFIG).is_file():
        raise RunError(f"{path} is not a run: it has no {CONFIG}")
    return Run(path)


def list_runs(root: Path = RUNS) -> list[Run]:
    """All runs, the one created last first."""
    return [Run(path.parent) for path in sorted(root.glob(f"*/{CONFIG}"), key=modified, reverse=True)]


def launch(run: Run, *, resume: bool = False) -> None:
    """Train the run in its own process, which outlives this one."""
    start(run, ["-m", "train", "--run", str(run.path.resolve()), *(["--resume"] if resume else [])])
