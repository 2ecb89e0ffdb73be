"""What a run needs to go on from a step: weights, optimizer and counters, as safetensors and JSON, without pickle.

states/epoch-00003-step-0000123/ holds one file per model, the optimizer's moments, and progress.json with the counters
and the SHA-256 of every file. A state is written beside, flushed to the disk and renamed, so that a process killed at
any moment leaves whole states only; the last two are kept, in case a disk damages one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from snnpar.checkpoint import load_strictly
from snnpar.core.atomic import share, write_text
from snnpar.core.hashing import file_sha256
from snnpar.runs.resuming import COUNTERS, STATES
from snnpar.runs.run import RunError

log = logging.getLogger("train")
KEPT = 2
PARTIAL = "writing"


def save_state(run: Path, models: dict[str, nn.Module], optimizer: torch.optim.Optimizer, progress: dict) -> Path:
    """Write the state at progress["epoch"] and progress["step"] of it, then drop all but the last two.

    Raises OSError, the older states intact.
    """
    folder = run / STATES
    partial, final = folder / PARTIAL, folder / f"epoch-{progress['epoch']:05d}-step-{progress['step']:07d}"
    drop_partial(run)
    folder.mkdir(exist_ok=True)  # not its parents: a run that was moved must not appear again where it was
    partial.mkdir()
    for name, model in models.items():
        state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
        save_file(state, partial / f"{name}.safetensors")
    save_file(_moments(optimizer), partial / "optimizer.safetensors")
    for path in partial.iterdir():
        share(path)
    files = {path.name: file_sha256(path) for path in sorted(partial.iterdir())}
    write_text(partial / COUNTERS, json.dumps({"files": files, "progress": progress, "check": _seal(files, progress)}))
    for path in (*partial.iterdir(), partial):
        _flush(path)
    shutil.rmtree(final, ignore_errors=True)  # only a damaged one can be there: the run went on from one before it
    partial.rename(final)
    _flush(folder)
    for old in saved_states(run)[KEPT:]:
        shutil.rmtree(old)
    return final


def drop_partial(run: Path) -> None:
    """Remove what a save that was interrupted left, to free its space."""
    shutil.rmtree(run / STATES / PARTIAL, ignore_errors=True)


def saved_states(run: Path) -> list[Path]:
    """The states of a run, the newest first."""
    return sorted((run / STATES).glob("epoch-*"), reverse=True)


def counted(state: Path) -> tuple[int, int]:
    """Whole epochs done, and steps done of the next one, of a saved state, from the name of its folder."""
    _, epoch, _, step = state.name.split("-")
    return int(epoch), int(step)


def load_state(run: Path, models: dict[str, nn.Module], optimizer: torch.optim.Optimizer) -> dict:
    """Restore the newest whole state and return its progress; {} when the run has saved nothing yet.

    Raises RunError when there are states but none is whole, or only one of an earlier version.
    """
    states = saved_states(run)
    for folder in states:
        progress = read_progress(folder)
        if progress is None:
            log.warning("%s is damaged; going on from the state before it", folder.name)
            continue
        for name, model in models.items():
            load_strictly(model, load_file(folder / f"{name}.safetensors"), folder / f"{name}.safetensors")
        _restore(optimizer, load_file(folder / "optimizer.safetensors"))
        return progress
    if states or (run / "last").exists():
        found = "no saved state of the run is whole" if states else "the run's state is of an earlier version"
        raise RunError(f"{found}; start a new run from its best weights with --init {run}")
    return {}


def read_progress(folder: Path) -> dict | None:
    """The counters of a state, None if any of its files is damaged."""
    try:
        content = json.loads((folder / COUNTERS).read_text("utf-8"))
        files, progress = content["files"], content["progress"]
        whole = content["check"] == _seal(files, progress)
        whole = whole and all(file_sha256(folder / name) == digest for name, digest in files.items())
        return progress if whole else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _moments(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    return {
        f"{index}.{name}": value.detach().cpu().contiguous()
        for index, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
        if isinstance(value, torch.Tensor)
    }


def _restore(optimizer: torch.optim.Optimizer, moments: dict[str, torch.Tensor]) -> None:
    state: dict[int, dict] = {}
    for key, value in moments.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _seal(files: dict, progress: dict) -> str:
    return hashlib.sha256(json.dumps([files, progress], sort_keys=True).encode()).hexdigest()


def _flush(path: Path) -> None:
    """Ask the system to write a file or folder to the disk, so that a power cut does not leave an empty one."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
