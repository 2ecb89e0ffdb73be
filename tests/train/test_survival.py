"""Runs that are killed or stopped amid an epoch go on as if nothing had been."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
import tiny
import torch
from ranks import plain_main
from same_runs import assert_same

from snnpar.config import TrainConfig
from snnpar.models import preset
from snnpar.runs.jobs import status
from snnpar.runs.run import create_run, open_run
from train import loop
from train.state import saved_states


def train_in_child(path: str) -> None:
    torch.set_num_threads(1)
    loop.train(open_run(path), resume=True)


@pytest.fixture(scope="module")
def children() -> multiprocessing.context.ForkServerContext:
    """Processes that start at once, as torch is loaded already, and can be killed one by one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["train.loop"])
    return context


@pytest.mark.slow
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
