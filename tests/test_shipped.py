"""The shipped pair: it loads, fits together, answers well on the bundled samples, and its card's figures hold."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from snnpar import ROOT
from snnpar.checkpoint import CARD, read_checkpoint
from snnpar.datasets import open_folder
from snnpar.datasets.gallery import samples
from snnpar.evaluation.evaluate import probabilities
from snnpar.evaluation.evaluations import list_evaluations, revision
from snnpar.evaluation.slices import QUICK
from snnpar.explain import heatmap, methods_of
from snnpar.images.pixels import open_rgb
from snnpar.inference import LoadedModel, analyze, load
from snnpar.metrics.defaults import ATTRIBUTE, SAMPLE, THRESHOLD, first_attribute
from snnpar.metrics.pedestrian import FIVE, pedestrian_metrics
from snnpar.metrics.report import COLUMNS
from snnpar.models import unnamed
from snnpar.runs.jobs import status

ROLES = ("teacher", "student")


@pytest.fixture(scope="module")
def pair() -> dict[str, LoadedModel]:
    return {role: load(read_checkpoint(ROOT / "checkpoints" / unnamed(role))) for role in ROLES}


def test_the_pair_is_small_and_fits_together(pair: dict[str, LoadedModel]) -> None:
    teacher, student = (pair[role].checkpoint for role in ROLES)
    assert (teacher.role, student.role) == ROLES
    assert teacher.model.token_grid == student.model.token_grid and teacher.model.dim == student.model.dim
    assert teacher.schema == student.schema
    size = sum(path.stat().st_size for c in (teacher, student) for path in c.path.iterdir())
    assert size <= 40e6


@pytest.mark.parametrize(("role", "least"), [("teacher", 0.9), ("student", 0.85)])
def test_most_answers_on_the_bundled_samples_are_right(pair: dict[str, LoadedModel], role: str, least: float) -> None:
    """Guards the weights: an untrained model, or one with mixed-up attributes, is right about half of the time."""
    model, right = pair[role], []
    for sample in samples():
        probs = analyze(model, open_rgb(sample.path)).prediction.probs
        truth = [name in sample.labels for name in model.schema.attributes]
        right.append((probs > 0.45) == truth)
    assert np.mean(right) >= least


@pytest.mark.parametrize("role", ROLES)
def test_the_first_map_that_is_shown_says_where(pair: dict[str, LoadedModel], role: str) -> None:
    """Both models are right about the first attribute, and their first maps are strong on its place alone: the top
    that has the stripes, from shoulders to hips. If other weights are not, choose another SAMPLE or ATTRIBUTE."""
    model = pair[role]
    (sample,) = [one for one in samples() if one.name == SAMPLE]
    attribute, image = first_attribute(model.schema.attributes), open_rgb(sample.path)
    assert attribute == ATTRIBUTE in sample.labels
    assert analyze(model, image).prediction.probs[model.schema.index(attribute)] > THRESHOLD
    heat = heatmap(next(iter(methods_of(model))), model, image, attribute)
    row, _ = np.unravel_index(heat.values.argmax(), heat.values.shape)
    assert 0.15 < heat.geometry.rows.centres[row] < 0.55
    assert (heat.values > heat.bound / 2).mean() <= 1 / 3, "a map that is red all over says nothing"


@pytest.mark.parametrize("role", ["teacher", pytest.param("student", marks=pytest.mark.slow)])
def test_the_card_tells_what_evaluation_finds(pair: dict[str, LoadedModel], role: str, shared_data) -> None:
    checkpoint = pair[role].checkpoint
    row = re.search(r"validation split.*?\n\| (\d[^\n]+) \|", (checkpoint.path / CARD).read_text("utf-8"), re.S)
    split = open_folder(shared_data / "pa100k-mini", "val")
    found = pedestrian_metrics(split.labels, probabilities(checkpoint.path, split))
    told = {name: float(cell) for name, cell in zip(COLUMNS, row[1].split(" | "), strict=True)}
    for name, value in told.items():
        assert 100 * getattr(found, name) == pytest.approx(value, abs=0.6), name  # another CPU may round


@pytest.mark.parametrize("role", ROLES)
def test_an_evaluation_of_these_very_weights_is_shipped(role: str) -> None:
    """Read-only, without a place of the machine that made it, and true: its metrics follow from its predictions."""
    (one,) = [one for one in list_evaluations() if one.is_shipped and one.path.name == unnamed(role)]
    assert one.is_complete and status(one).state == "done" and one.choice == QUICK
    assert one.checkpoint == ROOT / "checkpoints" / unnamed(role)
    info, found = one.info(), one.predictions()
    assert info["provenance"]["checkpoint"]["sha256"] == revision(one.checkpoint) and info["n"] == 500
    told = {name: info["metrics"]["published"][name]["value"] for name in FIVE}
    assert pedestrian_metrics(found.truth, found.probs[-1]).summary() == pytest.approx(told, abs=1e-9)
    text = "".join(path.read_text("utf-8") for path in one.path.glob("*.json"))
    assert "/" + ROOT.parts[1] + "/" not in text and sum(p.stat().st_size for p in one.path.iterdir()) < 1e6


def test_they_are_those_of_checkpoints_that_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snnpar.CHECKPOINTS", tmp_path)
    monkeypatch.setattr("snnpar.EVALUATIONS", tmp_path / "evaluations")
    assert list_evaluations() == [] and list_evaluations(ROOT / "assets" / "evaluations")
