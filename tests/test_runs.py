from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tiny

from snnpar.checkpoint import load_model, read_checkpoint
from snnpar.config import ConfigError, TrainConfig, to_dict
from snnpar.history import read_metrics
from snnpar.jobs import read_log, status, stop
from snnpar.models import preset
from snnpar.runs import Run, RunError, create_run, launch, list_runs, open_run

SMALL = TrainConfig(model="spikingformer_1_64", epochs=1, batch_size=8, rendered_count=16, threads=1)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create_run(SMALL, tmp_path / "run")


def test_a_new_run_says_what_it_is(run: Run) -> None:
    checkpoint = read_checkpoint(run.path)
    assert run.config == SMALL and checkpoint.model == preset("spikingformer_1_64")
    assert checkpoint.schema == tiny.PA100K and checkpoint.provenance["created"].startswith("20")
    assert set(checkpoint.provenance) >= {"created", "commit"}
    assert status(run).state == "created" and not status(run).is_active and not run.is_loadable
    assert run.command == ["python", "-m", "train", "--model", "spikingformer_1_64", "--epochs", "1", "--batch-size",
                           "8", "--rendered-count", "16", "--threads", "1"]
    assert read_metrics(run) == [] and read_log(run) == ""


def test_runs_are_listed_by_age_and_names_do_not_clash(tmp_path: Path) -> None:
    runs = [create_run(SMALL, root=tmp_path) for _ in range(3)]
    assert len({run.name for run in runs}) == 3 and all("student-rendered" in run.name for run in runs)
    for age, run in enumerate(reversed(runs)):
        os.utime(run.path / "config.json", (1000 - age, 1000 - age))
    assert list_runs(tmp_path) == runs[::-1]
    assert list_runs(tmp_path / "nowhere") == []


def test_a_used_folder_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not empty.*--resume"):
        create_run(SMALL, run.path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="not empty"):
        create_run(SMALL, tmp_path / "file")
    with pytest.raises(RunError, match="cannot be made"):
        create_run(SMALL, tmp_path / "file" / "below")
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    assert create_run(SMALL, tmp_path / "empty").config == SMALL


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "resnet"}, "'resnet'.*spikingformer_4_192"),
        ({"model": "vtb_conv_2_64"}, "vtb_conv_2_64 is a teacher, not a student"),
        ({"role": "teacher"}, "spikingformer_1_64 is a student, not a teacher"),
    ],
)
def test_an_unusable_model_leaves_no_folder(tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        create_run(replace(SMALL, **change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_opening_what_is_no_run(tmp_path: Path, run: Run) -> None:
    assert open_run(str(run.path)) == run
    with pytest.raises(RunError, match="is not a run"):
        open_run(tmp_path)


def test_metrics_are_read_by_kind_and_a_half_line_is_left_out(run: Run) -> None:
    rows = [{"kind": "step", "step": 1}, {"kind": "epoch", "epoch": 1}, {"kind": "step", "step": 2}]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (run.path / "metrics.jsonl").write_text(text + '{"kind": "epo')
    assert read_metrics(run) == [rows[1]] and read_metrics(run, "step") == [rows[0], rows[2]]


# ------------------------------------------------------------------------------------------- real processes


def wait_for(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Poll; a process that has to import torch on a busy machine takes its time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("data") / "pa100k"
    tiny.write_pa100k(folder, {"train": 16, "val": 4, "test": 4})
    return str(folder)


def reap(pid: int) -> None:
    """Our own ended children stay zombies until somebody asks."""
    os.waitpid(pid, 0)


def test_a_launched_run_has_its_own_session_and_finishes(tmp_path: Path, data: str) -> None:
    run = create_run(replace(SMALL, dataset="pa100k", data=data), tmp_path / "run")
    launch(run)
    pid = status(run).pid
    assert os.getsid(pid) == pid != os.getsid(0), "it would end with its parent's terminal"
    wait_for(lambda: status(run).state != "running", "the end")
    reap(pid)
    assert status(run).state == "done", read_log(run)
    assert "best epoch 1" in status(run).message and "done" in read_log(run)
    assert [row["epoch"] for row in read_metrics(run)] == [1]
    assert load_model(read_checkpoint(run.path)).role == "student"


def test_stopping_at_any_time_leaves_a_stopped_run(tmp_path: Path, data: str) -> None:
    run = create_run(replace(SMALL, dataset="pa100k", data=data, epochs=10_000), tmp_path / "run")
    launch(run)
    pid = status(run).pid
    stop(run)  # it is still importing
    wait_for(lambda: status(run).state != "running", "the end")
    reap(pid)
    assert status(run).state == "stopped", read_log(run)
    launch(run, resume=True)
    pid = status(run).pid
    wait_for(lambda: read_metrics(run), "an epoch")
    stop(run)
    wait_for(lambda: status(run).state not in ("running", "stalled"), "the end")
    reap(pid)
    assert status(run).state == "stopped" and "resume" in status(run).message, read_log(run)
    assert run.is_loadable and (run.path / "last" / "progress.json").is_file()


def test_a_killed_run_is_lost(tmp_path: Path, data: str) -> None:
    run = create_run(replace(SMALL, dataset="pa100k", data=data, epochs=10_000), tmp_path / "run")
    launch(run)
    pid = status(run).pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: status(run).state != "running", "the end")
    reap(pid)
    assert status(run).state == "lost"


def test_a_run_of_bad_data_fails_with_its_sentence(tmp_path: Path) -> None:
    run = create_run(replace(SMALL, dataset="pa100k", data=str(tmp_path / "nowhere")), tmp_path / "run")
    launch(run)
    pid = status(run).pid
    wait_for(lambda: status(run).state != "running", "the end")
    reap(pid)
    assert status(run).state == "failed" and "no such folder" in status(run).message
    assert "Traceback" not in read_log(run) and "no such folder" in read_log(run)


def test_config_json_holds_the_config(run: Run) -> None:
    assert json.loads((run.path / "config.json").read_text())["train"] == to_dict(SMALL)
