"""Evaluations as folders: names, predictions, lists, and starting them."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

import snnpar
from snnpar.datasets import PedestrianSplit
from snnpar.evaluation.evaluations import (
    Evaluation,
    checkpoint_name,
    create_evaluation,
    data_hash,
    evaluation_name,
    launch,
    list_evaluations,
    revision,
)
from snnpar.evaluation.predictions import EvaluationError, Predictions, read_predictions, write_predictions
from snnpar.evaluation.slices import DataChoice
from snnpar.runs import jobs

RENDERED = DataChoice(rendered=3)


def predictions(n: int, attributes: int, timesteps: int, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    return Predictions(
        tuple(f"{i}.png" for i in range(n)),
        tuple(f"a{i}" for i in range(attributes)),
        rng.integers(0, 3, (n, attributes)).astype(np.int8),
        rng.random((timesteps, n, attributes)).astype(np.float32),
    )


@settings(deadline=None)  # the first example imports pyarrow
@given(n=st.integers(1, 9), attributes=st.integers(1, 5), timesteps=st.sampled_from([1, 2, 11]), seed=st.integers(0, 9))
def test_predictions_survive_the_file_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, n: int, attributes: int, timesteps: int, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("parquet")
    before = predictions(n, attributes, timesteps, seed)
    write_predictions(before, folder / "a.parquet")
    write_predictions(before, folder / "b.parquet")
    after = read_predictions(folder / "a.parquet")
    assert (after.files, after.attributes, after.truth.dtype) == (before.files, before.attributes, np.int8)
    np.testing.assert_array_equal(after.truth, before.truth)
    np.testing.assert_array_equal(after.probs, before.probs)
    assert after.groups is None and after.near_duplicate_of is None and after.new is None
    looked = replace(before, groups=np.arange(n) // 2, near_duplicate_of=("x.png", *(None,) * (n - 1)))
    write_predictions(looked, folder / "c.parquet")
    again = read_predictions(folder / "c.parquet")
    assert again.groups.tolist() == looked.groups.tolist() and again.near_duplicate_of == looked.near_duplicate_of
    assert again.new.tolist() == list(range(1, n)) and again.files == before.files
    (folder / "c.parquet").unlink()
    assert (folder / "a.parquet").read_bytes() == (folder / "b.parquet").read_bytes()
    assert sorted(p.name for p in folder.iterdir()) == ["a.parquet", "b.parquet"]


def test_the_table_can_be_read_without_this_project(tmp_path: Path) -> None:
    import pandas as pd

    made = predictions(2, 3, 2)
    write_predictions(made, tmp_path / "p.parquet")
    rows = pd.read_parquet(tmp_path / "p.parquet")
    assert list(rows.columns) == ["file", "attribute", "truth", "prob", "prob_t1", "prob_t2"]
    assert list(rows["file"]) == ["0.png"] * 3 + ["1.png"] * 3 and list(rows["attribute"]) == ["a0", "a1", "a2"] * 2
    assert [str(rows[name].dtype) for name in ("truth", "prob", "prob_t1")] == ["int8", "float32", "float32"]
    np.testing.assert_array_equal(rows["prob"], made.probs[-1].ravel())
    np.testing.assert_array_equal(rows["prob_t1"], made.probs[0].ravel())


def test_files_of_one_name_stay_two_images(tmp_path: Path) -> None:
    made = replace(predictions(3, 2, 1), files=("same.png", "same.png", "other.png"))
    write_predictions(made, tmp_path / "p.parquet")
    assert read_predictions(tmp_path / "p.parquet").files == made.files


def test_shapes_must_fit() -> None:
    with pytest.raises(EvaluationError, match=r"\(2, 3\).*\(2, 2\)"):
        replace(predictions(2, 3, 1), truth=np.zeros((2, 2), np.int8))
    with pytest.raises(EvaluationError, match="probs"):
        replace(predictions(2, 3, 1), probs=np.zeros((2, 3), np.float32))


@pytest.mark.parametrize("content", [None, b"", b"PAR1 but not really"])
def test_a_damaged_file_says_so(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "p.parquet").write_bytes(content)
    with pytest.raises(EvaluationError, match="missing or damaged.*--again"):
        read_predictions(tmp_path / "p.parquet")


def test_names_are_the_same_for_the_same_and_differ_otherwise(tmp_path: Path) -> None:
    folder, choice = tmp_path / "student", DataChoice("/x/people", split="test")
    others = [(tmp_path / "other" / "student", choice), (folder, DataChoice("/y/people", split="test"))]
    others += [
        (folder, replace(choice, **change))
        for change in ({"split": "val"}, {"fold": 1}, {"rendered": 2}, {"slice": "hats"}, {"layout": "csv"})
    ]
    names = {evaluation_name(*pair) for pair in others}
    assert len(names) == len(others) and evaluation_name(folder, choice) not in names
    assert evaluation_name(folder, choice) == evaluation_name(folder / ".." / "student", replace(choice))
    assert evaluation_name(folder, choice).startswith("student--people-test-")
    odd = evaluation_name(tmp_path / "a b ü", DataChoice("hf:me/people " + "x" * 200))
    assert odd.isascii() and len(odd) < 120 and not set(odd) & set(" /:")


def test_a_checkpoint_of_the_hub_is_called_by_its_id() -> None:
    assert checkpoint_name(Path("/c/hub/models--me--my--model/snapshots", "a1" * 20)) == "me/my--model"
    assert checkpoint_name(Path("/c/runs/first")) == "first"


def test_a_new_evaluation_says_what_it_is_about(tmp_path: Path) -> None:
    made = create_evaluation(tmp_path / "student", RENDERED, root=tmp_path / "all")
    assert (made.checkpoint, made.choice) == (tmp_path / "student", RENDERED)
    assert jobs.status(made).state == "created" and not made.is_complete and made.progress() == {}
    assert made.arguments == [
        "-m",
        "snnpar",
        "evaluate",
        str(tmp_path / "student"),
        "--rendered",
        "3",
        "--out",
        str(tmp_path / "all"),
    ]
    jobs.write_status(made, state="stopped")
    assert create_evaluation(tmp_path / "student", RENDERED, root=tmp_path / "all") == made
    assert jobs.status(made).state == "stopped"
    with pytest.raises(EvaluationError, match="evaluation.json cannot be read"):
        made.info()


def test_evaluations_are_listed_newest_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snnpar, "EVALUATIONS", tmp_path / "all")
    monkeypatch.setattr(snnpar, "CHECKPOINTS", tmp_path)  # where the shipped ones are not
    assert list_evaluations() == []
    made = [create_evaluation(tmp_path / name, RENDERED) for name in ("a", "b", "c")]
    for age, evaluation in enumerate(made):
        os.utime(evaluation.path / "request.json", (1000 - age, 1000 - age))
    (made[1].path / "evaluation.json").write_text("{}")
    (tmp_path / "all" / "stray").mkdir()
    assert list_evaluations() == [made[1], made[0], made[2]] and list_evaluations(tmp_path / "nowhere") == []


@pytest.mark.parametrize("content", ["{", "{}", '{"checkpoint": 1}'])
def test_a_damaged_request_says_so(content: str, tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text(content)
    with pytest.raises(EvaluationError, match="request.json"):
        _ = Evaluation(tmp_path).choice


def test_launching_runs_the_command_that_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(
        jobs.subprocess,
        "Popen",
        lambda command, **_: started.append(command) or type("Process", (), {"pid": os.getpid(), "wait": lambda: 0}),
    )
    made = create_evaluation(tmp_path / "student", RENDERED, root=tmp_path / "all")
    launch(made, again=True)
    assert started == [[sys.executable, *made.arguments, "--again"]] and jobs.status(made).is_active


def test_the_data_hash_sees_names_attributes_and_labels_and_their_order() -> None:
    labels = np.zeros((2, 26), np.int8)
    split = PedestrianSplit("one", tiny.PA100K, ("a", "b"), labels, lambda i: tiny.random_image(i))
    turned = replace(tiny.PA100K, attributes=tiny.PA100K.attributes[::-1])
    changed = [
        replace(split, files=("b", "a")),
        replace(split, files=("a", "c")),
        replace(split, schema=turned),
        replace(split, labels=labels + np.eye(2, 26, dtype=np.int8)),
    ]
    assert len({data_hash(one) for one in (split, *changed)}) == 5
    assert data_hash(replace(split, name="two", read=lambda i: None, labels=labels.copy(order="F"))) == data_hash(split)


def test_the_revision_is_that_of_the_weights(tmp_path: Path) -> None:
    import hashlib

    with pytest.raises(EvaluationError, match="model.safetensors is missing"):
        revision(tmp_path)
    checkpoint = tiny.write_checkpoint(tmp_path / "one")
    expected = hashlib.sha256((checkpoint.path / "model.safetensors").read_bytes()).hexdigest()
    assert revision(checkpoint.path) == expected
    config = json.loads((checkpoint.path / "config.json").read_text("utf-8"))
    assert config and revision(tiny.write_checkpoint(tmp_path / "two", seed=1).path) != expected
