"""Near duplicates of training images: kept beside every answer, and left out on request."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tiny
from evaluating import same, stop_after, write_own
from PIL import Image

import snnpar
from snnpar.evaluation.comparison import compare
from snnpar.evaluation.evaluate import EvaluationStopped, evaluate_checkpoint
from snnpar.evaluation.slices import DataChoice
from snnpar.inference import LoadedModel
from snnpar.metrics.pedestrian import pedestrian_metrics


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
    with pytest.raises(EvaluationStopped):
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
