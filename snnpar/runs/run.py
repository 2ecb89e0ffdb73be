"""Runs: a training run is a folder, and the folder is the only truth about it.

config.json {model, schema, train, provenance}, metrics.jsonl (one line per epoch and per logged step), log.txt,
status.json, asked.json and progress.json as every job (who runs it and how it ended, what is asked of it, how far it
is), unreadable.txt (images that could not be read, if any), model.safetensors (best epoch so far), step-0.safetensors
and result.json (see snnpar.metrics.gain), states/ (to resume from). A finished run is a checkpoint as it stands.

torch is imported by `create_run` alone, so that a run can wait for its turn without it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from pkgutil import resolve_name

import snnpar
from snnpar import CONFIG, WEIGHTS
from snnpar.config import TASKS, ConfigError, TrainConfig
from snnpar.config.recipes import to_arguments
from snnpar.config.sidecar import TOLD_LETTERS, read_config
from snnpar.core.disks import whole_folder
from snnpar.core.errors import SnnparError
from snnpar.core.places import place as path_of
from snnpar.core.programs import module, train_command
from snnpar.core.provenance import commit
from snnpar.hub import pin_checkpoint, pin_dataset
from snnpar.runs.claims import claim
from snnpar.runs.devices import device_key, enlist
from snnpar.runs.jobs import STATES as JOB_STATES
from snnpar.runs.jobs import Job, JobError, JobStatus, modified, processes, spawn, status, write_status
from snnpar.runs.resuming import check_resume

DAMAGED = "damaged"
STATES = (*JOB_STATES, DAMAGED)
UNREADABLE = "unreadable.txt"  # split, file and reason of each image that could not be read


class RunError(SnnparError):
    """A run that cannot be created or found; the message says why."""


@dataclass(frozen=True)
class Run(Job):
    """One run directory."""

    @property
    def config(self) -> TrainConfig:
        """How it is trained. Raises ConfigError naming the file."""
        path = self.path / CONFIG
        try:
            return TrainConfig.from_dict(read_config(path)["train"])
        except (OSError, SnnparError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ConfigError(f"{path} is not the config of a run: {str(error)[:TOLD_LETTERS]}") from error

    @property
    def command(self) -> list[str]:
        """The command line that trains this run anew."""
        return [*train_command(), *to_arguments(self.config)]

    @property
    def is_shipped(self) -> bool:
        """Did it come with the program? It is looked at, never written."""
        return self.path.parent == shipped_root()

    @property
    def is_loadable(self) -> bool:
        """Has it weights to load?"""
        return (self.path / WEIGHTS).is_file()


def run_status(run: Run) -> JobStatus:
    """As of every job; a run whose config cannot be used and that no process works on is damaged, and says why."""
    now = status(run)
    if now.is_active or now.state == "done" and run.is_loadable:
        return now
    try:
        _ = run.config
    except ConfigError as error:
        return JobStatus(DAMAGED, f"{error}. It cannot go on; fix that file, or delete the run")
    return now


def create_run(config: TrainConfig, path: Path | None = None, *, root: Path | None = None) -> Run:
    """Make a run directory holding the config; refuses a directory that is not empty.

    What it takes from the Hub is pinned to its commit. Raises DataError when attributes have to be read from the data,
    ConfigError when a teacher lacks phrase vectors, HubError when a commit cannot be found out.
    """
    from snnpar.checkpoint import write_config
    from snnpar.datasets import phrases_for
    from snnpar.models import preset, role_of, takes_text, unnamed

    model_name = config.model.name or unnamed(config.model.role, config.recipe, config.task.name)
    model = preset(model_name)
    if role_of(model) != config.model.role:
        raise ConfigError(f"{model_name} is a {role_of(model)}, not a {config.model.role}; change --model or --role")
    config = pinned(config)
    schema = resolve_name(TASKS[config.task.name].schema)(config)
    if takes_text(model):  # its projection takes the phrase vectors there are, whatever made them
        model = replace(model, text_dim=phrases_for(config, schema).vectors.shape[1])
    path = path or (root or snnpar.RUNS) / new_name(config)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RunError(f"{path} is not empty; give a new folder, or resume the run in it with --run {path} --resume")
    provenance = {"created": datetime.now().astimezone().isoformat(timespec="seconds"), "commit": commit()}
    try:
        with whole_folder(path):
            write_config(path, model, schema, config.settings(), provenance)
            write_status(Run(path), state="created", worked=False)
    except OSError as error:
        raise RunError(f"{path} cannot be made ({error.strerror}); give another folder, or free some space") from error
    return Run(path)


def pinned(config: TrainConfig) -> TrainConfig:
    """The config with every id of the Hub at the commit that its revision means now. Raises HubError."""
    cache = snnpar.CHECKPOINTS / "hub"
    return config.changed(
        data=pin_dataset(config.data.folder, cache=snnpar.CHECKPOINTS / "hub-data"),
        teacher=pin_checkpoint(config.distillation.teacher, cache=cache),
        init=pin_checkpoint(config.model.init, cache=cache),
    )


def new_name(config: TrainConfig) -> str:
    """A name that sorts by time and cannot clash: 20261121-141530-student-rendered-1a2b."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    return f"{stamp}-{config.model.role}-{config.data.dataset}-{os.urandom(2).hex()}"


def open_run(path: str | Path) -> Run:
    """An existing run. Raises RunError when there is none."""
    path = path_of(path)
    if not (path / CONFIG).is_file():
        raise RunError(f"{path} is not a run: it has no {CONFIG}")
    return Run(path)


def list_runs(root: Path | None = None) -> list[Run]:
    """All runs, the one created last first, but for `unnamed_runs`."""
    paths = [path for path in (root or snnpar.RUNS).glob(f"*/{CONFIG}") if _is_text(path.parent.name)]
    return [Run(path.parent) for path in sorted(paths, key=modified, reverse=True)]


def shipped_root() -> Path:
    """Where the runs lie that come with the program."""
    return snnpar.ASSETS / "runs"


def unnamed_runs(root: Path | None = None) -> list[str]:
    """Folders of runs whose names are no UTF-8, which neither a page nor a file of ours could say; with ? in them."""
    names = sorted(path.parent.name for path in (root or snnpar.RUNS).glob(f"*/{CONFIG}"))
    return [name.encode("utf-8", "replace").decode() for name in names if not _is_text(name)]


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def find_run(name: str, *, root: Path | None = None) -> Run:
    """The run of this name, or the only one whose name begins so. Raises RunError, listing the runs there are."""
    if not name or name.startswith(("-", ".")) or {"/", "\\", "\0"} & set(name):
        raise RunError(f"{name!r} cannot be the name of a run; give one that `python -m snnpar runs list` shows")
    runs = {run.name: run for run in list_runs(root or snnpar.RUNS)}
    found = [name] if name in runs else [one for one in runs if one.startswith(name)]
    if len(found) != 1:
        there = ", ".join(found or list(runs)[:10]) or "none yet"
        raise RunError(f"{'more than one run begins with' if found else 'no run is called'} {name}; there are: {there}")
    return runs[found[0]]


def launch(run: Run, *, resume: bool = False) -> None:
    """Train the run in its own process, which outlives this one and waits for its turn on the device.

    Raises JobError when a process works on it already, RunError when it is trained and not to be resumed, ConfigError
    when it cannot go on as its config.json stands; nothing has changed then.
    """
    with claim(run):
        check_start(run, resume=resume)
        arguments = ["-m", module(), "--run", str(run.path.resolve()), *(["--resume"] if resume else [])]
        spawn(run, arguments, **enlist(run, device_key(run.config)))


def check_start(run: Run, *, resume: bool) -> None:
    """Raise RunError when training the run would overwrite what is there, ConfigError when it cannot go on."""
    if run.is_shipped:
        raise RunError(f"{run.name} came with the program and is only looked at; start a run of your own")
    if resume:
        check_resume(run)
    elif run.is_loadable:
        raise RunError(f"{run.path} has already been trained; add --resume to go on, or start a new run")


def delete_run(run: Run, *, root: Path | None = None) -> None:
    """Remove a run's folder for good.

    Raises RunError unless it is a run in `root`, of which nothing lives; JobError while it is active.
    """
    root = (root or snnpar.RUNS).resolve()
    open_run(run.path)
    if run.path.is_symlink() or root not in run.path.resolve().parents:
        raise RunError(f"{run.path} is not a folder in {root}; remove it by hand if you mean it")
    with claim(run):
        if left := processes(run):
            raise RunError(f"{run.name} has left {len(left)} processes behind; kill it first")
        shutil.rmtree(run.path)


def delete_runs(runs: Iterable[Run], *, said: Callable[[Run], object] = lambda _run: None) -> dict[str, str]:
    """Remove the folders of many runs for good, calling `said` after each; why each of the others stays, by name."""
    refused = {}
    for run in runs:
        try:
            delete_run(run)
        except (RunError, JobError, OSError) as error:
            refused[run.name] = str(error)
        else:
            said(run)
    return refused
