from __future__ import annotations

import numpy as np
import pytest
import tiny

from snnpar.datasets import PedestrianSplit
from snnpar.explain import METHODS, heatmap
from snnpar.faithfulness import CHANCE, score_methods, score_table
from snnpar.inference import LoadedModel, analyze, load
from snnpar.probing import faithfulness

PICTURES = [tiny.random_picture(seed) for seed in range(5)]


def split(labels: np.ndarray) -> PedestrianSplit:
    return PedestrianSplit("five", tiny.PA100K, tuple(map(str, range(len(labels)))), labels.astype(np.int8),
                           lambda index: PICTURES[index])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LoadedModel]:
    return {role: load(tiny.write_checkpoint(tmp_path_factory.mktemp(role), config))
            for role, config in (("student", tiny.STUDENT), ("teacher", tiny.TEACHER))}


@pytest.mark.parametrize("role", ["student", "teacher"])
def test_every_method_and_chance_are_scored_best_first(models: dict[str, LoadedModel], role: str) -> None:
    labels = np.ones((5, 26))
    scores = score_methods(models[role], split(labels), teacher=models["teacher"], count=3)
    assert {one.method for one in scores} == {*METHODS[role], CHANCE} and {one.n for one in scores} == {3}
    assert [one.mean for one in scores] == sorted((one.mean for one in scores), reverse=True)
    assert all(-1 <= one.low <= one.mean <= one.high <= 1 for one in scores)
    assert score_methods(models[role], split(labels), teacher=models["teacher"], count=3) == scores
    table = score_table(scores).splitlines()
    assert len(table) == len(scores) + 1 and table[1].startswith(scores[0].label)


def test_a_score_is_that_of_the_surest_labelled_attribute(models: dict[str, LoadedModel]) -> None:
    model, labels = models["student"], np.zeros((1, 26))
    labels[0, [3, 7, 20]] = 1
    labels[0, 5] = 2
    probs = analyze(model, PICTURES[0]).prediction.probs
    surest = tiny.PA100K.attributes[max((3, 7, 20), key=lambda column: probs[column])]
    (found,) = [one for one in score_methods(model, split(labels)) if one.method == "ledger"]
    expected = faithfulness(model, PICTURES[0], heatmap("ledger", model, PICTURES[0], surest), surest).score
    assert found.mean == found.low == found.high == pytest.approx(expected)


def test_methods_that_do_not_apply_are_left_out(models: dict[str, LoadedModel]) -> None:
    assert "cosine" not in {one.method for one in score_methods(models["student"], split(np.ones((1, 26))))}


def test_images_without_any_known_attribute_are_told(models: dict[str, LoadedModel]) -> None:
    with pytest.raises(ValueError, match="none of the 2 images .* draw more"):
        score_methods(models["student"], split(np.zeros((2, 26))))
