"""The scores on the Checkpoints page, and the evaluations that it starts."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from screen import said
from shelf import keys, table

import snnpar
from snnpar.checkpoint import read_checkpoint, write_config
from snnpar.evaluation.batch import create_batch
from snnpar.evaluation.evaluations import create_evaluation, revision
from snnpar.evaluation.slices import DataChoice
from snnpar.metrics.pedestrian import FIVE
from snnpar.runs.jobs import write_status


def write_scores(folder: Path, evaluations: Path, choice: DataChoice, value: float, digest: str) -> None:
    """What an evaluation leaves, as far as this page reads it."""
    evaluation = create_evaluation(folder, choice, root=evaluations)
    metrics = {name: {"value": value} for name in FIVE} | {"per_attribute": {"ma": {"value": [value]}}}
    info = {
        "n": 9,
        "attributes": ["Hat"],
        "counts": {"positive": [4]},
        "attributes_without_positives": [],
        "metrics": {"published": metrics, "rethinking": metrics},
        "provenance": {
            "checkpoint": {"sha256": revision(folder)},
            "data": {"title": choice.title, "data": choice.data, "split": "test", "hash": digest},
        },
    }
    (evaluation.path / "evaluation.json").write_text(json.dumps(info))
    (evaluation.path / "predictions.parquet").touch()
    write_status(evaluation, state="done")


@pytest.fixture
def scored(shelf: Path) -> Path:
    """The pair has scores on people; the student on rendered ones, too, and one told without a hash."""
    student, teacher = read_checkpoint(shelf / "tiny-student"), shelf / "tiny-teacher"
    told = {
        "images": "people, test",
        "split": "test",
        "n": 9,
        "convention": "published",
        "values": dict.fromkeys(FIVE, 0.9),
    }
    write_config(student.path, student.model, student.schema, student.train, {"scores": [told]})
    people, rendered = DataChoice("/x/people", split="test"), DataChoice(rendered=9)
    for folder, choice, value, digest in (
        (student.path, people, 0.6, "a" * 64),
        (teacher, people, 0.7, "a" * 64),
        (student.path, rendered, 0.8, "b" * 64),
    ):
        write_scores(folder, shelf / "evaluations", choice, value, digest)
    return shelf


def shown(test) -> dict[str, float | None]:
    rows = table(test).set_index("Checkpoint")["mA"]
    return {name: None if pd.isna(value) else round(value) for name, value in rows.items()}


def test_scores_stand_only_beside_their_likes(app, scored: Path) -> None:
    test = app(scored, "checkpoints")
    box = test.selectbox(key="scored_on")
    people, rendered, told = (
        f"people, test, n = 9, hash {'a' * 7}",
        f"9 rendered, n = 9, hash {'b' * 7}",
        "people, test, n = 9, no hash",
    )
    assert set(box.options) == {people, rendered, told} and box.options[0] == people  # which most have
    assert shown(test) == {"tiny-student": 60, "tiny-teacher": 70} and "2 of 2 have a score" in said(test.caption)
    test.selectbox(key="scored_on").select(rendered).run()
    assert shown(test) == {"tiny-student": 80, "tiny-teacher": None} and "1 of 2 have a score" in said(test.caption)
    test.selectbox(key="scored_on").select(told).run()
    assert shown(test) == {"tiny-student": 90, "tiny-teacher": None} and "No hash" in said(test.caption)
    assert "On" not in table(test).columns


def test_gaps_are_filled_by_one_job(app, scored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launched = []
    monkeypatch.setattr("pages.ui.checkpoints.evaluating_all.launch_batch", launched.append)
    test = app(scored, "checkpoints", scored_on=f"9 rendered, n = 9, hash {'b' * 7}")
    button = next(one for one in test.button if one.label == "Evaluate the 1 without a score on 9 rendered")
    assert f"python -m snnpar evaluate {scored / 'tiny-teacher'} --rendered 9" in [one.value for one in test.code]
    button.click().run()
    assert [batch.checkpoints for batch in launched] == [[scored / "tiny-teacher"]]
    assert launched[0].choice == DataChoice(rendered=9)


def test_a_set_without_a_hash_has_no_gaps_to_fill(app, scored: Path) -> None:
    test = app(scored, "checkpoints", scored_on="people, test, n = 9, no hash")
    assert "not known here exactly" in said(test.caption)
    assert "Evaluate all 2 on 500 rendered pedestrians" in [one.label for one in test.button]


def test_a_batch_under_way_is_shown_and_outlives_the_page(app, scored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snnpar, "EVALUATIONS", scored / "evaluations")
    batch = create_batch([scored / "tiny-teacher", scored / "tiny-student"], DataChoice(rendered=9))
    write_status(batch, state="running")
    (batch.path / "progress.json").write_text(
        json.dumps({"done": 1, "total": 2, "current": "tiny-student--9-rendered-abc", "part": 0.5, "eta_s": 75.2})
    )
    asked = []
    monkeypatch.setattr("pages.ui.checkpoints.evaluating_all.stop", asked.append)
    for _ in range(2):  # a reload
        test = app(scored, "checkpoints")
        assert "2 checkpoints on 9 rendered" in said(test.markdown)
        (bar,) = test.get("progress")
        assert bar.proto.value == 75
        assert bar.proto.text == "1 of 2 checkpoints · tiny-student: 50% of the images · about 0:01:15 left"
    test.button(key="batch_cancel").click().run()
    assert asked == [batch]
    write_status(batch, state="failed", message="1 of 2 could not be evaluated: tiny-student: no")
    test = app(scored, "checkpoints")
    assert "tiny-student: no" in said(test.caption) and {"batch_resume", "batch_dismiss"} <= keys(test)
    test.button(key="batch_dismiss").click().run()
    assert not batch.path.exists() and "batch_dismiss" not in keys(test)


def test_a_public_server_evaluates_nothing(app, scored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNPAR_PUBLIC", "1")
    test = app(scored, "checkpoints")
    assert "Evaluations cannot be started on this public server" in said(test.info)
    assert not [one.label for one in test.button if one.label.startswith("Evaluate")]
