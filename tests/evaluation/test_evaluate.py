"""Evaluation of whole checkpoints: what the folder holds, and that interruptions leave no trace in it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image

import snnpar
from snnpar.checkpoint import read_checkpoint, save_weights, write_config
from snnpar.core.errors import SnnparError
from snnpar.core.pulse import Gone
from snnpar.datasets import DataError, ResizedImages
from snnpar.evaluation.comparison import compare
from snnpar.evaluation.evaluate import Stopped, evaluate_checkpoint, predict_probs, probabilities
from snnpar.evaluation.evaluations import (
    Evaluation,
    EvaluationError,
    create_evaluation,
    data_hash,
    evaluation_at,
    revision,
)
from snnpar.evaluation.slices import DataChoice, choose_slice, save_slice
from snnpar.inference import LoadedModel, analyze, load
from snnpar.metrics.pedestrian import pedestrian_metrics
from snnpar.runs.jobs import JobError, process_identity, read_log, status, write_status
from snnpar.schema.attributes import AttributeGroup, AttributeSchema

FILES = [".lock", "evaluation.json", "log.txt", "predictions.parquet", "request.json", "status.json"]


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_checkpoint(tmp_path_factory.mktemp("student") / "tiny-student").path


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_checkpoint(tmp_path_factory.mktemp("teacher") / "tiny-teacher", tiny.TEACHER).path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("data") / "people"
    tiny.write_pa100k(folder, {"train": 3, "val": 5, "test": 7})
    return str(folder)


@pytest.fixture
def choice(data: str) -> DataChoice:
    return DataChoice(data, split="test", rendered=2)


def stop_after(batches: int) -> Callable[[], bool]:
    """A switch that lets so many batches pass."""
    left = iter([False] * batches)
    return lambda: next(left, True)


def same(a: Evaluation, b: Evaluation) -> bool:
    """Are the results equal to the byte, but for when they were made and how long it took?"""
    infos = [evaluation.info() for evaluation in (a, b)]
    for info in infos:
        for name in ("created", "seconds"):
            info["provenance"].pop(name)
    bytes_ = [(evaluation.path / "predictions.parquet").read_bytes() for evaluation in (a, b)]
    return infos[0] == infos[1] and bytes_[0] == bytes_[1]


@pytest.mark.parametrize("folder", ["student", "teacher"])
def test_batches_give_what_single_images_give(folder: str, choice: DataChoice, request: pytest.FixtureRequest) -> None:
    model = load(read_checkpoint(request.getfixturevalue(folder)))
    split = choice.open()
    images = ResizedImages(split, model.checkpoint.model.image_size)
    probs = predict_probs(model.module, images, model.word_vectors, batch_size=3)
    single = [analyze(model, split.read(i)).prediction.probs for i in range(len(split))]
    np.testing.assert_allclose(probs, single, atol=1e-4)  # the order of sums differs from processor to processor


def test_columns_follow_the_split_by_name(tmp_path: Path, student: Path) -> None:
    """A checkpoint whose attributes stand in another order gives the same answers under the same names."""
    order = list(reversed(range(len(tiny.PA100K))))
    fields = ("attributes", "phrases", "labels")
    names = {field: tuple(getattr(tiny.PA100K, field)[i] for i in order) for field in fields}
    checkpoint = tiny.write_checkpoint(tmp_path / "turned")
    write_config(checkpoint.path, checkpoint.model, replace(tiny.PA100K, **names), {}, {})
    split = DataChoice(rendered=2).open()
    straight = probabilities(student, split)
    assert read_checkpoint(checkpoint.path).schema.attributes[0] == tiny.PA100K.attributes[-1]
    np.testing.assert_allclose(probabilities(checkpoint.path, split)[:, order], straight, atol=1e-6)
    made = evaluate_checkpoint(checkpoint.path, DataChoice(rendered=2), root=tmp_path).predictions()
    np.testing.assert_allclose(made.probs[-1][:, order], straight, atol=1e-6)


@pytest.mark.parametrize("folder", ["student", "teacher"])
def test_the_folder_holds_every_answer_and_where_it_is_from(
    folder: str, choice: DataChoice, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(folder)
    made = evaluate_checkpoint(path, choice, root=tmp_path, batch_size=4)
    assert sorted(p.name for p in made.path.iterdir()) == FILES and made == evaluation_at(path, choice, root=tmp_path)
    assert made.is_complete and status(made).state == "done" and "mA" in status(made).message
    split, found, info = choice.open(), made.predictions(), made.info()
    assert (found.files, found.attributes) == (split.files, split.schema.attributes)
    np.testing.assert_array_equal(found.truth, split.labels)
    assert len(found.probs) == (tiny.STUDENT.timesteps if folder == "student" else 1)
    np.testing.assert_allclose(found.probs[-1], probabilities(path, split), atol=1e-4)  # in batches of another size
    expected = pedestrian_metrics(split.labels, found.probs[-1]).summary()
    assert {name: info["metrics"]["published"][name]["value"] for name in expected} == expected
    checkpoint, source = info["provenance"]["checkpoint"], info["provenance"]["data"]
    assert (checkpoint["name"], checkpoint["role"]) == (path.name, folder) and checkpoint["train"] == {"seed": 0}
    assert checkpoint["sha256"] == revision(path) and ("phrases_sha256" in checkpoint) == (folder == "teacher")
    assert (source["data"], source["layout"], source["split"]) == ("people", "pa100k", "test")
    assert (source["n"], source["rendered"], source["hash"]) == (9, 2, data_hash(split))
    assert info["provenance"]["batch_size"] == 4 and info["provenance"]["created"].startswith("20")
    assert str(tmp_path.parent) not in (made.path / "evaluation.json").read_text("utf-8")  # no folder of this machine
    np.testing.assert_array_equal(made.split().read(8), split.read(8))


@pytest.mark.parametrize("stops", [(0,), (1,), (4,), (2, 0, 1, 1)])
def test_an_interruption_leaves_no_trace(
    stops: tuple[int, ...], student: Path, choice: DataChoice, tmp_path: Path
) -> None:
    """Nine images in batches of two: five, the last of them short."""
    whole = evaluate_checkpoint(student, choice, root=tmp_path / "whole", batch_size=2)
    done = 0
    for batches in stops:
        done += 2 * batches
        with pytest.raises(Stopped):
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
    except Stopped:
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
    with pytest.raises(Stopped):
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
        except Stopped:
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

    with pytest.raises(Gone, match=happens):
        evaluate_checkpoint(student, choice, root=tmp_path, batch_size=2, stop=stop)
    assert [one for one in files() if one[0].name != "log.txt"] == [one for one in left if one[0].name != "log.txt"]


def test_every_unreadable_image_is_listed_and_a_mended_one_costs_nothing(student: Path, tmp_path: Path) -> None:
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


def write_own(folder: Path, names: tuple[str, ...]) -> str:
    """Three images labelled by a table, the last label unknown."""
    folder.mkdir()
    lines = [f"file,split,{','.join(names)}"]
    for i in range(3):
        Image.fromarray(tiny.random_picture(i)).save(folder / f"{i}.png")
        lines.append(f"{i}.png,test,{','.join(str((i + k) % 2) for k in range(len(names) - 1))},")
    (folder / "labels.csv").write_text("\n".join(lines))
    return str(folder)


def test_only_shared_attributes_are_evaluated(student: Path, tmp_path: Path) -> None:
    choice = DataChoice(write_own(tmp_path / "own", ("Hat", "Umbrella", "Female")), split="test")
    made = evaluate_checkpoint(student, choice, root=tmp_path)
    info, found = made.info(), made.predictions()
    assert found.attributes == ("Hat", "Female") and info["provenance"]["attributes_left_out"]["data"] == ["Umbrella"]
    assert len(info["provenance"]["attributes_left_out"]["checkpoint"]) == 24 and "Umbrella" in read_log(made)
    columns = [tiny.PA100K.index(name) for name in found.attributes]
    model, split = load(read_checkpoint(student)), choice.open()
    single = [analyze(model, split.read(i)).prediction.probs[columns] for i in range(3)]
    np.testing.assert_allclose(found.probs[-1], single, atol=1e-5)
    assert info["counts"]["unknown"] == [0, 3] and info["attributes_without_positives"] == ["Female"]
    words = {name: metrics["unknown_labels"] for name, metrics in info["metrics"].items()}
    assert "3 not masked" in words["published"] and words["rethinking"] == "3 counted as negative"


def test_without_a_shared_attribute_nothing_is_evaluated(student: Path, tmp_path: Path) -> None:
    choice = DataChoice(write_own(tmp_path / "own", ("Umbrella", "Dog")), split="test")
    with pytest.raises(EvaluationError, match="knows no attribute of csv test"):
        evaluate_checkpoint(student, choice, root=tmp_path)
    assert status(evaluation_at(student, choice, root=tmp_path)).state == "failed"


def test_what_cannot_be_opened_leaves_no_folder(student: Path, tmp_path: Path) -> None:
    for folder, choice in ((tmp_path / "nowhere", DataChoice(rendered=1)), (student, DataChoice(str(tmp_path / "no")))):
        with pytest.raises(SnnparError, match="nowhere|no such folder"):
            evaluate_checkpoint(folder, choice, root=tmp_path / "all")
        assert not (tmp_path / "all").exists()
    made = create_evaluation(student, DataChoice(str(tmp_path / "no")), root=tmp_path / "all")  # as a page does
    with pytest.raises(DataError, match="no such folder"):
        evaluate_checkpoint(student, made.choice, root=tmp_path / "all")
    assert status(made).state == "failed" and "no such folder" in status(made).message


def test_a_slice_is_evaluated_and_shown_even_when_it_is_gone(
    student: Path, choice: DataChoice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snnpar, "SLICES", tmp_path / "slices")
    whole = evaluate_checkpoint(student, choice, root=tmp_path, batch_size=9)
    files = choice.open().files
    save_slice("few", choice, (files[8], files[1]))
    made = evaluate_checkpoint(student, choose_slice("few"), root=tmp_path, batch_size=2)
    found = made.predictions()
    assert found.files == (files[1], files[8]) and made.info()["provenance"]["data"]["slice"] == "few"
    np.testing.assert_allclose(found.probs, whole.predictions().probs[:, [1, 8]], atol=1e-5)
    (tmp_path / "slices" / "few.json").unlink()
    assert made.split().files == found.files
    np.testing.assert_array_equal(made.split().read(0), choice.open().read(1))


def test_images_of_changed_data_are_not_shown(student: Path, tmp_path: Path) -> None:
    folder = tmp_path / "people"
    tiny.write_pa100k(folder, {"train": 1, "val": 3, "test": 1})
    made = evaluate_checkpoint(student, DataChoice(str(folder)), root=tmp_path)
    tiny.write_pa100k(tmp_path / "other", {"train": 2, "val": 3, "test": 1})
    (tmp_path / "other" / "annotation.mat").replace(folder / "annotation.mat")
    with pytest.raises(EvaluationError, match="the data has changed since"):
        made.split()


def test_comparison_is_paired_and_by_name(student: Path, teacher: Path, choice: DataChoice, tmp_path: Path) -> None:
    names = ("Hat", "Female", "Dog")
    schema = AttributeSchema("own", names, names, names, (AttributeGroup("All", names, none="none"),))
    third = tiny.write_checkpoint(tmp_path / "own", schema=schema).path
    first, second, few = (evaluate_checkpoint(f, choice, root=tmp_path) for f in (teacher, student, third))
    found = compare(first, second)
    assert found["n"] == 9 and found["attributes"] == 26 and found["convention"] == "published, threshold 0.45"
    values = [one.info()["metrics"]["published"] for one in (first, second)]
    for row in found["second_minus_first"]:
        expected = values[1][row["metric"]]["value"] - values[0][row["metric"]]["value"]
        assert row["difference"] == pytest.approx(expected, abs=1e-12) and row["low"] <= row["high"]
    assert all(row["difference"] == row["low"] == row["high"] == 0 for row in compare(few, few)["second_minus_first"])
    assert compare(first, few)["attributes"] == 2
    other = evaluate_checkpoint(student, DataChoice(rendered=1), root=tmp_path)
    with pytest.raises(EvaluationError, match="other images"):
        compare(first, other)


def test_the_report_is_json_of_any_reader(student: Path, choice: DataChoice, tmp_path: Path) -> None:
    made = evaluate_checkpoint(student, choice, root=tmp_path)

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    json.loads((made.path / "evaluation.json").read_text("utf-8"), parse_constant=refuse)


# ------------------------------------------------------------------------------------------------ near duplicates


@pytest.fixture(scope="module")
def overlapping(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Nine test images, of which two are paler frames of training images and three others are one image."""
    folder = tmp_path_factory.mktemp("overlapping") / "people"
    tiny.write_pa100k(folder, {"train": 6, "val": 3, "test": 9})
    for number, source in ((10, 4), (13, 1)):  # test begins at 9, train at 0
        pale = np.asarray(Image.open(folder / "data" / f"{source:06d}.png")) // 2 + 60
        Image.fromarray(pale.astype(np.uint8)).save(folder / "data" / f"{number:06d}.png")
    for number in (14, 16):
        Image.open(folder / "data" / "000011.png").save(folder / "data" / f"{number:06d}.png")
    return str(folder)


def test_near_duplicates_are_kept_beside_every_answer(student: Path, overlapping: str, tmp_path: Path) -> None:
    made = evaluate_checkpoint(student, DataChoice(overlapping, split="test"), root=tmp_path, batch_size=4)
    found, info = made.predictions(), made.info()
    pairs = {file: other for file, other in zip(found.files, found.near_duplicate_of, strict=True) if other}
    assert pairs == {"000010.png": "000004.png", "000013.png": "000001.png"}
    assert found.groups.tolist() == [0, 1, 2, 3, 4, 2, 5, 2, 6] and found.new.tolist() == [0, 2, 3, 5, 6, 7, 8]
    near, rest = info["near_duplicates"], info["without_near_duplicates"]
    assert {one["file"]: one["train_file"] for one in near["images"]} == pairs
    assert (near["compared_with"], near["compared"], near["groups"]) == ("people, train", 6, 7)
    assert (info["n"], info["interval"]["groups"], rest["n"], rest["interval"]["groups"]) == (9, 7, 7, 5)
    kept = found.new
    expected = pedestrian_metrics(found.truth[kept], found.probs[-1][kept]).summary()
    assert {name: rest["metrics"]["published"][name]["value"] for name in expected} == expected
    assert rest["counts"]["positive"] == (found.truth[kept] == 1).sum(0).tolist()


def test_a_comparison_can_do_without_near_duplicates(
    student: Path, teacher: Path, overlapping: str, tmp_path: Path
) -> None:
    first, second = (
        evaluate_checkpoint(folder, DataChoice(overlapping, split="test"), root=tmp_path)
        for folder in (teacher, student)
    )
    whole, rest = (compare(first, second, leave_out_duplicates=without) for without in (False, True))
    assert (whole["n"], whole["interval"]["groups"], rest["n"], rest["interval"]["groups"]) == (9, 7, 7, 5)
    assert "2 of 9 images are left out" in rest["near_duplicates"] and len(rest["left_out"]) == 2
    values = [one.info()["without_near_duplicates"]["metrics"]["published"] for one in (first, second)]
    for row in rest["second_minus_first"]:
        expected = values[1][row["metric"]]["value"] - values[0][row["metric"]]["value"]
        assert row["difference"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("choice", "reason"),
    [(DataChoice(rendered=2), "no training images"), ("csv", "own, train cannot be opened, or does not exist")],
)
def test_where_there_are_no_training_images_that_is_said(
    choice: DataChoice | str, reason: str, student: Path, tmp_path: Path
) -> None:
    if choice == "csv":
        choice = DataChoice(write_own(tmp_path / "own", ("Hat", "Female")), split="test")
    info = evaluate_checkpoint(student, choice, root=tmp_path).info()
    assert reason in info["near_duplicates"]["reason"] and info["without_near_duplicates"] is None
    assert str(tmp_path) not in json.dumps(info)


def test_training_images_are_near_duplicates_of_themselves(student: Path, overlapping: str, tmp_path: Path) -> None:
    info = evaluate_checkpoint(student, DataChoice(overlapping, split="train"), root=tmp_path).info()
    assert len(info["near_duplicates"]["images"]) == 6 and info["without_near_duplicates"] is None


def test_unreadable_training_images_are_counted(student: Path, tmp_path: Path) -> None:
    tiny.write_pa100k(tmp_path / "people", {"train": 3, "val": 2, "test": 1})
    (tmp_path / "people" / "data" / "000001.png").write_bytes(b"")
    near = evaluate_checkpoint(student, DataChoice(str(tmp_path / "people")), root=tmp_path).info()["near_duplicates"]
    assert (near["compared"], near["unreadable"]) == (2, 1)


def test_a_stop_while_looking_costs_no_prediction(
    student: Path, overlapping: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = DataChoice(overlapping, split="test")
    whole = evaluate_checkpoint(student, choice, root=tmp_path / "whole", batch_size=4)
    with pytest.raises(Stopped):
        evaluate_checkpoint(student, choice, root=tmp_path, batch_size=4, stop=stop_after(3 + 2))
    monkeypatch.setattr(LoadedModel, "predict", None)
    assert same(evaluate_checkpoint(student, choice, root=tmp_path), whole)


def test_splits_can_be_joined(student: Path, overlapping: str, tmp_path: Path) -> None:
    made = evaluate_checkpoint(student, DataChoice(overlapping, split="val+test"), root=tmp_path)
    assert made.info()["n"] == 12 and made.split().files == made.predictions().files
    assert made.info()["provenance"]["data"]["title"] == "people, val+test"


@pytest.mark.slow
def test_the_shipped_pair_without_near_duplicates(shared_data: Path, tmp_path: Path) -> None:
    choice = DataChoice(str(shared_data / "pa100k-mini"), split="test")
    info = evaluate_checkpoint(snnpar.ROOT / "checkpoints" / "vtb_conv_3_192", choice, root=tmp_path).info()
    assert (info["n"], info["without_near_duplicates"]["n"]) == (200, 187)
    assert info["attributes_without_positives"] == ["LowerStripe"] and len(info["supported"]["attributes"]) == 21
