from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from waiting import begin, wait_for

from snnpar.__main__ import main
from snnpar.cli.runs import settings_beside_recipe, table
from snnpar.config import TrainConfig
from snnpar.config.recipes import apply_recipe
from snnpar.runs.jobs import process_identity, read_log, status, write_status
from snnpar.runs.run import Run, create_run, open_run

SMALL = TrainConfig.of(model="spikingformer_1_64", epochs=4)


@pytest.fixture
def runs(own_runs: Path, capsys: pytest.CaptureFixture) -> Callable[..., str]:
    """`python -m snnpar runs ...`: what it prints; it has to succeed unless told otherwise."""

    def runs(*words: str, code: int = 0) -> str:
        try:
            ended = main(["runs", *words])
        except SystemExit as error:  # argparse
            ended = error.code
        said = capsys.readouterr()
        assert ended == code, said.err
        assert (said.err.startswith(("error: ", "usage: ")) and not said.out) if code else not said.err
        return said.err if code else said.out

    return runs


@pytest.fixture
def run(own_runs: Path) -> Run:
    """One that has logged a little."""
    run = create_run(SMALL, own_runs / "20260101-one")
    scores = [{"kind": "epoch", "epoch": i, "mean_accuracy": 0.5 + f1 / 10, "f1": f1} for i, f1 in ((1, 0.7), (2, 0.6))]
    steps = [{"kind": "step", "epoch": 3, "step": 21, "steps": 40, "loss": 1.0}]
    (run.path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in scores + steps))
    return run


def test_nothing_is_no_error(runs: Callable[..., str]) -> None:
    assert runs("list") == "no run yet; `python -m train` starts one\n"
    assert json.loads(runs("list", "--json")) == [] and runs("queue") == "nothing trains and nothing waits\n"


def test_the_list_says_how_far_each_run_is(
    runs: Callable[..., str], run: Run, own_runs: Path, sleeper: subprocess.Popen
) -> None:
    os.utime(run.path / "config.json", (1, 1))
    fresh = create_run(SMALL, own_runs / "20260102-fresh")
    lines = [line.split("  ") for line in runs("list").splitlines()]
    assert [line[0] for line in lines] == ["name", "20260102-fresh", "20260101-one"]
    words = runs("list").splitlines()[2].split()
    assert " ".join(words) == "20260101-one created: never started 3/4 21/40 57.0 / 70.0 (epoch 1)"
    write_status(fresh, state="running", **process_identity(sleeper.pid))
    (fresh.path / "progress.json").write_text(
        json.dumps(
            {"phase": "training", "epoch": 2, "epochs": 4, "step": 9, "steps": 16, "eta_s": 3725.4, "memory_gb": 1.0}
        )
    )
    assert runs("list").splitlines()[1].split()[1:] == ["running", "2/4", "9/16", "none", "yet", "1:02:05"]
    first, second = json.loads(runs("list", "--json"))
    assert first["pid"] == sleeper.pid and first["eta_s"] == 3725.4 and first["best_epoch"] is None
    assert (second["state"], second["best_epoch"], second["f1"], second["steps"]) == ("created", 1, 0.7, 40)
    assert Path(first["path"]) == fresh.path


def test_a_damaged_run_is_listed(runs: Callable[..., str], run: Run) -> None:
    for name in ("config.json", "status.json", "progress.json", "metrics.jsonl"):
        (run.path / name).write_text("{")
    assert runs("list").splitlines()[1].split()[:2] == ["20260101-one", "damaged"]
    assert "config.json is not the config" in runs("show", "2026", code=2)


def test_showing_a_run(runs: Callable[..., str], run: Run) -> None:
    (run.path / "log.txt").write_text("\n".join(f"line {i}" for i in range(40)))
    write_status(run, state="failed", message="the disk is full")
    told = runs("show", "20260101")
    assert told.startswith("20260101-one: failed; the disk is full\n") and str(run.path) in told
    assert "epoch 3 of 4, step 21 of 40; best mA / F1 57.0 / 70.0 (epoch 1)" in told
    assert "\npython -m train --recipe default --model spikingformer_1_64 --epochs 4\n" in told
    assert "epochs             4 (recipe default: 20)" in told
    assert told.endswith("line 39\n") and "line 25\n" in told and "line 20\n" not in told


def test_settings_beside_those_of_the_recipe() -> None:
    assert settings_beside_recipe(TrainConfig()) == ["every setting is as in recipe default"]
    config = apply_recipe("published-code", {"lr": 0.5, "data": "D"})
    assert settings_beside_recipe(config) == [
        "data               D (recipe published-code: empty)",
        "lr                 0.5 (recipe published-code: 0.0008)",
    ]


@pytest.mark.parametrize("command", ["show", "stop", "kill", "resume", "delete", "tag", "note"])
def test_an_unusable_name_is_refused(command: str, runs: Callable[..., str], run: Run) -> None:
    for name in ("..", "../runs", "/etc", "a\0b", ""):
        assert "cannot be the name of a run" in runs(command, name, code=2)
    assert "there are: 20260101-one" in runs(command, "three", code=2)
    assert "usage" in runs(command, "-x", code=2) and "required" in runs(command, code=2)
    assert run.path.is_dir()


def test_what_makes_no_sense_is_refused(runs: Callable[..., str], run: Run) -> None:
    assert "is not running (it is created)" in runs("stop", "20260101-one", code=2)
    assert "is not running (it is created)" in runs("kill", "20260101-one", code=2)
    assert "usage" in runs("dance", code=2) and "required" in runs(code=2)


def test_stop_and_kill_and_queue(runs: Callable[..., str], run: Run, own_runs: Path) -> None:
    second = create_run(SMALL, own_runs / "second")
    begin(run), begin(second)
    wait_for(lambda: "works" in read_log(run) and "ahead" in read_log(second), "both at their places")
    rows = [line.split() for line in runs("queue").splitlines()]
    assert rows[1:] == [
        ["cpu", "0", run.name, "has", "the", "device"],
        ["cpu", "1", "second", "waits", "for", f"{run.name},", "1", "ahead"],
    ]
    assert f"queued: waits for {run.name}, 1 ahead" in runs("list")
    assert "already queued" in runs("resume", "second", code=2)
    assert "already queued" in runs("delete", "second", "--yes", code=2)
    assert runs("kill", "second").startswith("second: killed")
    assert runs("stop", run.name).startswith(f"{run.name}: sto")  # stopping, or stopped already
    wait_for(lambda: not status(run).is_active, "the end")
    assert status(run).state == "stopped"


def test_resume_launches_the_run(runs: Callable[..., str], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("snnpar.cli.runs.launch", lambda run, resume: asked.append((run, resume)))
    assert runs("resume", "2026") == "20260101-one: created; never started\n" and asked == [(run, True)]


def test_deleting_needs_a_word(runs: Callable[..., str], run: Run) -> None:
    assert "add --yes" in runs("delete", "20260101-one", code=2) and run.path.is_dir()
    assert runs("delete", "2026", "--yes") == "20260101-one is gone\n" and not run.path.exists()


def test_many_are_deleted_and_those_at_work_stay(
    runs: Callable[..., str], run: Run, own_runs: Path, sleeper: subprocess.Popen, capsys: pytest.CaptureFixture
) -> None:
    others = [create_run(SMALL, own_runs / name) for name in ("second", "third")]
    assert "second" in runs("delete", "2026", "second", code=2) and all(one.path.is_dir() for one in (run, *others))
    assert "no run is called" in runs("delete", "second", "nope", "--yes", code=2) and others[0].path.is_dir()
    write_status(others[1], state="running", **process_identity(sleeper.pid))
    assert main(["runs", "delete", "2026", "third", "second", "--yes"]) == 2
    said = capsys.readouterr()
    assert said.out == f"{run.name} is gone\nsecond is gone\n" and "third is already running" in said.err
    assert not run.path.exists() and not others[0].path.exists() and others[1].path.is_dir()


def test_tags_and_notes(runs: Callable[..., str], run: Run) -> None:
    assert runs("tag", "2026") == "20260101-one: no tags\n" and runs("note", "2026") == "20260101-one: no note\n"
    assert runs("tag", "2026", "base", "lr/1") == "20260101-one: base lr/1\n"
    assert runs("tag", "2026", "new", "--remove", "base") == "20260101-one: lr/1 new\n"
    assert "cannot be a tag" in runs("tag", "2026", "two words", code=2)
    assert runs("note", "2026", "=1+1") == "20260101-one: =1+1\n"
    assert "tags: lr/1 new\nnote: =1+1\n" in runs("show", "2026")
    assert runs("note", "2026", "") == "20260101-one: no note\n"


def test_a_list_is_filtered(runs: Callable[..., str], run: Run, own_runs: Path) -> None:
    create_run(SMALL, own_runs / "second")
    write_status(run, state="failed", message="the disk is full")
    runs("tag", "second", "x")
    assert [line.split()[0] for line in runs("list", "--state", "failed").splitlines()[1:]] == [run.name]
    assert [row["name"] for row in json.loads(runs("list", "--tag", "x", "--json"))] == ["second"]
    assert f"{run.name},failed,the disk is full," in runs("list", "--text", "disk full", "--csv").splitlines()[1]
    assert runs("list", "--tag", "y") == "none of 2 runs matches\n"
    assert "invalid choice" in runs("list", "--state", "dead", code=2)


def test_the_settings_of_two_runs_side_by_side(runs: Callable[..., str], run: Run, own_runs: Path) -> None:
    create_run(SMALL.changed(lr=0.5, data="D"), own_runs / "second")
    assert [line.split() for line in runs("diff", "2026", "second").splitlines()] == [
        ["setting", "20260101-one", "second"],
        ["data", "-", "D"],
        ["lr", "0.001", "0.5"],
    ]
    create_run(SMALL, own_runs / "third")
    assert runs("diff", "2026", "third") == "no setting differs\n"
    assert "both names mean" in runs("diff", "2026", "20260101-one", code=2)


def test_a_refused_resume_says_why_and_keeps_the_reason(runs: Callable[..., str], run: Run) -> None:
    write_status(run, state="failed", message="the disk is full")
    content = json.loads((run.path / "config.json").read_text())
    content["train"]["data"] |= {"dataset": "pa100k", "folder": "/nowhere"}
    (run.path / "config.json").write_text(json.dumps(content))
    assert "the dataset in /nowhere is gone; put it back" in runs("resume", "2026", code=2)
    assert runs("show", "2026").startswith("20260101-one: failed; the disk is full\n")


def test_creating_takes_the_flags_of_training(runs: Callable[..., str], own_runs: Path) -> None:
    path = runs("create", "--recipe", "default", "--model", "spikingformer_1_64", "--epochs", "4").strip()
    run = open_run(path)
    assert run.path.parent == own_runs and run.config == SMALL and status(run).state == "created"
    assert "no model is called 'x'" in runs("create", "--model", "x", code=2)


def test_columns_are_as_wide_as_they_need_to_be() -> None:
    assert table([("a", "b", ""), ("long", "c", "x")]) == "a     b\nlong  c  x"
