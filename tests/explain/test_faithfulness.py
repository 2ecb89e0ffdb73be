from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import toys

from snnpar.core.errors import SnnparError
from snnpar.datasets import PedestrianSplit
from snnpar.explain import heatmap
from snnpar.explain.faithfulness import CHANCE, score_methods, score_table
from snnpar.explain.probing import faithfulness
from snnpar.inference import LoadedModel, analyze, load
from snnpar.models import MODELS

IMAGES = [tiny.random_image(seed) for seed in range(5)]


def split(labels: np.ndarray) -> PedestrianSplit:
    return PedestrianSplit(
        "five", tiny.PA100K, tuple(map(str, range(len(labels)))), labels.astype(np.int8), lambda index: IMAGES[index]
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LoadedModel]:
    return {
        role: load(tiny.write_checkpoint(tmp_path_factory.mktemp(role), config))
        for role, config in (("student", tiny.STUDENT), ("teacher", tiny.TEACHER))
    }


@pytest.mark.parametrize("role", ["teacher", pytest.param("student", marks=pytest.mark.slow)])
def test_every_method_and_chance_are_scored_in_their_order(models: dict[str, LoadedModel], role: str) -> None:
    labels = np.ones((5, 26))
    scores = score_methods(models[role], split(labels), teacher=models["teacher"], count=3)
    assert [one.method for one in scores] == [*tiny.BY_ROLE[role], CHANCE] and {one.n for one in scores} == {3}
    estimates = [estimate for one in scores for estimate in (one.score, one.over_chance, one.over_first)]
    assert all(-2 <= one.low <= one.mean <= one.high <= 2 for one in estimates)
    assert score_methods(models[role], split(labels), teacher=models["teacher"], count=3) == scores
    table = score_table(scores).splitlines()
    assert [line.split("  ")[0] for line in table[2 : len(scores) + 2]] == [one.label for one in scores]
    assert ("minus " + scores[0].label) in table[1] and "best" not in " ".join(table)
    assert ("Grad-CAM before its negative values are cut off, plus a constant" in table[-1]) == (role == "student")


def test_differences_are_paired_by_image(models: dict[str, LoadedModel]) -> None:
    """A method minus itself is 0 on every image; means of differences are differences of means."""
    scores = {one.method: one for one in score_methods(models["student"], split(np.ones((5, 26))), count=4)}
    first, chance = scores["ledger"], scores[CHANCE]
    assert (first.over_first.low, first.over_first.high) == (chance.over_chance.low, chance.over_chance.high) == (0, 0)
    for one in scores.values():
        assert one.over_chance.mean == pytest.approx(one.score.mean - chance.score.mean)
        assert one.over_first.mean == pytest.approx(one.score.mean - first.score.mean)
        assert one.over_chance.low <= one.over_chance.mean <= one.over_chance.high


def test_a_score_is_that_of_the_surest_labelled_attribute(models: dict[str, LoadedModel]) -> None:
    model, labels = models["student"], np.zeros((1, 26))
    labels[0, [3, 7, 20]] = 1
    labels[0, 5] = 2
    probs = analyze(model, IMAGES[0]).prediction.probs
    surest = tiny.PA100K.attributes[max((3, 7, 20), key=lambda column: probs[column])]
    (found,) = [one for one in score_methods(model, split(labels)) if one.method == "ledger"]
    expected = faithfulness(model, IMAGES[0], heatmap("ledger", model, IMAGES[0], surest), surest).score
    assert found.score.mean == found.score.low == found.score.high == pytest.approx(expected)


def test_methods_that_do_not_apply_are_left_out(models: dict[str, LoadedModel]) -> None:
    assert "cosine" not in {one.method for one in score_methods(models["student"], split(np.ones((1, 26))))}


def test_a_model_whose_maps_need_what_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of every network that says nothing of itself: its one map needs a teacher."""
    monkeypatch.setitem(MODELS, "toy_ann", toys.ToyANN)
    model = load(tiny.write_checkpoint(tmp_path / "plain", replace(tiny.STUDENT, architecture="toy_ann")))
    with pytest.raises(SnnparError, match="no heatmap of plain can be made here"):
        score_methods(model, split(np.ones((2, 26))))


def test_images_without_any_known_attribute_are_told(models: dict[str, LoadedModel]) -> None:
    with pytest.raises(SnnparError, match="none of the 2 images .* draw more"):
        score_methods(models["student"], split(np.zeros((2, 26))))
