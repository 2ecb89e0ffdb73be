"""Near duplicates: what counts as one, the exact search, and groups of them."""

from __future__ import annotations

import tracemalloc
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snnpar.datasets import duplicates, open_folder
from snnpar.datasets.duplicates import LIMIT, groups, nearest, thumbnail
from snnpar.images.pixels import resize


def image(seed: int) -> np.ndarray:
    """A smooth image, uint8 (96, 48, 3): like a photograph it survives scaling, unlike noise."""
    coarse = np.random.default_rng(seed).integers(40, 200, (6, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((48, 96), Image.Resampling.BICUBIC))


def compressed(image: np.ndarray) -> np.ndarray:
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=50)
    return np.asarray(Image.open(file))


CHANGES = {
    "brighter": lambda image: image + np.uint8(40),
    "paler": lambda image: (image * 0.5 + 60).astype(np.uint8),
    "smaller": lambda image: resize(image, (60, 30)),
    "compressed": compressed,
    "grey": lambda image: np.repeat(np.asarray(Image.fromarray(image).convert("L"))[..., None], 3, 2),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seed", range(4))
def test_the_same_image_otherwise_is_a_near_duplicate(change: str, seed: int) -> None:
    assert thumbnail(image(seed)) @ thumbnail(CHANGES[change](image(seed))) > LIMIT


@pytest.mark.parametrize("seed", range(4))
def test_a_mirrored_image_and_another_one_are_none(seed: int) -> None:
    own = thumbnail(image(seed))
    assert own @ thumbnail(image(seed)[:, ::-1].copy()) < LIMIT and own @ thumbnail(image(seed + 100)) < LIMIT


def test_a_thumbnail_is_that_of_its_definition() -> None:
    grey = Image.fromarray(image(0)).convert("L").resize((16, 32), Image.Resampling.BILINEAR)
    values = np.asarray(grey, float).ravel()
    other = np.asarray(Image.fromarray(image(1)).convert("L").resize((16, 32), Image.Resampling.BILINEAR), float)
    expected = np.corrcoef(values, other.ravel())[0, 1]
    assert thumbnail(image(0)) @ thumbnail(image(1)) == pytest.approx(expected, abs=1e-6)
    assert np.linalg.norm(thumbnail(image(0))) == pytest.approx(1, abs=1e-6)


def test_images_of_one_colour_are_like_nothing() -> None:
    flat = [thumbnail(np.full((20, 10, 3), value, np.uint8)) for value in (0, 128, 255)]
    several = np.stack([*flat, thumbnail(image(0))])
    assert np.isfinite(several).all() and groups(several).tolist() == [0, 1, 2, 3]
    assert (nearest(np.stack(flat), several)[1] == 0).all()


def random_thumbnails(count: int, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).standard_normal((count, 512)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def chain(length: int) -> np.ndarray:
    """Unit vectors of which only neighbours correlate above LIMIT: 25 degrees apart."""
    angles = np.deg2rad(25) * np.arange(length)
    return np.stack([np.cos(angles), np.sin(angles), *np.zeros((510, length))], axis=1).astype(np.float32)


@pytest.mark.parametrize("block", [1, 100, 10**6])
def test_blocks_change_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "BLOCK", block)
    several, others = random_thumbnails(40), random_thumbnails(30, seed=1)
    others[7] = several[13]
    index, correlation = nearest(several, others)
    plain = several.astype(float) @ others.T.astype(float)
    assert index.tolist() == plain.argmax(1).tolist() and index[13] == 7
    np.testing.assert_allclose(correlation, plain.max(1), atol=1e-5)
    several[[5, 20]] = several[39]
    found = groups(np.concatenate([several, chain(6), chain(3)[::-1]]))
    assert found[5] == found[20] == found[39] == 5 and len(set(found[:40])) == 38
    assert set(found[40:]) == {38}, "through others, and whichever comes first"
    assert (np.diff([np.flatnonzero(found == number)[0] for number in range(39)]) > 0).all()


def test_without_near_duplicates_each_image_is_its_own_group() -> None:
    np.testing.assert_array_equal(groups(random_thumbnails(50)), np.arange(50))


@pytest.mark.parametrize(("split", "count"), [("test", 13), ("val", 10)])
def test_the_splits_of_pa100k_mini_share_people(shared_data: Path, split: str, count: int) -> None:
    own, train = (open_folder(shared_data / "pa100k-mini", name) for name in (split, "train"))
    several, others = (np.stack([thumbnail(one.read(i)) for i in range(len(one))]) for one in (own, train))
    assert (nearest(several, others)[1] > LIMIT).sum() == count


@pytest.mark.slow
@pytest.mark.parametrize("alike", [False, True])
def test_as_many_images_as_peta_has_fit_the_memory(alike: bool) -> None:
    """19,000 images, with pairs far apart, or all of them the same: 361 million pairs would be 3 GB of numbers."""
    count = 19_000
    several = np.repeat(random_thumbnails(1), count, axis=0) if alike else random_thumbnails(count)
    several[-500:] = several[:500]
    tracemalloc.start()
    found = groups(several)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300e6
    np.testing.assert_array_equal(found, 0 if alike else np.arange(count) % (count - 500))
