"""What a run's folder holds, read as it grows and kept between redraws."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import streamlit as st

import snnpar
from snnpar.checkpoint import CheckpointError, read_checkpoint
from snnpar.config import ConfigError, TrainConfig
from snnpar.core.errors import SnnparError
from snnpar.models import Layer, layers_of, unnamed
from snnpar.runs.history import History, read_history
from snnpar.runs.lens import Lens, LensError, lens_epochs, read_images, read_lens
from snnpar.runs.run import Run, shipped_root
from snnpar.runs.table import RunRow, RunTable


class _Reader:
    """The history of one folder, so that each redraw reads only what was added; shared by all sessions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: History | None = None

    def read(self, run: Path) -> History:
        with self._lock:
            self._known = read_history(run, self._known)
            return self._known


@st.cache_resource(max_entries=16, show_spinner=False)
def _reader(path: str) -> _Reader:
    return _Reader()


@st.cache_resource(show_spinner=False)
def _table() -> RunTable:
    return RunTable()


@st.cache_resource(show_spinner=False)
def _shipped_table() -> RunTable:
    return RunTable()


def rows(*, own: bool = True) -> list[RunRow]:
    """What the table says about each run, newest first, and in the end those that came with the program; only what
    changed is read again. `own`: also those that were made here.

    Where other checkpoints stand for the shipped ones, there are no shipped runs either.
    """
    here = ((snnpar.SHIPPED or snnpar.CHECKPOINTS) / unnamed("student")).is_dir()
    return [
        *(_table().rows(snnpar.RUNS) if own else []),
        *(_shipped_table().rows(shipped_root()) if here else []),
    ]


def history(run: Run) -> History:
    """The metrics up to now."""
    return _reader(str(run.path)).read(run.path)


def layers(run: Run) -> tuple[Layer, ...]:
    """The topology of what it trains; none if config.json cannot be used, and layers then go by their names."""
    try:
        return layers_of(read_checkpoint(run.path).model)
    except SnnparError:
        return ()


def config(run: Run) -> TrainConfig | None:
    """The settings; None if config.json cannot be used, which is told where the run is shown."""
    try:
        return run.config
    except (CheckpointError, ConfigError):
        return None


def lenses(run: Run) -> dict[int, Lens]:
    """The lenses by epoch, in order; those that cannot be read are left out."""
    found = {}
    for epoch in lens_epochs(run.path):
        try:
            found[epoch] = _lens(str(run.path), epoch, _changed(run.path / "lens" / f"epoch-{epoch:04d}.json"))
        except LensError:
            continue  # deleted or damaged; the others can be looked through
    return found


def pinned(run: Run, count: int) -> np.ndarray | None:
    """The pinned images, uint8 (count, H, W, 3), if the run has kept them."""
    return _pinned(str(run.path), count, _changed(run.path / "lens" / "images.png"))


@st.cache_resource(max_entries=2048, show_spinner=False)
def _lens(path: str, epoch: int, version: tuple[int, int]) -> Lens:
    return read_lens(Path(path), epoch)


@st.cache_resource(max_entries=16, show_spinner=False)
def _pinned(path: str, count: int, version: tuple[int, int]) -> np.ndarray | None:
    return read_images(Path(path), count)


def _changed(path: Path) -> tuple[int, int]:
    """What differs once a file is another."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)
