"""Evaluation of whole checkpoints, and the command line around it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny

from snnpar.__main__ import main
from snnpar.checkpoint import read_checkpoint, write_config
from snnpar.datasets import HELD_OUT_SEEDS, ResizedImages
from snnpar.evaluate import evaluation_split, predict_probs, probabilities
from snnpar.inference import analyze, load
from snnpar.metrics import pedestrian_metrics


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_checkpoint(tmp_path_factory.mktemp("student")).path


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_checkpoint(tmp_path_factory.mktemp("teacher"), tiny.TEACHER).path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("data") / "pa100k"
    tiny.write_pa100k(folder, {"train": 3, "val": 5, "test": 4})
    return str(folder)


@pytest.mark.parametrize("folder", ["student", "teacher"])
def test_batches_give_what_single_images_give(folder: str, data: str, request: pytest.FixtureRequest) -> None:
    model = load(read_checkpoint(request.getfixturevalue(folder)))
    split = evaluation_split(data, "val", rendered=3)
    images = ResizedImages(split, model.checkpoint.model.image_size)
    probs = predict_probs(model.module, images, model.word_vectors, batch_size=3)
    single = [analyze(model, split.read(i)).prediction.probs for i in range(len(split))]
    np.testing.assert_allclose(probs, single, atol=1e-5)


def test_columns_follow_the_split_by_name(tmp_path: Path, student: Path) -> None:
    """A checkpoint whose attributes stand in another order gives the same answers under the same names."""
    order = list(reversed(range(len(tiny.PA100K))))
    fields = ("attributes", "phrases", "labels")
    names = {field: tuple(getattr(tiny.PA100K, field)[i] for i in order) for field in fields}
    checkpoint = tiny.write_checkpoint(tmp_path)
    write_config(tmp_path, checkpoint.model, replace(tiny.PA100K, **names), {}, {})
    split = evaluation_split("", "val", rendered=2)
    straight = probabilities(student, split)
    assert read_checkpoint(tmp_path).schema.attributes[0] == tiny.PA100K.attributes[-1]
    np.testing.assert_allclose(probabilities(tmp_path, split)[:, order], straight, atol=1e-6)


def test_rendered_images_are_held_out() -> None:
    split = evaluation_split("", "val", rendered=4)
    assert split.files[0] == f"rendered-{HELD_OUT_SEEDS['test']}-0" and len(split) == 4
    assert min(HELD_OUT_SEEDS.values()) > 2**31 - 1  # the largest seed a training run accepts


def test_evaluate_prints_the_metrics(student: Path, data: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["evaluate", str(student), "--data", data, "--split", "test"]) == 0
    printed = json.loads(capsys.readouterr().out)
    split = evaluation_split(data, "test", 0)
    expected = pedestrian_metrics(split.labels, probabilities(student, split)).summary()
    assert printed.items() >= expected.items() and (printed["n"], printed["split"]) == (4, "pa100k test")


def test_compare_of_a_checkpoint_with_itself_is_zero(student: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["compare", str(student), str(student), "--rendered", "6"]) == 0
    rows = json.loads(capsys.readouterr().out)["second_minus_first"]
    assert len(rows) == 5 and all(row["difference"] == row["low"] == row["high"] == 0 for row in rows)


@pytest.mark.parametrize(("arguments", "message"), [
    (["evaluate", "nowhere", "--rendered", "2"], "nowhere"),
    (["evaluate", "nowhere"], "nothing to evaluate on"),
    (["export", "nowhere", "out"], "nowhere is not a run"),
    (["table", "pyproject.toml"], "pyproject.toml has no lines"),
])
def test_bad_input_is_one_sentence(arguments: list[str], message: str, capsys: pytest.CaptureFixture) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1


def test_table_is_rewritten_in_place(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- models -->\nold\n<!-- end -->\nafter\n")
    assert main(["table", str(page)]) == 0
    once = page.read_text("utf-8")
    assert "old" not in once and once.startswith("before\n") and once.endswith("<!-- end -->\nafter\n")
    assert "| `spikingformer_4_192` |" in once
    assert main(["table", str(page)]) == 0 and page.read_text("utf-8") == once


def test_the_readme_shows_the_table_of_the_registry() -> None:
    from snnpar import ROOT
    from snnpar.table import model_table

    assert model_table() in (ROOT / "README.md").read_text("utf-8")
