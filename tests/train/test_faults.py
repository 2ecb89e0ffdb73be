"""Runs that are moved, starved or fed nonsense: nothing is lost, and what happened is told."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from same_runs import assert_same

from snnpar import ROOT
from snnpar.config import TrainConfig
from snnpar.core.errors import SnnparError
from snnpar.core.pulse import JobGone
from snnpar.datasets import ResizedImages
from snnpar.runs.jobs import status, write_status
from snnpar.runs.run import Run, create_run
from train import attributes, loop, step
from train.state import read_progress, saved_states


def _moved(run: Run) -> None:
    run.path.rename(run.path.with_name("moved"))


def _deleted(run: Run) -> None:
    shutil.rmtree(run.path)


def _replaced(run: Run) -> None:
    _moved(run)
    run.path.mkdir()


def _taken_over(run: Run) -> None:
    write_status(run, state="running", pid=1, host="node7")


@pytest.mark.parametrize("step", [1, 4], ids=["amid an epoch", "before validation"])
@pytest.mark.parametrize("happens", [_moved, _deleted, _replaced, _taken_over])
def test_a_run_that_is_gone_stops_and_writes_nothing_more(
    quick: TrainConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    happens: Callable[[Run], None],
    step: int,
) -> None:
    run, left = create_run(quick.changed(log_steps=1), tmp_path / "run"), []
    count, original = iter(range(1, 100)), loop.train_step

    def files() -> list:
        return sorted((path, path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file())

    def interrupted(*arguments: object) -> dict:
        told = original(*arguments)
        if next(count) == step:
            happens(run)
            left.extend(files())
        return told

    monkeypatch.setattr(loop, "train_step", interrupted)
    why = "taken over by process 1 on node7" if happens is _taken_over else "moved or deleted"
    with pytest.raises(JobGone, match=why):
        loop.train(run)
    assert files() == left and why in caplog.text


def test_a_config_changed_while_the_run_waited_is_refused(quick: TrainConfig, tmp_path: Path) -> None:
    run = create_run(quick.changed(epochs=1), tmp_path / "run")
    loop.train(run)
    content = json.loads((run.path / "config.json").read_text())
    content["train"]["optimisation"]["batch_size"] //= 2
    (run.path / "config.json").write_text(json.dumps(content))
    with pytest.raises(SnnparError, match="batch_size .* where the saved state was trained with"):
        loop.train(run, resume=True)


def test_a_loss_that_is_not_finite_names_step_and_images_and_saves(
    quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    terms, count = attributes.loss_terms, iter(range(100))

    def spoiled(*arguments: object) -> dict:
        found = terms(*arguments)
        return {name: term * float("nan") for name, term in found.items()} if next(count) == 3 else found

    run = create_run(quick, tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(attributes, "loss_terms", spoiled)
        with pytest.raises(
            SnnparError,
            match=r"the loss is nan at epoch 2, step 4; resume goes on after epoch 2 of "
            r"\d, step 3 of \d. Lower --lr .*: \d{6}\.png.*",
        ):
            loop.train(run)
    assert status(run).state == "failed" and ".png" in status(run).message
    assert "the images of the batch: " in caplog.text and caplog.text.count(".png") >= 8
    whole = create_run(quick, tmp_path / "whole")
    loop.train(whole)
    loop.train(run, resume=True)  # the nonsense came from outside this time
    assert_same(run, whole)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate"),
        torch.OutOfMemoryError("CUDA out of memory"),
    ],
)
def test_too_little_memory_suggests_the_batch_that_fits(
    quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    terms = step.part_terms

    def starved(session: object, part: int, indices: object, pixels: object) -> object:
        if len(indices) > 4:
            raise error
        return terms(session, part, indices, pixels)

    monkeypatch.setattr(step, "part_terms", starved)
    run = create_run(quick, tmp_path / "run")
    with pytest.raises(SnnparError, match=r"memory is not enough .*--batch-size 4 fits .*--accumulate"):
        loop.train(run)
    assert status(run).state == "failed" and saved_states(run.path)


def test_a_worker_that_dies_stops_the_run_with_a_state(
    quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = create_run(quick, tmp_path / "whole")
    loop.train(whole)
    run = create_run(quick.changed(workers=1), tmp_path / "run")
    pixels, parent = ResizedImages.pixels, os.getpid()

    def dies(self: ResizedImages, indices: object) -> object:
        if os.getpid() != parent and self.split.name.endswith("train"):
            os.kill(os.getpid(), signal.SIGKILL)
        return pixels(self, indices)

    with monkeypatch.context() as patch:
        patch.setattr(ResizedImages, "pixels", dies)
        with pytest.raises(RuntimeError, match="a process that prepares images has ended"):
            loop.train(run)
    assert status(run).state == "failed" and "resume" in status(run).message and saved_states(run.path)
    loop.train(run, resume=True)
    assert_same(run, whole)


def test_an_error_on_saving_leaves_the_last_state(
    quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, save, count = create_run(quick, tmp_path / "run"), loop.save_state, iter(range(100))

    def full(*arguments: object) -> object:
        if next(count) == 1:
            (run.path / "states" / "writing").mkdir()
            raise OSError(errno.ENOSPC, "No space left on device")
        return save(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_state", full)
        with pytest.raises(SnnparError, match=r"the disk is full; resume goes on after epoch 1 of 3, step 2 of 6\."):
            loop.train(run)
    assert status(run).state == "failed" and not (run.path / "states" / "writing").exists()
    whole = create_run(quick, tmp_path / "whole")
    loop.train(whole)
    loop.train(run, resume=True)
    assert_same(run, whole)


def test_a_disk_that_fills_up_leaves_the_last_state_and_a_clear_error(quick: TrainConfig, tmp_path: Path) -> None:
    """A real one, of a few megabytes, with room for two states and a half."""
    whole, disk = create_run(quick.changed(epochs=1), tmp_path / "whole"), tmp_path / "disk"
    loop.train(whole)
    (state,) = saved_states(whole.path)
    room = 2.5 * size_of(state) + size_of(whole.path) - size_of(state)
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={room:.0f}", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by the administrator only")
    try:
        run = create_run(quick.changed(epochs=100), disk / "run")
        done = subprocess.run(
            [sys.executable, "-m", "train", "--run", run.path],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
            env={**os.environ, "SNNPAR_CHECKPOINTS": str(tmp_path / "elsewhere")},
        )
        assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr[-2000:]
        assert status(run).state == "failed", done.stderr[-2000:]
        assert "the disk is full; resume goes on after epoch" in status(run).message
        assert read_progress(saved_states(run.path)[0]) is not None
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


def size_of(folder: Path) -> int:
    """Bytes of all files below."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
