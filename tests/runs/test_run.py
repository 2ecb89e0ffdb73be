from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import tiny

from snnpar.checkpoint import load_model, read_checkpoint
from snnpar.config import ConfigError, TrainConfig
from snnpar.models import preset
from snnpar.runs.devices import queue, turn
from snnpar.runs.history import read_metrics
from snnpar.runs.jobs import JobError, kill, process_identity, processes, read_log, status, stop, write_status
from snnpar.runs.run import Run, RunError, create_run, delete_run, find_run, launch, list_runs, open_run

SMALL = TrainConfig.of(model="spikingformer_1_64", epochs=1, batch_size=8, rendered_count=16, threads=1)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create_run(SMALL, tmp_path / "run")


def test_a_new_run_says_what_it_is(run: Run) -> None:
    checkpoint = read_checkpoint(run.path)
    assert run.config == SMALL and checkpoint.model == preset("spikingformer_1_64")
    assert checkpoint.schema == tiny.PA100K and checkpoint.provenance["created"].startswith("20")
    assert set(checkpoint.provenance) >= {"created", "commit"}
    assert status(run).state == "created" and not status(run).is_active and not run.is_loadable
    assert run.command == [
        "python",
        "-m",
        "train",
        "--recipe",
        "default",
        "--model",
        "spikingformer_1_64",
        "--rendered-count",
        "16",
        "--epochs",
        "1",
        "--batch-size",
        "8",
        "--threads",
        "1",
    ]
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
        create_run(SMALL.changed(**change), tmp_path / "run")
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


def wait_for(condition: Callable[[], object], what: str, seconds: float = 300) -> None:
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


@pytest.fixture
def new(own_runs: Path, data: str) -> Iterator[Callable[..., Run]]:
    """Makes runs with a queue of their own; what is left of them is killed in the end."""
    made: list[Run] = []

    def new(name: str = "run", **values: object) -> Run:
        made.append(create_run(SMALL.changed(**{"dataset": "pa100k", "data": data} | values), own_runs / name))
        return made[-1]

    yield new
    for run in made:
        with suppress(JobError):
            kill(run, grace_s=0.0)


def test_a_launched_run_has_its_own_session_and_finishes(new: Callable[..., Run]) -> None:
    run = new()
    launch(run)
    pid = status(run).pid
    assert os.getsid(pid) == pid != os.getsid(0), "it would end with its parent's terminal"
    with pytest.raises(JobError, match=f"already running, process {pid}"):
        launch(run)
    wait_for(lambda: status(run).state != "running", "the end")
    wait_for(lambda: not processes(run), "the end of its process")
    assert status(run).state == "done", read_log(run)
    assert "best epoch 1" in status(run).message and "done" in read_log(run)
    assert [row["epoch"] for row in read_metrics(run)] == [0, 1] and queue() == []
    assert load_model(read_checkpoint(run.path)).role == "student"
    with pytest.raises(RunError, match="already been trained; add --resume"):
        launch(run)


def test_stopping_at_any_time_leaves_a_stopped_run(new: Callable[..., Run]) -> None:
    run = new(epochs=10_000)
    launch(run)
    stop(run)  # it is still importing
    wait_for(lambda: not status(run).is_active, "the end")
    assert status(run).state == "stopped", read_log(run)
    launch(run, resume=True)
    wait_for(lambda: run.is_loadable, "an epoch")
    stop(run)
    wait_for(lambda: not processes(run), "the end")
    assert status(run).state == "stopped" and "resume" in status(run).message, read_log(run)
    assert run.is_loadable


def test_a_murdered_run_is_lost_and_can_be_resumed(new: Callable[..., Run]) -> None:
    run = new(epochs=3)
    launch(run)
    os.kill(status(run).pid, signal.SIGKILL)
    wait_for(lambda: not status(run).is_active, "the end")
    assert status(run).state == "lost"
    launch(run, resume=True)
    wait_for(lambda: not status(run).is_active, "the end")
    assert status(run).state == "done", read_log(run)


def test_a_run_of_bad_data_fails_with_its_sentence(new: Callable[..., Run], tmp_path: Path) -> None:
    run = new(data=str(tmp_path / "nowhere"))
    launch(run)
    wait_for(lambda: not status(run).is_active, "the end")
    assert status(run).state == "failed" and "no such folder" in status(run).message
    assert "Traceback" not in read_log(run) and "no such folder" in read_log(run)


def test_a_run_waits_without_torch_until_the_device_is_free(new: Callable[..., Run]) -> None:
    run, before = new(device="cpu"), new("before")
    with turn(before, "cpu"):
        launch(run)
        assert (status(run).state, status(run).message) == ("queued", "waits for before, 1 ahead")
        wait_for(lambda: "waits for before" in read_log(run), "its own word for it")
        maps = Path(f"/proc/{status(run).pid}/maps").read_text()
        assert "python" in maps and "libtorch" not in maps
        with pytest.raises(JobError, match="already queued"):
            launch(run)
        write_status(before, state="done")
    wait_for(lambda: not status(run).is_active, "the end")
    assert status(run).state == "done" and "its turn has come" in read_log(run), read_log(run)


# ------------------------------------------------------------------------------------------- names, and the end of runs


def test_a_run_is_found_by_the_beginning_of_its_name(own_runs: Path) -> None:
    with pytest.raises(RunError, match="no run is called x; there are: none yet"):
        find_run("x")
    runs = {name: create_run(SMALL, own_runs / name) for name in ("one", "one-more", "two")}
    assert find_run("t") == runs["two"] and find_run("one") == runs["one"] and find_run("one-") == runs["one-more"]
    with pytest.raises(RunError, match="more than one run begins with on; there are: one(-more)?, one"):
        find_run("on")
    with pytest.raises(RunError, match="no run is called three; there are: .*two"):
        find_run("three")


@pytest.mark.parametrize("name", ["", "..", "../runs", "a/b", "/etc", "-x", "a\\b", "a\0b", ".queue", "one/"])
def test_a_name_cannot_lead_elsewhere(name: str, own_runs: Path) -> None:
    create_run(SMALL, own_runs / "one")
    with pytest.raises(RunError, match="cannot be the name of a run"):
        find_run(name)


def test_a_deleted_run_is_gone_and_nothing_else(own_runs: Path, tmp_path: Path) -> None:
    run, kept, outside = (create_run(SMALL, path) for path in (own_runs / "a", own_runs / "b", tmp_path / "c"))
    (own_runs / "link").symlink_to(outside.path)
    for path in (outside.path, own_runs / "link", own_runs / ".." / ".." / "c"):
        with pytest.raises(RunError, match="is not a folder in"):
            delete_run(Run(path))
    for path in (own_runs, own_runs / "nowhere"):
        with pytest.raises(RunError, match="is not a run"):
            delete_run(Run(path))
    write_status(run, state="running", **process_identity(os.getppid()))
    with pytest.raises(JobError, match="already running"):
        delete_run(run)
    write_status(run, state="failed")
    delete_run(run)
    assert not run.path.exists() and list_runs(own_runs) and kept.path.is_dir() and outside.path.is_dir()


def test_a_damaged_config_names_its_file(run: Run) -> None:
    for content in ("{", "[]", "{}", '{"train": 3}', '{"train": {"speed": 9}}'):
        (run.path / "config.json").write_text(content)
        with pytest.raises(ConfigError, match="config.json is not the config of a run"):
            _ = run.config


def test_config_json_holds_the_config(run: Run) -> None:
    assert json.loads((run.path / "config.json").read_text())["train"] == SMALL.to_dict()
