"""From pixels to what a model reads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snnpar.images.pixels import ImageError, preprocess

HALF = (0.5, 0.5, 0.5)


def test_preprocess_equals_the_published_code(golden) -> None:
    with np.load(golden / "arrays.npz") as arrays:
        image, expected = arrays["preproc.in_u8_hwc"], arrays["preproc.valid_out"]
    found = preprocess(image, image_size=(64, 32), mean=HALF, std=HALF)
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [(16, 16), (128, 64), (300, 5)])
def test_preprocess_keeps_a_plain_colour(size: tuple[int, int]) -> None:
    image = np.empty((*size, 3), np.uint8)
    image[:] = (0, 102, 255)
    found = preprocess(image, image_size=(128, 64), mean=(0.5, 0.4, 0.0), std=(0.5, 0.2, 0.1))
    assert found.shape == (3, 128, 64) and found.dtype == torch.float32 and found.is_contiguous()
    torch.testing.assert_close(found.amin((1, 2)), torch.tensor([-1.0, 0.0, 10.0]), rtol=0, atol=1e-5)
    torch.testing.assert_close(found.amax((1, 2)), torch.tensor([-1.0, 0.0, 10.0]), rtol=0, atol=1e-5)


def test_preprocess_at_the_same_size_changes_no_pixel() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 16, 3), dtype=np.uint8)
    found = preprocess(image, image_size=(32, 16), mean=(0, 0, 0), std=(1, 1, 1))
    np.testing.assert_array_equal((found * 255).round().numpy().astype(np.uint8), image.transpose(2, 0, 1))


def test_preprocess_averages_when_it_shrinks() -> None:
    """A fine checkerboard becomes grey: the filter is antialiased, not picking single pixels."""
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    image = np.repeat(board[..., None], 3, axis=2)
    found = preprocess(image, image_size=(16, 16), mean=(0, 0, 0), std=(1, 1, 1))
    assert (found - 0.5).abs().max() < 0.02


@pytest.mark.parametrize(
    "image", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3), np.float32)]
)
def test_preprocess_refuses_other_arrays(image: np.ndarray) -> None:
    with pytest.raises(ImageError, match="Expected an image"):
        preprocess(image, image_size=(16, 16), mean=HALF, std=HALF)
