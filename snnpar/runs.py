"""Runs: a training run is a folder, and the folder is the only truth about it.

config.json {model, schema, train, provenance}, metrics.jsonl (one line per epoch and per logged step), log.txt,
status.json (who runs it and how it ended), model.safetensors (best epoch so far), last/ (state to resume from).
A finished run is a checkpoint as it stands.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from snnpar import ROOT, RUNS
from snnpar.checkpoint import CONFIG, WEIGHTS, read_checkpoint, write_config, write_text
from snnpar.config import ConfigError, TrainConfig, from_dict, to_dict
from snnpar.models import SMALL, preset, role_of
from snnpar.recipes import to_arguments
from snnpar.schema import load_schema

STALLED_AFTER_S = 120  # no heartbeat for this long while the process lives


class RunError(ValueError):
    """A run that cannot be created, found or controlled; the message says why."""


@dataclass(frozen=True)
class Run:
    """One run directory."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

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
    """Make a run directory holding the config; refuses a directory that is not empty."""
    model_name = config.model or SMALL[config.role]
    model = preset(model_name)
    if role_of(model) != config.role:
        raise ConfigError(f"{model_name} is a {role_of(model)}, not a {config.role}; change --model or --role")
    path = path or root / new_name(config)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RunError(f"{path} is not empty; give a new folder, or resume the run in it with --run {path} --resume")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{path} cannot be made ({error.strerror}); give another folder") from error
    provenance = {"created": datetime.now().astimezone().isoformat(timespec="seconds"), "commit": commit()}
    write_config(path, model, load_schema("pa100k"), to_dict(config), provenance)
    write_status(Run(path), state="created")
    return Run(path)


def new_name(config: TrainConfig) -> str:
    """A name that sorts by time and cannot clash: 20261121-141530-student-rendered-1a2b."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    return f"{stamp}-{config.role}-{config.dataset}-{os.urandom(2).hex()}"


def commit() -> str:
    """The commit of the code, with '+' when files differ from it; empty outside a git checkout."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def open_run(path: str | Path) -> Run:
    """An existing run. Raises RunError when there is none."""
    path = Path(path).expanduser()
    if not (path / CONFIG).is_file():
        raise RunError(f"{path} is not a run: it has no {CONFIG}")
    return Run(path)


def list_runs(root: Path = RUNS) -> list[Run]:
    """All runs, the one created last first."""
    return [Run(path.parent) for path in sorted(root.glob(f"*/{CONFIG}"), key=_modified, reverse=True)]


def launch(run: Run, *, resume: bool = False) -> None:
    """Start `python -m train --run DIR` detached: its own session, no pipe, output to log.txt."""
    if status(run).is_active:
        raise RunError(f"{run.name} is already running")
    command = [sys.executable, "-m", "train", "--run", str(run.path.resolve()), *(["--resume"] if resume else [])]
    with open(run.path / "log.txt", "ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                   start_new_session=True)
    write_status(run, state="running", **process_identity(process.pid))


def process_identity(pid: int) -> dict:
    """What tells this process from a later one with the same number."""
    return {"pid": pid, "started": psutil.Process(pid).create_time()}


def write_status(run: Run, **values: object) -> None:
    """Replace status.json."""
    write_text(run.path / "status.json", json.dumps({**values, "written": time.time()}) + "\n")


@dataclass(frozen=True)
class RunStatus:
    """state: created, running, stalled, stopped, failed, lost or done; message: why it ended, if it did."""

    state: str
    message: str = ""
    pid: int | None = None

    @property
    def is_active(self) -> bool:
        return self.state in ("running", "stalled")


def status(run: Run) -> RunStatus:
    """The state as the files and the process table show it; a dead process is never 'running'."""
    try:
        written = json.loads((run.path / "status.json").read_text("utf-8"))
        state = written["state"]
    except (OSError, ValueError, KeyError, TypeError):
        return RunStatus("lost", "status.json is missing or unreadable; resume the run")
    if state != "running":
        return RunStatus(state, written.get("message", ""))
    if not is_alive(written):
        if written.get("stop_requested"):
            return RunStatus("stopped", "stopped on request before the first step; resume starts it")
        return RunStatus("lost", "the process ended without saying why; see the log, then resume")
    quiet = time.time() - max(written.get("written", 0), _modified(run.path / "metrics.jsonl"))
    return RunStatus("stalled" if quiet > STALLED_AFTER_S else "running", pid=written["pid"])


def is_alive(written: dict) -> bool:
    """Does the process that status.json names still run?"""
    try:
        process = psutil.Process(written["pid"])
        same = abs(process.create_time() - written["started"]) < 2
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, TypeError, ValueError, OverflowError):
        return False


def _modified(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def stop(run: Run) -> None:
    """Ask the run to end after its step; a resume goes on after its last whole epoch."""
    current = status(run)
    if not current.is_active:
        raise RunError(f"{run.name} is not running (it is {current.state})")
    try:
        # A process that is still starting dies of the signal; the mark tells that from a crash.
        write_status(run, state="running", stop_requested=True, **process_identity(current.pid))
        os.kill(current.pid, signal.SIGTERM)
    except (psutil.NoSuchProcess, ProcessLookupError):
        raise RunError(f"{run.name} has just ended") from None


def read_metrics(run: Run, kind: str = "epoch") -> list[dict]:
    """The lines of one kind ('epoch' or 'step') in metrics.jsonl; a half-written last line is left out."""
    path = run.path / "metrics.jsonl"
    if not path.exists():
        return []
    rows = []
    for line in path.read_text("utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if row.get("kind") == kind:
            rows.append(row)
    return rows


def read_log(run: Run, lines: int = 40) -> str:
    """The end of log.txt; a progress bar's carriage returns become its last state."""
    path = run.path / "log.txt"
    if not path.exists():
        return ""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 64_000))
        text = file.read().decode("utf-8", "replace")
    ended = text.rstrip("\n").split("\n")[-lines:]  # splitlines would split at carriage returns too
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in ended)
