"""What is refused before a run goes on, with what words, and that a refusal changes nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny

from snnpar.checkpoint import read_checkpoint
from snnpar.config import TrainConfig, flat, grouped
from snnpar.runs.jobs import AT_WORK, kill, status, write_status
from snnpar.runs.resuming import ResumeError, check_resume, meaning
from snnpar.runs.run import Run, create_run, launch

SMALL = TrainConfig.of(model="spikingformer_1_64", epochs=2, lr=0.001)


def edit(run: Run, change: Callable[[dict], object]) -> None:
    content = json.loads((run.path / "config.json").read_text())
    change(content)
    (run.path / "config.json").write_text(json.dumps(content))


def settings(**values: object) -> Callable[[dict], None]:
    """What an editor of the train section does."""

    def change(content: dict) -> None:
        content["train"] = grouped(flat(content["train"]) | values)

    return change


def save_state(run: Run) -> None:
    """What training writes beside the weights of a state."""
    checkpoint, folder = read_checkpoint(run.path), run.path / "states" / "epoch-00001-step-0000000"
    folder.mkdir(parents=True)
    said = meaning(run.config, checkpoint.model, checkpoint.schema.attributes)
    (folder / "progress.json").write_text(json.dumps({"progress": {"epoch": 1, "step": 0, "meaning": said}}))


@pytest.fixture
def run(own_runs: Path) -> Run:
    run = create_run(SMALL, own_runs / "one")
    save_state(run)
    write_status(run, state="failed", message="the disk is full")
    return run


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            settings(lr=0.002),
            "lr 0.002 where the saved state was trained with 0.001; put",
        ),
        (settings(epochs=3), "epochs 3 where"),
        (lambda content: content["model"].update(depth=2), "depth 2 where the saved state was trained with 1"),
        (lambda content: content["schema"]["attributes"].reverse(), "other attributes"),
        (settings(lr="fast"), "lr must be of type float"),
        (lambda content: content["train"]["runtime"].update(speed=9), "has no speed"),
        (lambda content: content.pop("schema"), "has no 'schema' section"),
        (
            settings(dataset="pa100k", data="/nowhere"),
            "the dataset in /nowhere is gone",
        ),
        (
            settings(logit_kd=True, teacher="/no/teacher"),
            "the teacher /no/teacher is gone",
        ),
        (settings(init="/no/weights.pth"), "/no/weights.pth, which the weights started"),
    ],
)
def test_a_refusal_names_the_reason_and_the_run_keeps_its_own(run: Run, change: Callable, words: str) -> None:
    edit(run, change)
    before = sorted((path, path.stat().st_mtime_ns) for path in run.path.rglob("*") if path.name != ".lock")
    with pytest.raises(ResumeError) as refused:
        launch(run, resume=True)
    assert words in str(refused.value) and "\n" not in str(refused.value)
    assert (status(run).state, status(run).message) == ("failed", "the disk is full")
    assert before == sorted((path, path.stat().st_mtime_ns) for path in run.path.rglob("*") if path.name != ".lock")


@pytest.mark.parametrize("content", ["", "{", "[]", "7", "null", '{"train": 3}'])
def test_a_damaged_config_is_refused(run: Run, content: str) -> None:
    (run.path / "config.json").write_text(content)
    with pytest.raises(ResumeError, match="config.json is not the config of a run"):
        check_resume(run)


@pytest.mark.parametrize(
    "free", [{"workers": 2}, {"device": "cpu"}, {"threads": 1}, {"log_steps": 1}, {"stream": True}]
)
def test_what_changes_nothing_that_is_learned_may_change(run: Run, free: dict) -> None:
    edit(run, settings(**free))
    check_resume(run)


def test_a_run_without_a_state_may_still_be_edited(own_runs: Path) -> None:
    run = create_run(SMALL, own_runs / "fresh")
    edit(run, settings(lr=0.5))
    check_resume(run)


def test_states_of_an_earlier_version_or_damaged_ones_refuse_nothing(run: Run) -> None:
    (run.path / "states" / "epoch-00001-step-0000000" / "progress.json").write_text('{"progress": {"epoch": 1}}')
    (run.path / "states" / "epoch-00002-step-0000000").mkdir()
    edit(run, settings(lr=0.5))
    check_resume(run)


def test_a_teacher_that_is_there_or_comes_from_the_hub_is_fine(own_runs: Path, tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path / "teacher", tiny.TEACHER)
    config = SMALL.changed(teacher=str(tmp_path / "teacher"), logit_kd=True)
    run = create_run(config, own_runs / "distilled")
    check_resume(run)
    edit(run, settings(teacher="hf:lab/teacher@abc"))
    check_resume(run)
    shutil.rmtree(tmp_path / "teacher")
    edit(run, settings(teacher=str(tmp_path / "teacher")))
    with pytest.raises(ResumeError, match="teacher .* is gone"):
        check_resume(run)


def test_training_in_a_terminal_asks_the_same(run: Run, capsys: pytest.CaptureFixture) -> None:
    from train.__main__ import main

    edit(run, settings(lr=0.002))
    assert main(["--run", str(run.path), "--resume"]) == 2
    assert "lr 0.002 where the saved state" in capsys.readouterr().err and status(run).message == "the disk is full"


def test_a_failed_run_keeps_its_reason_until_it_is_at_work_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    place, popen = {"state": "queued", "message": "waits for x, 1 ahead"}, subprocess.Popen
    monkeypatch.setattr("snnpar.runs.run.enlist", lambda run, device: place)
    monkeypatch.setattr(
        "snnpar.runs.jobs.subprocess.Popen", lambda command, **options: popen(["sleep", "60"], **options)
    )
    launch(run, resume=True)
    assert status(run).message == "waits for x, 1 ahead; before that it failed: the disk is full"
    kill(run, grace_s=0)
    assert status(run).state == "killed" and status(run).message.endswith("before that it failed: the disk is full")
    write_status(run, state="running", **AT_WORK)
    write_status(run, state="stopped", message="stopped on request")
    assert status(run).message == "stopped on request"


def test_a_run_that_left_the_queue_was_never_started(own_runs: Path) -> None:
    run = create_run(SMALL, own_runs / "fresh")
    assert status(run).message == "never started"
    write_status(run, state="stopped", message="left the queue; resume takes a new place in it")
    assert status(run).message == "left the queue; resume takes a new place in it; never started"
