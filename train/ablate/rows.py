"""A row of an ablation is what it changes; its runs are made, trained and known again by their settings."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from snnpar import ROOT
from snnpar.checkpoint import find_checkpoint, read_checkpoint
from snnpar.config import TrainConfig
from snnpar.config.flags import config_from, given
from snnpar.core.programs import module
from snnpar.models import preset
from snnpar.runs.jobs import status
from snnpar.runs.run import Run, RunError, create_run, open_run, pinned

from ..distill import check_teacher

DISTILLATION = {
    "none": {"feature_kd": False, "logit_kd": False},
    "features": {"feature_kd": True, "logit_kd": False},
    "logits": {"feature_kd": False, "logit_kd": True},
    "both": {"feature_kd": True, "logit_kd": True},
}


@dataclass(frozen=True)
class AblationRow:
    """What to train: `settings` by field of TrainConfig, on top of the flags; its runs lie in OUT/<folder>-seed<n>."""

    name: str
    folder: str
    settings: dict[str, Any]


def train_rows(rows: Sequence[AblationRow], options: argparse.Namespace) -> dict[tuple[str, int], Run]:
    """The finished run of every row's name and seed.

    By seed, so that an early look compares like with like; all are made first, so that a mistake shows at once.
    """
    runs = {(row.name, seed): prepare(row, seed, options) for seed in options.seeds for row in rows}
    for run in runs.values():
        finish(run)
    return runs


def run_config(row: AblationRow, seed: int, options: argparse.Namespace) -> TrainConfig:
    """The row's config: what the flags say, with its own settings and the seed; never a first run's recipe unasked."""
    values = {"recipe": "default"} | given(options) | row.settings | {"seed": seed, "role": "student"}
    if not (values["feature_kd"] or values["logit_kd"]):
        values["teacher"] = ""
    return config_from(argparse.Namespace(**values))


def prepare(row: AblationRow, seed: int, options: argparse.Namespace) -> Run:
    """The run of a row and seed, made unless it exists. Raises RunError if the one there has other settings."""
    path, config = options.out / f"{row.folder}-seed{seed}", pinned(run_config(row, seed, options))
    if config.distillation.is_on:
        check_teacher(read_checkpoint(find_checkpoint(config.distillation.teacher)), preset(config.model.name), config)
    if not path.exists():
        return create_run(config, path)
    run = open_run(path)
    if result_settings(run.config) != result_settings(config):
        raise RunError(f"{path} was trained with other settings; give another --out, or remove it")
    return run


def result_settings(config: TrainConfig) -> dict[str, object]:
    """The settings that decide a result; where data and teacher lie, and how many threads work, are the machine's."""
    machine = ("data", "teacher", "init", "threads", "device")
    return {name: value for name, value in config.settings().items() if name not in machine}


def finish(run: Run) -> None:
    """Train what is left of a run."""
    current = status(run)
    if current.is_active:
        raise RunError(f"{run.path} is being trained by process {current.pid}; wait for it or stop it")
    if current.state == "done":
        return
    print(f"training {run.name}", flush=True)
    command = [sys.executable, "-m", module(), "--run", str(run.path), "--resume"]
    ended = subprocess.run(command, cwd=ROOT, check=False)
    current = status(run)
    if ended.returncode or current.state != "done":
        raise RunError(f"{run.name} ended {current.state}: {current.message}; run the same command to go on")


def cells(words: list[str]) -> str:
    """One line of a markdown table."""
    return f"| {' | '.join(words)} |"
