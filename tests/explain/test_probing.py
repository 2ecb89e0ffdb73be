from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny

from snnpar.explain import Heatmap
from snnpar.explain.probing import STEPS, Faithfulness, cover, faithfulness, occlude
from snnpar.images.geometry import Geometry
from snnpar.inference import LoadedModel, analyze, load

IMAGE = tiny.random_image(3)
GRID = (4, 2)


@pytest.fixture(scope="module", params=[tiny.STUDENT, tiny.TEACHER], ids=["student", "teacher"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load(tiny.write_checkpoint(tmp_path_factory.mktemp("model"), request.param))


def cells(*marked: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(GRID, bool)
    for place in marked:
        mask[place] = True
    return mask


def test_cells_are_covered_and_nothing_else() -> None:
    even = Geometry.even(*GRID)
    covered = cover(IMAGE, cells((0, 1), (3, 0)), even)  # 40 x 24 pixels: cells of 10 x 12
    mean = IMAGE.reshape(-1, 3).mean(0).round()
    assert (covered[:10, 12:] == mean).all() and (covered[30:, :12] == mean).all()
    assert np.array_equal(covered[:10, :12], IMAGE[:10, :12]) and np.array_equal(covered[10:30], IMAGE[10:30])
    assert np.array_equal(cover(IMAGE, cells(), even), IMAGE) and covered is not IMAGE


def test_a_token_is_covered_where_it_lies(model: LoadedModel) -> None:
    """Of 64 rows, those of token 1 run from 8.5 to 24.5; the outer tokens reach to the border."""
    image = tiny.random_image(3, (64, 32))
    marked = np.where((cover(image, cells((1, 1)), model.geometry) != image).any(2))
    assert (marked[0].min(), marked[0].max(), marked[1].min(), marked[1].max()) == (8, 23, 8, 31)
    marked = np.where((cover(image, cells((0, 0)), model.geometry) != image).any(2))
    assert (marked[0].min(), marked[0].max(), marked[1].min(), marked[1].max()) == (0, 7, 0, 7)


@pytest.mark.parametrize("mask", [np.zeros(GRID), np.zeros(8, bool), np.zeros((8, 4), bool)])
def test_a_mask_is_a_grid_of_yes_and_no(mask: np.ndarray) -> None:
    with pytest.raises(ValueError, match="rows, columns"):
        cover(IMAGE, mask, Geometry.even(*GRID))


def test_hiding_nothing_changes_nothing(model: LoadedModel) -> None:
    before = analyze(model, IMAGE)
    same = occlude(model, before, IMAGE, cells())
    assert not same.logit_change.any() and not same.spike_change and not same.energy_change_uj
    assert same.flipped(0.45) == ()


def test_hiding_a_part_changes_what_is_said(model: LoadedModel) -> None:
    before = analyze(model, IMAGE)
    seen = occlude(model, before, IMAGE, cells((0, 0), (0, 1), (1, 0), (1, 1)))
    after = analyze(model, cover(IMAGE, cells((0, 0), (0, 1), (1, 0), (1, 1)), model.geometry))
    np.testing.assert_allclose(seen.logit_change, after.prediction.logits - before.prediction.logits)
    assert np.abs(seen.logit_change).max() > 1e-3
    thresholds = (before.prediction.probs + after.prediction.probs) / 2
    most = int(np.abs(after.prediction.probs - before.prediction.probs).argmax())
    assert before.prediction.attributes[most] in seen.flipped(float(thresholds[most]))
    assert seen.flipped(2.0) == ()
    assert (seen.spike_change != 0) == (seen.energy_change_uj != 0) == (model.role == "student")


def test_curves_run_from_the_whole_image_to_none_and_back(model: LoadedModel) -> None:
    heat = Heatmap(np.arange(8, dtype=np.float32).reshape(GRID), "t", "u", "h")
    seen = faithfulness(model, IMAGE, heat, "Hat")
    column = tiny.PA100K.index("Hat")
    whole, none, one = (
        analyze(model, cover(IMAGE, mask, model.geometry)).prediction.probs[column]
        for mask in (cells(), ~cells(), cells((3, 1)))
    )  # the last one is the hottest of 8 cells
    assert seen.deletion.shape == seen.insertion.shape == (STEPS + 1,)
    assert (seen.deletion[0], seen.insertion[-1]) == pytest.approx((whole, whole), abs=1e-5)
    assert (seen.deletion[-1], seen.insertion[0]) == pytest.approx((none, none), abs=1e-5)
    assert seen.deletion[STEPS // 8] == pytest.approx(one, abs=1e-5)


def test_opposite_maps_swap_their_curves(model: LoadedModel) -> None:
    """What one map deletes first the other uncovers last, up to the same sets of cells."""
    values = np.random.default_rng(0).permutation(8).astype(np.float32).reshape(GRID)
    one, other = (faithfulness(model, IMAGE, Heatmap(sign * values, "t", "u", "h"), "Female") for sign in (1, -1))
    np.testing.assert_allclose(one.deletion, other.insertion[::-1], atol=1e-5)
    assert one.score == pytest.approx(-other.score, abs=1e-5)


def test_cells_of_another_models_geometry_are_hidden_there(model: LoadedModel) -> None:
    """One mask for both models, which need not have one stem."""
    before, mask, even = analyze(model, IMAGE), cells((1, 0)), Geometry.even(*GRID)
    seen = occlude(model, before, IMAGE, mask, even).after.prediction.logits
    np.testing.assert_allclose(seen, analyze(model, cover(IMAGE, mask, even)).prediction.logits)
    assert not np.allclose(seen, occlude(model, before, IMAGE, mask).after.prediction.logits)


def test_a_map_that_is_not_of_the_tokens_is_refused(model: LoadedModel) -> None:
    with pytest.raises(ValueError, match=r"\(4, 2\); got bool \(8, 4\)"):
        faithfulness(model, IMAGE, Heatmap(np.zeros((8, 4), np.float32), "t", "u", "h"), "Hat")


def test_the_score_is_the_area_between_the_curves() -> None:
    down, up = np.linspace(1, 0, STEPS + 1), np.ones(STEPS + 1)
    assert Faithfulness(down, up).score == pytest.approx(0.5)
    assert Faithfulness(down, up).areas == pytest.approx({"deletion": 0.5, "insertion": 1.0})
    assert Faithfulness(up, down).score == pytest.approx(-0.5)


class Watched:
    """A lock that says whether it is held."""

    held = False

    def __enter__(self) -> None:
        self.held = True

    def __exit__(self, *_error: object) -> None:
        self.held = False


def test_scoring_holds_the_model_so_that_no_recording_sees_it(model: LoadedModel) -> None:
    guarded, held = replace(model, lock=Watched()), []
    handle = guarded.module.register_forward_pre_hook(lambda _m, _i: held.append(guarded.lock.held))
    faithfulness(guarded, IMAGE, Heatmap(np.ones(GRID, np.float32), "t", "u", "h"), "Hat")
    handle.remove()
    assert held == [True] and not guarded.lock.held
