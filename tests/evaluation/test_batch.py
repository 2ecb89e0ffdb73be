"""Several checkpoints on the same images as one job."""

from __future__ import annotations

import errno
import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny

import snnpar
from snnpar.__main__ import main
from snnpar.core.errors import SnnparError
from snnpar.core.pulse import PULSE
from snnpar.evaluation.batch import create_batch, forget, launch_batch, list_batches, run_batch
from snnpar.evaluation.evaluate import EvaluationStopped
from snnpar.evaluation.predictions import EvaluationError
from snnpar.evaluation.scores import image_sets, known_scores
from snnpar.evaluation.slices import DataChoice
from snnpar.runs.jobs import JobError, read_log, read_progress, status, stop

RENDERED = DataChoice(rendered=4)
PATIENCE_S = 120


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("shelf")
    return [
        tiny.write_checkpoint(root / name, config, seed=seed).path
        for seed, (name, config) in enumerate(
            (("teacher", tiny.TEACHER), ("first", tiny.STUDENT), ("second", tiny.STUDENT))
        )
    ]


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(snnpar, "EVALUATIONS", tmp_path / "evaluations")
    return tmp_path / "evaluations"


def test_all_get_a_score_on_one_set(shelf: list[Path]) -> None:
    batch = create_batch(shelf, RENDERED)
    made = run_batch(batch)
    assert [one.checkpoint for one in made] == shelf and all(one.is_complete for one in made)
    assert status(batch).state == "done" and read_progress(batch)["done"] == 3
    ((images, count),) = image_sets([known_scores(folder) for folder in shelf])
    assert count == 3 and images.title.startswith("4 rendered, n = 4, hash ")
    assert create_batch(shelf, RENDERED) == batch and list_batches() == [batch]


def test_one_that_fails_does_not_hold_the_others_up(shelf: list[Path], tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    batch = create_batch([shelf[1], tmp_path / "broken", shelf[2]], RENDERED)
    with pytest.raises(EvaluationError, match=r"1 of 3 could not be evaluated: broken: .*config.json"):
        run_batch(batch)
    assert status(batch).state == "failed" and [one.is_complete for one in batch.evaluations] == [True, False, True]


def test_it_stops_between_images_and_goes_on(shelf: list[Path]) -> None:
    batch, asked = create_batch(shelf, RENDERED), []

    def stop_in_the_second() -> bool:
        asked.append(read_progress(batch))
        return asked[-1]["done"] == 1

    with pytest.raises(EvaluationStopped):
        run_batch(batch, batch_size=1, stop=stop_in_the_second)
    assert status(batch).state == "stopped" and "1 of 3 done" in status(batch).message
    assert [one.is_complete for one in batch.evaluations] == [True, False, False]
    assert {one["total"] for one in asked} == {3} and "first" in asked[-1]["current"]
    written = (batch.evaluations[0].path / "evaluation.json").stat().st_mtime_ns
    run_batch(batch, batch_size=1)
    assert all(one.is_complete for one in batch.evaluations)
    assert (batch.evaluations[0].path / "evaluation.json").stat().st_mtime_ns == written  # not made twice


def test_the_time_left_is_told_by_what_was_computed(shelf: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each image takes a second: of three checkpoints of 4 images, 12 s in all; none for the one that is complete."""
    clock, seen = [0.0], []
    run_batch(create_batch(shelf[:1], RENDERED))
    monkeypatch.setattr("snnpar.evaluation.batch.time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr("snnpar.evaluation.work.HEARTBEAT_S", -1)
    monkeypatch.setattr("snnpar.evaluation.batch.HEARTBEAT_S", -1)
    batch = create_batch(shelf, RENDERED)

    def tick() -> bool:
        seen.append(read_progress(batch))
        clock[0] += 1
        return False

    run_batch(batch, batch_size=1, stop=tick)
    told = [(one["done"], one["part"], one["eta_s"]) for one in seen]
    assert told == [
        (1, 0.0, None),
        (1, 0.25, 7.0),
        (1, 0.5, 6.0),
        (1, 0.75, 5.0),
        (2, 0.0, 4.0),
        (2, 0.25, 3.0),
        (2, 0.5, 2.0),
        (2, 0.75, 1.0),
    ]


def test_images_that_cannot_be_opened_are_told_once(shelf: list[Path], tmp_path: Path) -> None:
    batch = create_batch(shelf, DataChoice(str(tmp_path / "nowhere"), split="test"))
    with pytest.raises(SnnparError, match="nowhere") as told:
        run_batch(batch)
    assert str(told.value).count("nowhere") < 3 and status(batch).state == "failed"


def test_it_runs_as_a_job_and_another_waits(shelf: list[Path]) -> None:
    batch = create_batch(shelf[1:], DataChoice(rendered=3000))
    launch_batch(batch)
    with pytest.raises(JobError, match="another batch of evaluations is under way"):
        launch_batch(create_batch(shelf, RENDERED))
    with pytest.raises(JobError, match="under way"):
        forget(batch)
    end = time.monotonic() + PATIENCE_S
    while not read_progress(batch):
        assert status(batch).is_active and time.monotonic() < end, read_log(batch)
        time.sleep(0.2)
    stop(batch)
    while status(batch).is_active:
        assert time.monotonic() < end, read_log(batch)
        time.sleep(0.2)
    assert status(batch).state == "stopped", read_log(batch)
    forget(batch)
    assert batch not in list_batches()


def test_the_command_line_is_the_same_job(shelf: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", *map(str, shelf), "--rendered", "4"]
    assert main(words) == 0
    (batch,) = list_batches()
    assert batch.checkpoints == shelf and status(batch).state == "done"
    assert batch.arguments[:-2] == ["-m", "snnpar", *words]  # and --out of this test
    printed = capsys.readouterr().out
    assert all(f"{folder.name}  " in printed for folder in shelf)
    assert main(["evaluate", str(shelf[0]), "--rendered", "4"]) == 0 and list_batches() == [batch]


@pytest.mark.slow
def test_a_batch_of_one_ends_as_it_began(shelf: list[Path]) -> None:
    """The page fills a single gap so; in a terminal, one checkpoint alone is no batch."""
    assert main(["evaluate", str(shelf[0]), "--rendered", "4"]) == 0 and not list_batches()
    batch = create_batch(shelf[:1], RENDERED)
    launch_batch(batch)
    end = time.monotonic() + PATIENCE_S
    while status(batch).is_active:
        assert time.monotonic() < end, read_log(batch)
        time.sleep(0.2)
    assert status(batch).state == "done" and read_progress(batch)["done"] == 1, read_log(batch)


def test_a_damaged_request_says_so(root: Path) -> None:
    batch = create_batch([], RENDERED)
    (batch.path / "batch.json").write_text(json.dumps({"choice": 1}))
    with pytest.raises(EvaluationError, match=r"batch.json cannot be read"):
        _ = batch.checkpoints


def test_it_gives_signs_of_life(shelf: list[Path]) -> None:
    batch, seen = create_batch(shelf[:1], RENDERED), []
    run_batch(batch, batch_size=1, stop=lambda: seen.append((batch.path / PULSE).is_file()))
    assert all(seen) and seen and not (batch.path / PULSE).exists()


def test_half_of_a_request_is_none(shelf: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("snnpar.evaluation.batch.write_status", full)
    with pytest.raises(OSError, match="No space"):
        create_batch(shelf, RENDERED)
    assert not list_batches() and not [path for path in snnpar.EVALUATIONS.rglob("*") if path.is_file()]
