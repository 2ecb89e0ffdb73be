"""Random changes of a training batch: pure functions of the images and of the numbers drawn for each of them.

What is drawn depends on (seed, epoch, image) alone, so that neither a resumed run nor another number of processes or
parts of a batch changes what happens to an image.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from snnpar.datasets import UNKNOWN

MAX_SHIFT = 0.08  # of the image, each way
SCALE = (0.88, 1.12)
MAX_ROTATION = math.radians(5)
COLOUR = 0.3
ERASE_PROBABILITY = 0.3
PADDING = 10
DRAWS = 13  # numbers per image; the default augmentation uses all


def draw(seed: int, epoch: int, indices: np.ndarray) -> Tensor:
    """Uniform numbers in [0, 1) for each image, (B, DRAWS) float32."""
    rows = [np.random.default_rng((seed, epoch, int(index))).random(DRAWS, np.float32) for index in indices]
    return torch.from_numpy(np.stack(rows))


def augment(images: Tensor, drawn: Tensor) -> Tensor:
    """Flip, shift, scale, rotate, recolour and erase normalised images (B, 3, H, W)."""
    drawn = drawn.to(images.device)
    return _erase(_recolour(_move(images, drawn[:, :5]), drawn[:, 5:8]), drawn[:, 8:13])


def _between(low: float, high: float, drawn: Tensor) -> Tensor:
    return drawn * (high - low) + low


def _move(images: Tensor, drawn: Tensor) -> Tensor:
    height, width = images.shape[2:]
    angle = _between(-MAX_ROTATION, MAX_ROTATION, drawn[:, 0])
    scale = _between(*SCALE, drawn[:, 1])
    flip = torch.where(drawn[:, 2] < 0.5, -1.0, 1.0)
    aspect = height / width
    cos, sin = angle.cos() * scale, angle.sin() * scale
    shift_x, shift_y = (_between(-2 * MAX_SHIFT, 2 * MAX_SHIFT, drawn[:, i]) for i in (3, 4))
    top = torch.stack([cos * flip, -sin * aspect, shift_x], 1)
    bottom = torch.stack([sin * flip / aspect, cos, shift_y], 1)
    grid = F.affine_grid(torch.stack([top, bottom], 1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _recolour(images: Tensor, drawn: Tensor) -> Tensor:
    brightness, contrast, colour = _between(1 - COLOUR, 1 + COLOUR, drawn).T.reshape(3, -1, 1, 1, 1)
    images = images * brightness
    middle = images.mean((1, 2, 3), keepdim=True)
    images = middle + (images - middle) * contrast
    grey = images.mean(1, keepdim=True)
    return grey + (images - grey) * colour


def _erase(images: Tensor, drawn: Tensor) -> Tensor:
    """Cover a rectangle of up to a third of each side with the image's mean colour."""
    height, width = images.shape[2:]
    rows = torch.arange(height, device=images.device).view(1, -1, 1)
    columns = torch.arange(width, device=images.device).view(1, 1, -1)
    top, left, tall, wide, chance = drawn.T.reshape(5, -1, 1, 1)
    inside = (rows >= top * height) & (rows < (top + tall / 3) * height)
    inside = inside & (columns >= left * width) & (columns < (left + wide / 3) * width)
    mask = (inside & (chance < ERASE_PROBABILITY)).unsqueeze(1)
    return torch.where(mask, images.mean((2, 3), keepdim=True), images)


def mixup(images: Tensor, labels: Tensor, strength: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Blend each image and its labels with another of the batch (Zhang et al., arXiv 1710.09412).

    A label that is unknown (2) in either image is unknown in the blend.
    """
    share = torch.from_numpy(rng.beta(strength, strength, len(images))).float().to(images.device)
    share = torch.maximum(share, 1 - share)  # the image itself stays the larger part
    other = torch.from_numpy(rng.permutation(len(images))).to(images.device)
    weight = share.view(-1, 1, 1, 1)
    mixed = weight * images + (1 - weight) * images[other]
    blended = share[:, None] * labels + (1 - share[:, None]) * labels[other]
    return mixed, blended.masked_fill((labels == UNKNOWN) | (labels[other] == UNKNOWN), UNKNOWN)


def pad_crop_flip(images: Tensor, drawn: Tensor) -> Tensor:
    """The published augmentation: pad 10 pixels of black, crop at random to the old size, flip half of the images."""
    height, width = images.shape[2:]
    padded = F.pad(images, (PADDING,) * 4, value=-1.0)  # black, where images are normalised to -1..1
    rows, columns = (drawn[:, :2] * (2 * PADDING + 1)).int().T.tolist()
    flips = (drawn[:, 2] < 0.5).tolist()
    crops = [image[:, r : r + height, c : c + width] for image, r, c in zip(padded, rows, columns, strict=True)]
    return torch.stack([crop.flip(-1) if flip else crop for crop, flip in zip(crops, flips, strict=True)])


AUGMENTATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "default": augment,
    "published": pad_crop_flip,
    "none": lambda images, _drawn: images,
}
