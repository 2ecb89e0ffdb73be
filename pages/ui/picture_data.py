"""What the models look at, with what it is called and what is known of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

SHOWN_HEIGHT = 384  # pixels on screen; the models get the original


@dataclass(frozen=True, eq=False)
class Picture:
    """image (H, W, 3) uint8; truth: names of the attributes that apply, or None when nobody said."""

    title: str
    image: np.ndarray
    truth: frozenset[str] | None = None

    @cached_property
    def digest(self) -> str:
        """The same for the same pixels."""
        return hashlib.sha256(repr(self.image.shape).encode() + self.image.tobytes()).hexdigest()[:24]

    @cached_property
    def small(self) -> np.ndarray:
        """The image at most 384 pixels tall, for the screen."""
        height, width = self.image.shape[:2]
        if height <= SHOWN_HEIGHT:
            return self.image
        size = (max(1, round(width * SHOWN_HEIGHT / height)), SHOWN_HEIGHT)
        return np.asarray(Image.fromarray(self.image).resize(size, Image.Resampling.LANCZOS))
