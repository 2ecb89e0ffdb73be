"""Batches: how many images at once, in which order, with which answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny

from snnpar.checkpoint import Checkpoint
from snnpar.datasets import PedestrianSplit
from snnpar.evaluation import batching
from snnpar.evaluation.batching import choose_batch_size, largest_layer_bytes, read_ahead
from snnpar.images.pixels import ImageError, resize
from snnpar.inference import LoadedModel, analyze, load


@pytest.fixture(scope="module", params=[tiny.STUDENT, tiny.TEACHER], ids=["student", "teacher"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load(tiny.write_checkpoint(tmp_path_factory.mktemp("model") / "tiny", request.param))


def test_the_largest_layer_is_the_first_convolution_of_a_student() -> None:
    """Its neurons read and write T maps of dim / 8 channels at full size, which nothing deeper exceeds."""
    module = tiny.lively(tiny.STUDENT)
    found = largest_layer_bytes(LoadedModel(Checkpoint(Path(), tiny.STUDENT, tiny.PA100K), module, None))
    t, channels, (height, width) = tiny.STUDENT.timesteps, tiny.STUDENT.dim // 8, tiny.STUDENT.image_size
    assert found == 2 * 4 * t * channels * height * width
    assert tiny.hooks(module) == 0


@pytest.mark.parametrize(("fits", "expected"), [(0.5, 1), (1.5, 1), (3.2, 3), (1e6, 64)])
def test_as_many_images_as_half_of_the_free_memory_holds(
    fits: float, expected: int, model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = batching.LAYERS_ALIVE * largest_layer_bytes(model)
    monkeypatch.setattr(batching, "free_bytes", lambda _model: int(2 * fits * needed))
    size, reason = choose_batch_size(model)
    assert size == expected and f"{needed / 1e6:.0f} MB" in reason


def test_a_cpu_takes_no_more_than_makes_it_faster(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = batching.LAYERS_ALIVE * largest_layer_bytes(model)
    monkeypatch.setattr(batching, "free_bytes", lambda _model: 10**15)
    monkeypatch.setattr(batching, "MOST_BYTES_ON_CPU", 5 * needed + 1)
    assert choose_batch_size(model)[0] == 5


def noise(count: int, broken: int = -1) -> PedestrianSplit:
    def read(index: int) -> np.ndarray:
        if index == broken:
            raise ImageError(f"{index}.png is damaged")
        return tiny.random_image(index)

    return PedestrianSplit("noise", tiny.PA100K, tuple(map(str, range(count))), np.zeros((count, 26), np.int8), read)


@pytest.mark.parametrize("sizes", [[], [3], [2, 2, 1]])
def test_batches_are_read_in_order(sizes: list[int]) -> None:
    batches = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1]) if sizes else []
    read = list(read_ahead(noise(5), batches, (32, 16)))
    assert [len(pixels) for pixels in read] == sizes
    for pixels, indices in zip(read, batches, strict=True):
        expected = [resize(tiny.random_image(int(i)), (32, 16)) for i in indices]
        np.testing.assert_array_equal(pixels, expected)


def test_a_damaged_image_costs_its_own_batch_only() -> None:
    pixels = read_ahead(noise(6, broken=4), np.split(np.arange(6), 3), (32, 16))
    assert len(next(pixels)) == len(next(pixels)) == 2
    with pytest.raises(ImageError, match="4.png"):
        next(pixels)


def test_batches_give_what_single_images_give(model: LoadedModel) -> None:
    images = [tiny.random_image(seed) for seed in range(3)]
    pixels = np.stack([resize(image, model.checkpoint.model.image_size) for image in images])
    probs = model.predict(pixels)
    assert probs.dtype == np.float32 and probs.shape[1:] == (3, 26)
    for i, image in enumerate(images):
        prediction = analyze(model, image).prediction
        single = prediction.probs_per_timestep if model.role == "student" else prediction.probs[None]
        np.testing.assert_allclose(probs[:, i], single, atol=1e-5)


def test_a_model_with_one_timestep_has_one_answer(tmp_path: Path) -> None:
    model = load(tiny.write_checkpoint(tmp_path / "one", replace(tiny.STUDENT, timesteps=1)))
    assert model.predict(np.zeros((2, *tiny.STUDENT.image_size, 3), np.uint8)).shape == (1, 2, 26)
