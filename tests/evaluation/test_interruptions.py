"""Evaluations that are stopped, killed, changed or moved meanwhile: nothing of it is in their result."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from evaluating import FILES, same, stop_after

from snnpar.checkpoint import save_weights, write_config
from snnpar.core.pulse import JobGone
from snnpar.datasets import DataError
from snnpar.evaluation.evaluate import EvaluationStopped, evaluate_checkpoint
from snnpar.evaluation.evaluations import create_evaluation, evaluation_at
from snnpar.evaluation.slices import DataChoice
from snnpar.inference import LoadedModel
from snnpar.runs.jobs import JobError, process_identity, read_log, status, write_status
from snnpar.schema.attributes import AttributeGroup


@pytest.mark.parametrize("stops", [(0,), (1,), (4,), (2, 0, 1, 1)])
def test_an_interruption_leaves_no_trace(
    stops: tuple[int, ...], student: Path, choice: DataChoice, tmp_path: Path
) -> None:
    """Nine images in batches of two: five, the last of them short."""
    whole = evaluate_checkpoint(student, choice, root=tmp_path / "whole", batch_size=2)
    done = 0
    for batches in stops:
        done += 2 * batches
        with pytest.raises(EvaluationStopped):
            evaluate_checkpoint(
                student, choice, root=tmp_path / "parts", batch_size=2 * (done == 2 * batches), stop=stop_after(batches)
            )
        broken = evaluation_at(student, choice, root=tmp_path / "parts")
        assert status(broken).state == "stopped" and f"after {done} images" in status(broken).message
        assert broken.progress().items() >= {"done": done, "n": 9, "batch_size": 2}.items() and not broken.is_complete
    (broken.path / "parts" / "00000099.partial").write_bytes(b"cut short by a power failure")
    assert same(evaluate_checkpoint(student, choice, root=tmp_path / "parts"), whole)
    assert sorted(p.name for p in broken.path.iterdir()) == FILES


def test_ctrl_c_within_a_batch_costs_that_batch(
    student: Path, choice: DataChoice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluate_checkpoint(student, choice, root=tmp_path / "whole", batch_size=2)
    computed, probs = [], LoadedModel.predict

    def interrupted(*arguments: object) -> np.ndarray:
        computed.append(1)
        if len(computed) == 3:
            raise KeyboardInterrupt
        return probs(*arguments)

    monkeypatch.setattr(LoadedModel, "predict", interrupted)
    with pytest.raises(KeyboardInterrupt):
        evaluate_checkpoint(student, choice, root=tmp_path, batch_size=2)
    assert same(evaluate_checkpoint(student, choice, root=tmp_path), whole)
    assert len(computed) == 3 + 3  # two batches were kept, three are left


def test_a_complete_evaluation_is_left_alone_unless_again(
    student: Path, choice: DataChoice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluate_checkpoint(student, choice, root=tmp_path, batch_size=4)
    before = (first.path / "evaluation.json").read_bytes()
    monkeypatch.setattr(LoadedModel, "predict", None)
    assert evaluate_checkpoint(student, choice, root=tmp_path) == first
    assert (first.path / "evaluation.json").read_bytes() == before and "already complete" in read_log(first)
    assert status(first).state == "done" and "mA" in status(first).message
    with pytest.raises(TypeError):  # it computes, with what is no function now
        evaluate_checkpoint(student, choice, root=tmp_path, again=True)
    assert not first.is_complete and status(first).state == "failed"


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("changed", ["checkpoint", "data", "attributes"])
def test_what_changed_meanwhile_starts_anew_and_says_so(changed: str, complete: bool, tmp_path: Path) -> None:
    checkpoint = tiny.write_checkpoint(tmp_path / "student")
    tiny.write_pa100k(tmp_path / "a" / "people", {"train": 1, "val": 6, "test": 1})
    choice = DataChoice(str(tmp_path / "a" / "people"))
    try:
        evaluate_checkpoint(checkpoint.path, choice, root=tmp_path, batch_size=2, stop=stop_after(9 if complete else 2))
    except EvaluationStopped:
        assert not complete
    if changed == "checkpoint":
        save_weights(tiny.lively(tiny.STUDENT, seed=1), checkpoint.path / "model.safetensors")
    elif changed == "data":
        tiny.write_pa100k(tmp_path / "b", {"train": 1, "val": 6, "test": 1}, seed=1)
        (tmp_path / "b" / "annotation.mat").replace(tmp_path / "a" / "people" / "annotation.mat")
    else:
        renamed = replace(
            tiny.PA100K,
            attributes=("Male", *tiny.PA100K.attributes[1:]),
            groups=(AttributeGroup("All", ("Male", *tiny.PA100K.attributes[1:]), none="none"),),
        )
        write_config(checkpoint.path, checkpoint.model, renamed, {"seed": 0}, {})
    made = evaluate_checkpoint(checkpoint.path, choice, root=tmp_path, batch_size=2)
    assert "changed since" in read_log(made) and f"the {changed}" in read_log(made)
    assert same(evaluate_checkpoint(checkpoint.path, choice, root=tmp_path / "anew", batch_size=2), made)


def test_another_batch_size_starts_anew(student: Path, choice: DataChoice, tmp_path: Path) -> None:
    with pytest.raises(EvaluationStopped):
        evaluate_checkpoint(student, choice, root=tmp_path, batch_size=2, stop=stop_after(2))
    made = evaluate_checkpoint(student, choice, root=tmp_path, batch_size=3)
    assert "the batch size (it was 2) changed" in read_log(made) and made.info()["provenance"]["batch_size"] == 3


@pytest.mark.parametrize("content", ["{", '{"done": 1}', "[]"])
def test_unreadable_progress_starts_anew(content: str, student: Path, choice: DataChoice, tmp_path: Path) -> None:
    made = create_evaluation(student, choice, root=tmp_path)
    (made.path / "progress.json").write_text(content)
    assert evaluate_checkpoint(student, choice, root=tmp_path).is_complete and "anew" in read_log(made)


def test_the_code_of_every_session_is_named(
    student: Path, choice: DataChoice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from snnpar.evaluation import work as evaluation_work

    for version, batches in (("aaaa", 2), ("bbbb", 1), ("bbbb", 999)):
        monkeypatch.setattr(evaluation_work, "commit", lambda version=version: version)
        try:
            made = evaluate_checkpoint(
                student, choice, root=tmp_path, batch_size=2 * (version == "aaaa"), stop=stop_after(batches)
            )
        except EvaluationStopped:
            continue
    assert made.info()["provenance"]["commit"] == "aaaa, then bbbb"


def test_one_that_runs_elsewhere_is_not_disturbed(student: Path, choice: DataChoice, tmp_path: Path) -> None:
    made = create_evaluation(student, choice, root=tmp_path)
    write_status(made, state="running", **process_identity(os.getppid()))
    with pytest.raises(JobError, match=f"process {os.getppid()}"):
        evaluate_checkpoint(student, choice, root=tmp_path)
    assert status(made).state == "running" and sorted(p.name for p in made.path.iterdir()) == FILES[-2:]


def test_of_two_at_the_same_moment_one_goes_on(
    student: Path, choice: DataChoice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one begins while this one reads its checkpoint, and this one leaves its result alone."""
    monkeypatch.setattr(
        "snnpar.evaluation.evaluate.check_free",
        lambda _job: write_status(
            create_evaluation(student, choice, root=tmp_path), state="running", **process_identity(os.getppid())
        ),
    )
    with pytest.raises(JobError, match=f"process {os.getppid()}"):
        evaluate_checkpoint(student, choice, root=tmp_path)
    assert status(evaluation_at(student, choice, root=tmp_path)).state == "running"


@pytest.mark.parametrize("happens", ["taken over", "moved"])
def test_one_that_is_gone_writes_nothing_more(student: Path, choice: DataChoice, tmp_path: Path, happens: str) -> None:
    made, calls, left = evaluation_at(student, choice, root=tmp_path), iter(range(100)), []

    def files() -> list:
        return sorted((path, path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file())

    def stop() -> bool:
        if next(calls) == 1:
            if happens == "moved":
                made.path.rename(tmp_path / "elsewhere")
            else:
                write_status(made, state="running", pid=1, host="node7", boot="other")
            left.extend(files())
        return False

    with pytest.raises(JobGone, match=happens):
        evaluate_checkpoint(student, choice, root=tmp_path, batch_size=2, stop=stop)
    assert [one for one in files() if one[0].name != "log.txt"] == [one for one in left if one[0].name != "log.txt"]


def test_every_unreadable_image_is_listed_and_a_fixed_one_costs_nothing(student: Path, tmp_path: Path) -> None:
    folder = tmp_path / "people"
    tiny.write_pa100k(folder, {"train": 1, "val": 7, "test": 1})
    choice = DataChoice(str(folder))
    whole = evaluate_checkpoint(student, choice, root=tmp_path / "whole", batch_size=2)
    damaged = [folder / "data" / f"{number:06d}.png" for number in (4, 6)]
    kept = [path.read_bytes() for path in damaged]
    damaged[0].write_bytes(kept[0][:60])
    damaged[1].unlink()
    with pytest.raises(DataError, match="000004.png.*and 1 more.*fix"):
        evaluate_checkpoint(student, choice, root=tmp_path, batch_size=2)
    made = evaluation_at(student, choice, root=tmp_path)
    assert status(made).state == "failed" and made.progress()["done"] == 2
    assert all(f"{path.name}: " in read_log(made) for path in damaged)
    for path, content in zip(damaged, kept, strict=True):
        path.write_bytes(content)
    assert same(evaluate_checkpoint(student, choice, root=tmp_path), whole)
