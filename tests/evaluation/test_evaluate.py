"""Evaluation of whole checkpoints: what the folder holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from evaluating import FILES, write_own

import snnpar
from snnpar.checkpoint import read_checkpoint, write_config
from snnpar.core.errors import SnnparError
from snnpar.datasets import DataError, ResizedImages
from snnpar.evaluation.comparison import compare
from snnpar.evaluation.evaluate import evaluate_checkpoint, predict_probs, probabilities
from snnpar.evaluation.evaluations import create_evaluation, data_hash, evaluation_at, revision
from snnpar.evaluation.predictions import EvaluationError
from snnpar.evaluation.slices import DataChoice, choose_slice, save_slice
from snnpar.inference import analyze, load
from snnpar.metrics.pedestrian import pedestrian_metrics
from snnpar.runs.jobs import read_log, status
from snnpar.schema.attributes import AttributeGroup, AttributeSchema


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
