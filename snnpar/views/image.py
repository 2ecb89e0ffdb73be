"""What the models look at, with what it is called and what is known of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

SHOWN_HEIGHT = 384  # pixels on screen; the models get the original


@dataclass(frozen=True, eq=False)
class InputImage:
    """An image by how to get its pixels, so that no page has to hold those of a visitor.

    digest: the same for the same pixels; truth: names of the attributes that apply, or None when nobody said.
    """

    title: str
    digest: str
    pixels: Callable[[], np.ndarray]
    truth: frozenset[str] | None = None

    @classmethod
    def of(cls, title: str, image: np.ndarray, truth: frozenset[str] | None = None) -> InputImage:
        """An image that holds its pixels, uint8 (H, W, 3)."""
        digest = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()[:24]
        return cls(title, digest, lambda: image, truth)

    @property
    def image(self) -> np.ndarray:
        """uint8 (H, W, 3)."""
        return self.pixels()

    @cached_property
    def small(self) -> np.ndarray:
        """The image at most 384 pixels tall, for the screen."""
        image = self.image
        height, width = image.shape[:2]
        if height <= SHOWN_HEIGHT:
            return image
        size = (max(1, round(width * SHOWN_HEIGHT / height)), SHOWN_HEIGHT)
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
