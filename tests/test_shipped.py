"""The shipped pair: it loads, fits together, answers well on the bundled samples, and its card's figures hold."""

from __future__ import annotations

import re

import numpy as np
import pytest

from snnpar import ROOT
from snnpar.checkpoint import CARD, read_checkpoint
from snnpar.datasets import open_folder
from snnpar.datasets.gallery import samples
from snnpar.evaluate import probabilities
from snnpar.images import open_rgb
from snnpar.inference import LoadedModel, analyze, load
from snnpar.metrics import pedestrian_metrics
from snnpar.models import SMALL

ROLES = ("teacher", "student")


@pytest.fixture(scope="module")
def pair() -> dict[str, LoadedModel]:
    return {role: load(read_checkpoint(ROOT / "checkpoints" / SMALL[role])) for role in ROLES}


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
def test_the_card_tells_what_evaluation_finds(pair: dict[str, LoadedModel], role: str, shared_data) -> None:
    checkpoint = pair[role].checkpoint
    row = re.search(r"validation split.*?\n\| (\d[^\n]+) \|", (checkpoint.path / CARD).read_text("utf-8"), re.S)
    split = open_folder(shared_data / "pa100k-mini", "val")
    found = pedestrian_metrics(split.labels, probabilities(checkpoint.path, split)).summary()
    told = [float(cell) for cell in row[1].split(" | ")]
    np.testing.assert_allclose([100 * value for value in found.values()], told, atol=0.6)  # another CPU may round
