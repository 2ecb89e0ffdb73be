"""One run in two processes, as torchrun starts them; one of them is killed, and the run goes on by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from snnpar import ROOT
from snnpar.config import TrainConfig
from snnpar.runs.jobs import status
from snnpar.runs.run import Run, create_run
from train import loop
from train.metrics_log import METRICS
from train.state import saved_states

CLOCK = ("time", "images_per_s", "eta_s", "memory_gb")
PATIENCE_S = 300


def lines(run: Run) -> list[dict]:
    rows = [json.loads(line) for line in (run.path / METRICS).read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in CLOCK} for row in rows]


def torchrun(run: Run, log: Path) -> subprocess.Popen:
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "--max-restarts",
        "3",
        "-m",
        "train",
        "--",
        "--run",
        str(run.path),
        "--resume",
    ]
    environment = {**os.environ, "SNNPAR_CHECKPOINTS": str(run.path.parent), "OMP_NUM_THREADS": "1"}
    with open(log, "wb") as output:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)


def second_of(agent: subprocess.Popen) -> psutil.Process | None:
    """The process of rank 1, once it is there."""
    for child in psutil.Process(agent.pid).children():
        try:
            if child.environ().get("RANK") == "1":
                return child
        except psutil.Error:
            continue
    return None


@pytest.fixture
def config(quick: TrainConfig) -> TrainConfig:
    return quick.changed(epochs=4, save_seconds=0.0, log_steps=1, mixup=0.0)


@pytest.fixture
def pair(config: TrainConfig, tmp_path: Path) -> Iterator[tuple[Run, Run]]:
    """Two runs of two processes each: one left alone, one whose second process is killed amid the training."""
    alone, hurt = (create_run(config, tmp_path / name) for name in ("alone", "hurt"))
    agents = []
    try:
        agents.append(torchrun(alone, tmp_path / "alone.txt"))
        assert agents[0].wait(PATIENCE_S) == 0, (tmp_path / "alone.txt").read_text()[-3000:]
        agents.append(torchrun(hurt, tmp_path / "hurt.txt"))
        end = time.monotonic() + PATIENCE_S
        while not saved_states(hurt.path):
            assert time.monotonic() < end and agents[1].poll() is None, (tmp_path / "hurt.txt").read_text()[-3000:]
            time.sleep(0.01)
        os.kill(second_of(agents[1]).pid, signal.SIGKILL)
        assert agents[1].wait(PATIENCE_S) == 0, (tmp_path / "hurt.txt").read_text()[-3000:]
        yield alone, hurt
    finally:
        for agent in agents:
            if agent.poll() is None:
                agent.kill()
                agent.wait()


def test_two_processes_train_one_run_also_when_one_of_them_is_killed(
    config: TrainConfig, pair: tuple[Run, Run], tmp_path: Path
) -> None:
    alone, hurt = pair
    for run in pair:
        assert status(run).state == "done" and run.is_loadable
    assert lines(hurt) == lines(alone), "it went on from the last saved state"
    assert "resuming after" in (hurt.path / "log.txt").read_text()
    told = lines(alone)
    assert [row["step"] for row in told if row["kind"] == "step"] == list(range(1, 9)), "one process writes"
    assert (alone.path / "log.txt").read_text().count("done; best epoch") == 1
    single = create_run(config, tmp_path / "single")
    loop.train(single)
    losses, expected = ([row["loss"] for row in rows if row["kind"] == "step"] for rows in (told, lines(single)))
    assert losses[0] == pytest.approx(expected[0], rel=1e-5), "the same batch, the same weights"
    assert losses == pytest.approx(expected, rel=0.05), "rounding alone tells them apart"
