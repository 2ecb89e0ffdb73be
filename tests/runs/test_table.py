"""Runs as rows: what they say, what a filter lets through, CSV, and how little is read again."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest

from snnpar.config import TrainConfig
from snnpar.runs.history import read_history
from snnpar.runs.jobs import write_status
from snnpar.runs.notes import change_tags, set_note
from snnpar.runs.run import Run, create_run, unnamed_runs
from snnpar.runs.table import RunRow, RunTable, as_text, matching, run_row, to_csv

CONFIG = TrainConfig.of(model="spikingformer_1_64", epochs=4, batch_size=8)
SCORES = {"mean_accuracy": 0.6, "f1": 0.7}


def write(run: Run, *rows: dict) -> None:
    (run.path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def logged(step: int, per_epoch: int = 5, **values: object) -> dict:
    return {"kind": "step", "epoch": -(-step // per_epoch), "step": step, "steps": 4 * per_epoch, "loss": 1.0, **values}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create_run(CONFIG, tmp_path / "runs" / "one")


def test_a_run_that_never_started_says_so(run: Run) -> None:
    row = run_row(run)
    assert (row.state, row.message, row.epoch, row.epochs, row.step) == ("created", "never started", None, 4, None)
    assert (row.model, row.dataset, row.teacher, row.role) == ("spikingformer_1_64", "rendered", "", "student")
    assert row.best_epoch is row.seconds is row.eta_s is None and row.created.startswith("20")


def test_the_validation_before_the_first_step_is_no_epoch(run: Run) -> None:
    start = {"kind": "epoch", "epoch": 0, "step": 0, "best": False, "val_images": 20, "mean_accuracy": 0.9, "f1": 0.9}
    write(run, start)
    assert (run_row(run).epoch, run_row(run).best_epoch) == (None, None)
    write(run, start, logged(5), {"kind": "epoch", "epoch": 1, "step": 5, "best": True, "val_images": 20, **SCORES})
    row = run_row(run)
    assert (row.epoch, row.step, row.steps, row.best_epoch, row.f1, row.val_images) == (1, 5, 20, 1, 0.7, 20)


def test_what_its_process_said_last_counts_and_what_it_said_before_a_rewind_does_not(run: Run) -> None:
    write(run, logged(5))
    (run.path / "progress.json").write_text(json.dumps({"epoch": 2, "step": 7, "steps": 20, "epochs": 4, "eta_s": 3.0}))
    row = run_row(run)
    assert (row.epoch, row.step, row.eta_s) == (2, 7, None), "it is not at work"
    write(run, logged(5), logged(10))
    assert (run_row(run).epoch, run_row(run).step) == (2, 10)


def test_time_at_work_leaves_pauses_out(run: Run) -> None:
    """Two epochs of 5 steps of 8 images at 4 and 8 images/s, validations of 3 and 2 s, a night between them."""
    write(
        run,
        logged(5, images_per_s=4.0, time=100.0),
        {"kind": "epoch", "epoch": 1, "step": 5, "time": 103.0, **SCORES},
        logged(8, images_per_s=9.0, time=50_000.0),
        logged(10, images_per_s=8.0, time=50_002.0),
        {"kind": "epoch", "epoch": 2, "step": 10, "time": 50_004.0, **SCORES},
    )
    assert run_row(run).seconds == pytest.approx(5 * 8 / 4 + 3 + 5 * 8 / 8 + 2)


@pytest.mark.parametrize("content", ["{", "[]", '{"train": 3}', '{"model": {"architecture": "vtb", "depth": 2}}'])
def test_a_damaged_run_is_listed_with_the_reason(run: Run, content: str) -> None:
    (run.path / "config.json").write_text(content)
    row = run_row(run)
    assert (row.name, row.state, row.epochs) == ("one", "damaged", None)
    assert "config.json is not the config of a run" in row.message and "delete the run" in row.message


def test_a_run_that_makes_the_table_fail_is_listed_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    create_run_like(run, "two")

    def fail(path: Path, before: object) -> object:
        if path == run.path:
            raise ZeroDivisionError("nobody thought of this")
        return read_history(path, before)

    monkeypatch.setattr("snnpar.runs.table.read_history", fail)
    rows = {row.name: row for row in RunTable().rows(run.path.parent)}
    assert rows["two"].state != "damaged" and rows["two"].epochs == 4
    assert rows["one"].state == "damaged" and "ZeroDivisionError: nobody thought of this" in rows["one"].message
    assert to_csv(rows.values()) and matching(rows.values(), text="nobody") == [rows["one"]]


def test_a_run_at_work_or_done_is_not_called_damaged(run: Run) -> None:
    """Its process has read the config; and trained weights are of use without the settings of their training."""
    (run.path / "config.json").write_text('{"train": 3}')
    write_status(run, state="running")
    assert run_row(run).state == "running"
    write_status(run, state="done")
    (run.path / "model.safetensors").touch()
    assert run_row(run).state == "done"


def test_only_what_changed_is_read_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(300):
        create_run_like(run, f"r{number:03d}")
    read = []
    monkeypatch.setattr(
        "snnpar.runs.table.read_history", lambda path, before: read.append(path) or read_history(path, before)
    )
    table = RunTable()
    assert len(table.rows(run.path.parent)) == 301 == len(read)
    read.clear()
    table.rows(run.path.parent)
    assert not read
    write(run, logged(5))
    change_tags(Run(run.path.parent / "r007"), add=["x"])
    rows = {row.name: row for row in table.rows(run.path.parent)}
    assert sorted(path.name for path in read) == ["one", "r007"]
    assert rows["one"].step == 5 and rows["r007"].tags == ("x",)
    write_status(run, state="failed", message="the disk is full")
    assert run_row(run).message == {row.name: row for row in table.rows(run.path.parent)}["one"].message


def create_run_like(run: Run, name: str) -> None:
    folder = run.path.parent / name
    folder.mkdir()
    for file in ("config.json", "status.json"):
        (folder / file).write_bytes((run.path / file).read_bytes())


@pytest.fixture
def rows(tmp_path: Path) -> list[RunRow]:
    found = []
    for name, state, tags, note in (
        ("alpha", "done", ["x", "y"], "Fine"),
        ("beta", "failed", ["x"], "=1+1"),
        ("gamma", "created", [], 'a "b",\nc'),
    ):
        one = create_run(CONFIG, tmp_path / name)
        write_status(one, state=state, message="the disk is full" if state == "failed" else "")
        change_tags(one, add=tags)
        set_note(one, note)
        found.append(run_row(one))
    return found


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, ["alpha", "beta", "gamma"]),
        ({"text": "FINE alpha"}, ["alpha"]),
        ({"text": "disk"}, ["beta"]),
        ({"text": "never started"}, ["gamma"]),
        ({"text": "spikingformer"}, ["alpha", "beta", "gamma"]),
        ({"text": "alpha beta"}, []),
        ({"states": ["done", "failed"]}, ["alpha", "beta"]),
        ({"tags": ["x"]}, ["alpha", "beta"]),
        ({"tags": ["x", "y"]}, ["alpha"]),
        ({"tags": ["x"], "states": ["failed"], "text": "beta"}, ["beta"]),
    ],
)
def test_a_filter_lets_through(rows: list[RunRow], asked: dict, names: list[str]) -> None:
    assert [row.name for row in matching(rows, **asked)] == names


def test_csv_comes_back_and_holds_no_formula(rows: list[RunRow]) -> None:
    read = list(csv.DictReader(io.StringIO(to_csv(rows))))
    assert [row["name"] for row in read] == ["alpha", "beta", "gamma"]
    assert [row["note"] for row in read] == ["Fine", "'=1+1", 'a "b",\nc']
    assert read[0]["tags"] == "x y" and read[0]["epochs"] == "4" and read[0]["mean_accuracy"] == ""
    assert not any(cell[:1] in set("=+-@\t\r") - {""} for row in read for cell in row.values() if cell)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", " =1", "\n=1", "\u00a0+1"])
def test_a_formula_becomes_text(text: str) -> None:
    assert as_text(text) == "'" + text and as_text("a" + text) == "a" + text


@pytest.mark.parametrize(
    "file", ["config.json", "metrics.jsonl", "status.json", "progress.json", "notes.json", "asked.json", "gain.json"]
)
@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff\xfe{", b"{}", b"null", b"[1]", b""])
def test_one_damaged_run_hides_no_other(run: Run, file: str, content: bytes) -> None:
    whole = create_run(TrainConfig.of(model="spikingformer_1_64"), run.path.parent / "whole")
    (run.path / file).write_bytes(content)
    assert {row.name for row in RunTable().rows(run.path.parent)} == {run.name, whole.name}


def test_a_folder_whose_name_is_no_text_is_told_apart(run: Run) -> None:
    other = Path(os.fsdecode(os.fsencode(run.path.parent) + b"/caf\xe9"))
    try:
        create_run(TrainConfig.of(model="spikingformer_1_64"), run.path.parent / "b").path.rename(other)
    except OSError:
        pytest.skip("this file system takes no such name")
    assert [row.name for row in RunTable().rows(run.path.parent)] == [run.name]
    assert unnamed_runs(run.path.parent) == ["caf?"]
