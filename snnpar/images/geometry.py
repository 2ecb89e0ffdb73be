"""Where tokens lie on the image: the centres of their receptive fields, and the cells drawn around them.

A stem of convolutions and poolings is a chain of sliding windows. The window of output i covers `kernel` inputs from
stride * i - padding on, so that its centre lies at stride * i + (kernel - 1) / 2 - padding; those of a whole chain
follow by composition (Araujo, Norris, Sim: "Computing Receptive Fields of Convolutional Neural Networks", 2019).

A 3 x 3 window with padding 1 and stride 2 is centred on its first input, not between its two: four of them put a token
7.5 pixels above and left of the middle of "its" 16 x 16 pixels. A patch embedding's tokens lie in that middle.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class KernelWindow(NamedTuple):
    """A convolution or pooling along one side of an image, the same along the other."""

    kernel: int
    stride: int = 1
    padding: int = 0


@dataclass(frozen=True)
class Axis:
    """Evenly spaced places along one side of an image: how many, the centre of the first, and the step to the next.

    Centre and step are shares of the side. A place owns what is nearest to its centre, the outer ones up to the border.
    """

    count: int
    first: float
    step: float

    @property
    def centres(self) -> np.ndarray:
        """(count,) shares."""
        return self.first + self.step * np.arange(self.count)

    @property
    def edges(self) -> np.ndarray:
        """(count + 1,) shares, from 0 to 1: halfway between neighbouring centres."""
        return np.r_[0.0, (self.centres[1:] + self.centres[:-1]) / 2, 1.0]

    def owners(self, size: int) -> np.ndarray:
        """(size,) the place that owns each of `size` pixels, by the pixel's middle."""
        return np.searchsorted(self.edges[1:-1], (np.arange(size) + 0.5) / size, side="right")


@dataclass(frozen=True)
class Geometry:
    """Where the cells of a grid lie on an image."""

    rows: Axis
    columns: Axis

    @classmethod
    def even(cls, rows: int, columns: int) -> Geometry:
        """Equal cells, as those of patches."""
        return cls(*(Axis(count, 0.5 / count, 1 / count) for count in (rows, columns)))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows.count, self.columns.count

    @property
    def shift(self) -> float:
        """How far centres lie above and left of the middle of even cells, in cells."""
        return 0.5 - self.rows.first / self.rows.step

    def spread(self, values: np.ndarray, height: int, width: int) -> np.ndarray:
        """Values (rows, columns, ...) of cells as (height, width, ...) of pixels: each gets its owner's."""
        return values[self.rows.owners(height)[:, None], self.columns.owners(width)]


def geometry_of(windows: Iterable[KernelWindow], image_size: tuple[int, int], shape: tuple[int, int]) -> Geometry:
    """Where the cells of a map (rows, columns) lie that a chain of windows makes of an image (height, width).

    The map may be of any stage of the chain; without one its cells are taken to lie evenly. Raises ValueError if no
    stage has this shape.
    """
    windows = tuple(windows)
    if not windows:
        return Geometry.even(*shape)
    start, step, (height, width) = 0.5, 1, image_size  # the middle of the first pixel
    found = None
    for window in (KernelWindow(1), *windows):
        start += step * ((window.kernel - 1) / 2 - window.padding)
        step *= window.stride
        height, width = ((size + 2 * window.padding - window.kernel) // window.stride + 1 for size in (height, width))
        if (height, width) == tuple(shape):
            found = Geometry(
                *(Axis(count, start / size, step / size) for count, size in zip(shape, image_size, strict=True))
            )
    if found is None:
        raise ValueError(
            f"no stage makes a map of {shape[0]} x {shape[1]} of an image of "
            f"{image_size[0]} x {image_size[1]}; the last one has {height} x {width}"
        )
    return found
