"""A box round one person in a larger image, and which images need one before a model reads them."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass

import numpy as np

from snnpar.core.errors import SnnparError
from snnpar.images.pixels import MAX_ASPECT, MIN_SIDE

# Width / height of images of one person: 0.24 to 0.63 in pa100k-mini (1,799 images), 0.21 to 0.65 in 99.3% of PETA.
NARROWEST, WIDEST = 0.2, 0.65
TALLEST = 1000  # pixels; the tallest image of pa100k-mini has 695
PERSON = 0.4  # width / height of a box to begin with; the median of pa100k-mini is 0.37, of PETA 0.42
_TEXT = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})\.(\d{1,6})", re.ASCII)


@dataclass(frozen=True)
class PersonBox:
    """Left top corner from 0, width and height, all in whole pixels of the upright image. Raises SnnparError."""

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        numbers = astuple(self)
        if not all(type(number) is int for number in numbers) or min(self.x, self.y) < 0:
            raise SnnparError(f"a box is x, y, width and height in whole pixels from 0; got {numbers}")
        short, long = sorted((self.width, self.height))
        if short < MIN_SIDE or long > MAX_ASPECT * short:
            raise SnnparError(
                f"a box of {self.width} x {self.height} pixels cannot hold a person; each side needs at "
                f"least {MIN_SIDE}, and the long one at most {MAX_ASPECT} times the short one"
            )

    def __str__(self) -> str:
        """As in links: "x.y.width.height"."""
        return ".".join(map(str, astuple(self)))

    @classmethod
    def parse(cls, text: str) -> PersonBox:
        """Inverse of `str`. Raises SnnparError."""
        found = _TEXT.fullmatch(text)
        if not found:
            raise SnnparError(f"{text[:40]!r} is not a box; write x.y.width.height in pixels")
        return cls(*map(int, found.groups()))

    def crop(self, image: np.ndarray) -> np.ndarray:
        """The part (height, width, ...) of an image (H, W, ...). Raises SnnparError for a box that leaves the image."""
        rows, columns = image.shape[:2]
        if self.x + self.width > columns or self.y + self.height > rows:
            raise SnnparError(f"the box {self} leaves the image of {columns} x {rows} pixels")
        return image[self.y : self.y + self.height, self.x : self.x + self.width].copy()


def standing(height: int, width: int) -> PersonBox:
    """A box of a standing person's shape in the middle of an image: where to begin, not a guess of where one is."""
    tall = min(0.8 * height, width / PERSON)
    tall, wide = (max(MIN_SIDE, round(side)) for side in (tall, tall * PERSON))
    return PersonBox((width - wide) // 2, (height - tall) // 2, wide, tall)


def doubt(height: int, width: int, *, tallest: int = TALLEST) -> str:
    """Why an image of this size is hardly one of a single person: the end of "This image is ...", or ""."""
    size = f"({width} x {height} pixels)"
    if width > WIDEST * height:
        return f"{'much ' if width > height else ''}wider than one standing person {size}"
    if width < NARROWEST * height:
        return f"much narrower than one standing person {size}"
    return f"larger than images of one person usually are {size}" if height > tallest else ""
