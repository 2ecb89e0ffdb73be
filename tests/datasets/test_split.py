from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch

from snnpar.config import TrainConfig, setting_fields
from snnpar.datasets import HELD_OUT_SEEDS, open_split, rendered_split
from snnpar.datasets.split import DataError, PedestrianSplit, ResizedImages, join
from snnpar.images.pixels import preprocess


def noise(name: str, count: int, seed: int, sizes: tuple = ((40, 24), (64, 32), (71, 29))) -> PedestrianSplit:
    labels = np.random.default_rng(seed).integers(0, 2, (count, 26), dtype=np.int8)
    return PedestrianSplit(
        name,
        tiny.PA100K,
        tuple(f"{name}-{i}" for i in range(count)),
        labels,
        lambda index: tiny.random_image(seed + index, sizes[index % len(sizes)]),
    )


def test_joined_splits_keep_files_labels_and_images_together() -> None:
    parts = [noise("a", 3, 0), noise("b", 1, 50), noise("c", 4, 90)]
    joined = join(parts)
    assert joined.name == "a + b + c" and len(joined) == 8
    expected = [(part, index) for part in parts for index in range(len(part))]
    for index, (part, inner) in enumerate(expected):
        assert joined.files[index] == part.files[inner]
        assert np.array_equal(joined.labels[index], part.labels[inner])
        assert np.array_equal(joined.read(index), part.read(inner))


def test_splits_of_different_attributes_do_not_join() -> None:
    other = replace(tiny.PA100K, attributes=tiny.PA100K.attributes[::-1])
    with pytest.raises(DataError, match="a, b"):
        join([noise("a", 2, 0), replace(noise("b", 2, 0), schema=other)])


def test_splits_check_themselves() -> None:
    with pytest.raises(DataError, match=r"\(2, 26\); got \(2, 25\)"):
        replace(noise("a", 2, 0), labels=np.zeros((2, 25), np.int8))
    with pytest.raises(DataError, match="no images"):
        noise("a", 0, 0)


def test_unknown_labels_do_not_count_as_positives_or_negatives() -> None:
    labels = np.zeros((4, 26), np.int8)
    labels[:, 0] = (1, 1, 0, 2)
    labels[:, 1] = 2
    ratio = replace(noise("a", 4, 0), labels=labels).positive_ratio
    assert ratio[0] == pytest.approx(2 / 3) and ratio[1] == 0 and ratio[2] == 0


def test_training_sees_the_pixels_that_the_app_sees() -> None:
    """The same image, resized for training and preprocessed for inference, bit for bit."""
    split, size = noise("a", 3, 7), (64, 32)
    images = ResizedImages(split, size)
    for index in range(3):
        seen = images.pixels(np.array([index]))[0].float() / 255
        assert torch.equal(seen, preprocess(split.read(index), image_size=size, mean=(0, 0, 0), std=(1, 1, 1)))


def test_images_are_read_once_and_follow_the_indices() -> None:
    read, split = [], noise("a", 5, 3)
    counted = replace(split, read=lambda index: read.append(index) or split.read(index))
    images = ResizedImages(counted, (32, 16))
    first = images.pixels(np.array([4, 0, 2]))
    again = images.pixels(np.array([2, 4, 1]))
    assert first.shape == (3, 3, 32, 16) and first.dtype == torch.uint8
    assert torch.equal(first[0], again[1]) and torch.equal(first[2], again[0])
    assert sorted(read) == [0, 1, 2, 4]
    assert not torch.equal(first[0], first[1])


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_batches_cover_every_image_once_in_order(batch_size: int) -> None:
    batches = list(ResizedImages(noise("a", 7, 0), (16, 16)).batches(batch_size))
    assert np.concatenate(batches).tolist() == list(range(7)) and max(map(len, batches)) <= batch_size


def test_an_image_of_the_right_size_is_not_touched() -> None:
    split = noise("a", 1, 0, sizes=((32, 16),))
    pixels = ResizedImages(split, (32, 16)).pixels(np.array([0]))[0].permute(1, 2, 0).numpy()
    assert np.array_equal(pixels, split.read(0))


def test_rendered_splits_differ_by_seed_and_held_out_seeds_cannot_be_trained_on() -> None:
    first, again, other = rendered_split(1, 3, name="x"), rendered_split(1, 3, name="x"), rendered_split(2, 3, name="x")
    assert np.array_equal(first.read(2), again.read(2)) and not np.array_equal(first.read(2), other.read(2))
    assert np.array_equal(first.labels, again.labels)
    seed = next(spec for spec in setting_fields() if spec.name == "rendered_seed")
    assert all(held_out > seed.maximum for held_out in HELD_OUT_SEEDS.values())
    assert len(set(HELD_OUT_SEEDS.values())) == 2


def test_data_of_a_run(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snnpar.datasets.HELD_OUT_COUNT", 4)
    tiny.write_pa100k(tmp_path / "pa", {"train": 5, "val": 2, "test": 3})
    rendered = TrainConfig.of(rendered_count=16)
    assert [len(open_split(rendered, split)) for split in ("train", "val", "test")] == [16, 4, 4]
    real = TrainConfig.of(dataset="pa100k", data=str(tmp_path / "pa"))
    assert [len(open_split(real, split)) for split in ("train", "val", "test")] == [5, 2, 3]
    mixed = open_split(real.changed(dataset="mixed", rendered_count=16), "train")
    assert len(mixed) == 21 and np.array_equal(mixed.read(0), open_split(real, "train").read(0))
    assert np.array_equal(mixed.read(5), open_split(rendered, "train").read(0))
    assert len(open_split(real.changed(dataset="mixed"), "val")) == 2, "real images alone choose the checkpoint"
