"""Runs that are killed, starved or fed nonsense: nothing is lost, and what happened is told."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch
from ranks import plain_main
from safetensors.torch import load_file

from snnpar import ROOT
from snnpar.config import TrainConfig
from snnpar.core.errors import SnnparError
from snnpar.core.pulse import JobGone
from snnpar.datasets import ResizedImages
from snnpar.models import preset
from snnpar.runs.jobs import status, write_status
from snnpar.runs.run import Run, create_run, open_run
from train import attributes, loop, step
from train.metrics_log import METRICS
from train.state import read_progress, saved_states

CLOCK = ("time", "images_per_s", "eta_s", "memory_gb")  # what of a line is not the training's result


def lines(run: Run) -> list[dict]:
    rows = [json.loads(line) for line in (run.path / METRICS).read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in CLOCK} for row in rows]


def assert_same(run: Run, whole: Run) -> None:
    """Bit for bit: every line of metrics, the kept weights, and everything in the last state."""
    assert lines(run) == lines(whole)
    last, expected = saved_states(run.path)[0], saved_states(whole.path)[0]
    assert last.name == expected.name
    progress = read_progress(last)
    assert progress is not None and progress == read_progress(expected)
    pairs = [(path, expected / path.name) for path in last.glob("*.safetensors")]
    for one, other in [*pairs, *((r.path / "model.safetensors" for r in (run, whole)),)]:
        first, second = load_file(one), load_file(other)
        assert first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first), one


def train_in_child(path: str) -> None:
    torch.set_num_threads(1)
    loop.train(open_run(path), resume=True)


@pytest.fixture(scope="module")
def children() -> multiprocessing.context.ForkServerContext:
    """Processes that start at once, as torch is loaded already, and can be killed one by one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["train.loop"])
    return context


@pytest.mark.parametrize("workers", [0, 2])
def test_killed_at_random_points_and_resumed_it_equals_an_uninterrupted_run(
    quick: TrainConfig, tmp_path: Path, children: multiprocessing.context.ForkServerContext, workers: int
) -> None:
    """SIGKILL at ten points with each number of workers; a state is saved after every step, so saves are hit, too."""
    config = quick.changed(epochs=4, mixup=0.2, ema=0.9, save_seconds=0.0, log_steps=1)
    whole = create_run(config, tmp_path / "whole")
    began = time.monotonic()
    loop.train(whole)
    duration = time.monotonic() - began
    run, chance = create_run(config.changed(workers=workers), tmp_path / "run"), random.Random(workers)
    kills, amid_save = 0, 0
    while status(run).state != "done":
        child = children.Process(target=train_in_child, args=(str(run.path),))
        with plain_main():
            child.start()
        if kills < 10:
            child.join(chance.uniform(0.0, 0.5 * duration))
            kills += child.is_alive()
            child.kill()
            amid_save += (run.path / "states" / "writing").exists()
        child.join(120)
        assert kills == 10 or child.exitcode in (0, -signal.SIGKILL)
        if status(run).state == "done" and kills < 10:  # too fast: once more from the start
            shutil.rmtree(run.path)
            run = create_run(config.changed(workers=workers), run.path)
    assert kills == 10
    assert_same(run, whole)


@pytest.mark.parametrize("teacher_mode", ["eval", "train"])
def test_a_distilled_run_goes_on_amid_an_epoch(
    quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, teacher_mode: str
) -> None:
    """With the teacher's drifting statistics and the restorer, which are no part of the checkpoint."""
    tiny.write_checkpoint(tmp_path / "teacher", preset("vtb_conv_2_64"))
    config = quick.changed(
        epochs=2,
        log_steps=1,
        teacher=str(tmp_path / "teacher"),
        feature_kd=True,
        logit_kd=True,
        teacher_mode=teacher_mode,
        feature_mask=0.5,
        timestep_weight=1.0,
    )
    whole = create_run(config, tmp_path / "whole")
    loop.train(whole)
    run, count, original = create_run(config, tmp_path / "run"), iter(range(100)), loop.train_step

    def interrupted(*arguments: object) -> dict:
        if next(count) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "train_step", interrupted)
        loop.train(run)
    assert status(run).state == "stopped" and "resume goes on after epoch 2 of 2, step 3 of 4" in status(run).message
    names = {path.stem for path in saved_states(run.path)[0].glob("*.safetensors")}
    assert names == {"model", "average", "restorer", "optimizer"} | ({"teacher"} if teacher_mode == "train" else set())
    loop.train(run, resume=True)
    assert_same(run, whole)


# ---------------------------------------------------------------------------------------------------- faults


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
