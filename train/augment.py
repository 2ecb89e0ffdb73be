"""Random changes of a training batch, drawn per image from one generator."""

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


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Flip, shift, scale, rotate, recolour and erase normalised images (B, 3, H, W)."""
    return _erase(_recolour(_move(images, generator), generator), generator)


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low


def _move(images: Tensor, generator: torch.Generator) -> Tensor:
    count, _, height, width = images.shape
    angle = _uniform(count, -MAX_ROTATION, MAX_ROTATION, generator)
    scale = _uniform(count, *SCALE, generator)
    flip = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    aspect = height / width
    cos, sin = angle.cos() * scale, angle.sin() * scale
    shift_x, shift_y = (_uniform(count, -2 * MAX_SHIFT, 2 * MAX_SHIFT, generator) for _ in range(2))
    top = torch.stack([cos * flip, -sin * aspect, shift_x], 1)
    bottom = torch.stack([sin * flip / aspect, cos, shift_y], 1)
    grid = F.affine_grid(torch.stack([top, bottom], 1).to(images.device), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _recolour(images: Tensor, generator: torch.Generator) -> Tensor:
    def factor() -> Tensor:
        return _uniform(len(images), 1 - COLOUR, 1 + COLOUR, generator).view(-1, 1, 1, 1).to(images.device)

    images = images * factor()
    middle = images.mean((1, 2, 3), keepdim=True)
    images = middle + (images - middle) * factor()
    grey = images.mean(1, keepdim=True)
    return grey + (images - grey) * factor()


def _erase(images: Tensor, generator: torch.Generator) -> Tensor:
    """Cover a rectangle of up to a third of each side with the image's mean colour."""
    count, _, height, width = images.shape
    rows, columns = torch.arange(height).view(1, -1, 1), torch.arange(width).view(1, 1, -1)
    top, left = torch.rand(2, count, 1, 1, generator=generator)
    tall, wide = torch.rand(2, count, 1, 1, generator=generator) / 3
    inside = (rows >= top * height) & (rows < (top + tall) * height)
    inside = inside & (columns >= left * width) & (columns < (left + wide) * width)
    chosen = torch.rand(count, 1, 1, generator=generator) < ERASE_PROBABILITY
    mask = (inside & chosen).unsqueeze(1).to(images.device)
    return torch.where(mask, images.mean((2, 3), keepdim=True), images)


def mixup(images: Tensor, labels: Tensor, strength: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Blend each image and its labels with another of the batch (Zhang et al., arXiv 1710.09412).

    A label that is unknown (2) in either image is unknown in the blend.
    """
    # numpy draws the Beta; its seed comes from the batch's generator, so that an epoch can be redone.
    rng = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
    share = torch.from_numpy(rng.beta(strength, strength, len(images))).float().to(images.device)
    share = torch.maximum(share, 1 - share)  # the image itself stays the larger part
    other = torch.randperm(len(images), generator=generator).to(images.device)
    weight = share.view(-1, 1, 1, 1)
    mixed = weight * images + (1 - weight) * images[other]
    blended = share[:, None] * labels + (1 - share[:, None]) * labels[other]
    return mixed, blended.masked_fill((labels == UNKNOWN) | (labels[other] == UNKNOWN), UNKNOWN)


def pad_crop_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """The published augmentation: pad 10 pixels of black, crop at random to the old size, flip half of the images."""
    height, width = images.shape[2:]
    padded = F.pad(images, (PADDING,) * 4, value=-1.0)  # black, where images are normalised to -1..1
    rows, columns = torch.randint(2 * PADDING + 1, (2, len(images)), generator=generator).tolist()
    flips = (torch.rand(len(images), generator=generator) < 0.5).tolist()
    crops = [image[:, r : r + height, c : c + width] for image, r, c in zip(padded, rows, columns, strict=True)]
    return torch.stack([crop.flip(-1) if flip else crop for crop, flip in zip(crops, flips, strict=True)])


AUGMENTATIONS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "default": augment,
    "published": pad_crop_flip,
    "none": lambda images, _generator: images,
}
