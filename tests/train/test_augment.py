from __future__ import annotations

import numpy as np
import pytest
import torch

from train import augment as module
from train.augment import AUGMENTATIONS, DRAWS, augment, draw, mixup


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(count: int = 16, seed: int = 0) -> torch.Tensor:
    return draw(seed, 0, np.arange(count))


def sample_images(count: int = 16, size: tuple[int, int] = (64, 32)) -> torch.Tensor:
    return torch.rand(count, 3, *size, generator=generator(99)) * 2 - 1


def test_one_seed_one_result() -> None:
    images, before = sample_images(), sample_images()
    assert torch.equal(augment(images, drawn(seed=3)), augment(images, drawn(seed=3)))
    assert not torch.equal(augment(images, drawn(seed=3)), augment(images, drawn(seed=4)))
    assert torch.equal(images, before), "the batch itself was changed"


def test_shape_and_range() -> None:
    changed = augment(sample_images(), drawn())
    assert changed.shape == (16, 3, 64, 32) and torch.isfinite(changed).all()
    assert changed.abs().max() <= 1.3**3 * 3, "far beyond what recolouring can do"


def test_draws_are_uniform_and_belong_to_seed_epoch_and_image() -> None:
    numbers = draw(0, 0, np.arange(4000))
    assert numbers.shape == (4000, DRAWS) and numbers.min() >= 0 and numbers.max() < 1
    torch.testing.assert_close(numbers.mean(0), torch.full((DRAWS,), 0.5), atol=0.025, rtol=0)
    assert torch.equal(draw(0, 0, np.array([7, 3])), numbers[[7, 3]]), "whatever else is in the batch"
    others = [draw(1, 0, np.array([7])), draw(0, 1, np.array([7])), draw(0, 0, np.array([8]))]
    assert not any(torch.equal(other, numbers[7:8]) for other in others)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_what_happens_to_an_image_does_not_depend_on_the_others(name: str) -> None:
    images, numbers = sample_images(), drawn()
    whole = AUGMENTATIONS[name](images, numbers)
    torch.testing.assert_close(AUGMENTATIONS[name](images[5:9], numbers[5:9]), whole[5:9])


def still(monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """Switch off every random change but those named."""
    off = {"MAX_SHIFT": 0, "SCALE": (1, 1), "MAX_ROTATION": 0, "COLOUR": 0, "ERASE_PROBABILITY": 0}
    for name, value in (off | changes).items():
        monkeypatch.setattr(module, name, value)


def test_without_the_rest_half_of_the_images_are_mirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    still(monkeypatch)
    images = sample_images(200, (8, 4))
    changed = augment(images, drawn(len(images)))
    same = (changed - images).abs().amax((1, 2, 3)) < 1e-4
    mirrored = (changed - images.flip(3)).abs().amax((1, 2, 3)) < 1e-4
    assert (same ^ mirrored).all() and 70 < mirrored.sum() < 130


def test_shift_is_a_share_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dot in the middle stays within 8 % of each side."""
    still(monkeypatch, MAX_SHIFT=0.08)
    images = torch.zeros(100, 3, 100, 50)
    images[:, :, 49:51, 24:26] = 1
    moved = augment(images, drawn(len(images)))[:, 0]
    rows = (moved.sum(2) * torch.arange(100)).sum(1) / moved.sum((1, 2)) - 49.5
    columns = (moved.sum(1) * torch.arange(50)).sum(1) / moved.sum((1, 2)) - 24.5
    assert rows.abs().max() <= 8.1 and rows.abs().max() > 6
    assert columns.abs().max() <= 4.1 and columns.abs().max() > 3


def test_rotation_keeps_distances_on_an_image_that_is_not_square(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotation in pixels, not in shares of the sides: a dot's distance from the centre stays."""
    still(monkeypatch, MAX_ROTATION=0.5)
    images = torch.zeros(40, 3, 128, 64)
    images[:, :, 83:85, 31:33] = 1  # 20 pixels below the centre
    moved = augment(images, drawn(len(images)))[:, 0]
    weight = moved.sum((1, 2))
    down = (moved.sum(2) * torch.arange(128)).sum(1) / weight - 63.5
    right = (moved.sum(1) * torch.arange(64)).sum(1) / weight - 31.5
    torch.testing.assert_close(torch.hypot(down, right), torch.full((40,), 20.0), atol=0.5, rtol=0)
    assert right.abs().max() > 5 and (right < 0).any() and (right > 0).any()


def test_erasing_covers_at_most_a_third_of_each_side(monkeypatch: pytest.MonkeyPatch) -> None:
    still(monkeypatch, ERASE_PROBABILITY=1.0)
    images = sample_images(100, (30, 30))
    erased = augment(images, drawn(len(images)))
    unchanged = torch.minimum((erased - images).abs(), (erased - images.flip(3)).abs()).amax(1) < 1e-4
    covered = ~unchanged
    assert covered.any(2).sum(1).max() <= 11 and covered.any(1).sum(1).max() <= 11
    assert covered.any((1, 2)).float().mean() > 0.6, "thin rectangles may fall between pixels, but not most"
    for image, mask, mean in zip(erased, covered, images.mean((2, 3)), strict=True):
        if mask.any():
            torch.testing.assert_close(image[:, mask], mean[:, None].expand(-1, int(mask.sum())), atol=1e-4, rtol=0)


def test_recolouring_keeps_a_grey_image_grey(monkeypatch: pytest.MonkeyPatch) -> None:
    still(monkeypatch, COLOUR=0.3)
    grey = sample_images()[:, :1].expand(-1, 3, -1, -1)
    changed = augment(grey, drawn())
    torch.testing.assert_close(changed[:, 0], changed[:, 2])
    assert not torch.allclose(changed, grey, atol=0.05)


@pytest.mark.parametrize("strength", [0.05, 0.4, 5.0])
def test_mixup_blends_labels_as_it_blends_images(strength: float) -> None:
    """Images that spell their own labels still do."""
    labels = torch.randint(0, 2, (50, 6), generator=generator(1)).float()
    images = labels.view(50, 1, 6, 1).expand(-1, 3, -1, 4)
    mixed, soft = mixup(images, labels, strength, np.random.default_rng(0))
    torch.testing.assert_close(mixed[:, 0, :, 0], soft)
    assert ((soft - labels).abs() <= 0.5).all(), "the image itself stays the larger part"
    assert soft.min() >= 0 and soft.max() <= 1 and not torch.equal(soft, labels)
    again = mixup(images, labels, strength, np.random.default_rng(0))
    assert torch.equal(again[0], mixed) and torch.equal(again[1], soft)
