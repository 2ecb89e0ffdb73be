"""Which evaluated images are near duplicates of each other, and of the training images of the same data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from snnpar.core.errors import SnnparError
from snnpar.datasets import PedestrianSplit
from snnpar.datasets.duplicates import DEFINITION, LIMIT, groups, nearest, thumbnail
from snnpar.evaluation.predictions import Predictions
from snnpar.evaluation.slices import DataChoice, SliceError
from snnpar.images.pixels import ImageError
from snnpar.metrics.report import report


@dataclass(frozen=True, eq=False)
class Overlap:
    """Of n images: groups (n,) of near duplicates among them; train_files (n,), the training image that each is a near
    duplicate of, or None, and how far they correlate (n,).

    compared_with names the training images, `compared` of which could be read and `unreadable` not; "" where there
    are none, for the `reason`.
    """

    groups: np.ndarray
    train_files: tuple[str | None, ...]
    correlations: np.ndarray
    compared_with: str = ""
    compared: int = 0
    unreadable: int = 0
    reason: str = ""

    def info(self, files: tuple[str, ...]) -> dict:
        """What evaluation.json says of images with these names."""
        pairs = zip(files, self.train_files, self.correlations, strict=True)
        return {
            "definition": DEFINITION,
            "groups": len(np.unique(self.groups)),
            "compared_with": self.compared_with,
            "compared": self.compared,
            "unreadable": self.unreadable,
            "reason": self.reason,
            "images": [
                {"file": file, "train_file": other, "correlation": round(float(correlation), 6)}
                for file, other, correlation in pairs
                if other is not None
            ],
        }


class Thumbnails:
    """Thumbnails of a split's images, taken in passing when its `split` is read for something else."""

    def __init__(self, split: PedestrianSplit) -> None:
        self._seen: dict[int, np.ndarray] = {}
        self._split = split
        self.split = replace(split, read=self._read)

    def _read(self, index: int) -> np.ndarray:
        image = self._split.read(index)
        self._seen[index] = thumbnail(image)
        return image

    def all(self, tick: Callable[[], None]) -> np.ndarray:
        """(n, P); those not seen yet are read, with a tick after each."""
        missing = [index for index in range(len(self._split)) if index not in self._seen]
        for index in tqdm(missing, desc=f"reading {self._split.name}", disable=None, leave=False):
            self._read(index)
            tick()
        return np.stack([self._seen[index] for index in range(len(self._split))])


def find_overlap(thumbnails: np.ndarray, choice: DataChoice, tick: Callable[[], None] = lambda: None) -> Overlap:
    """Groups of the images of a choice, given as thumbnails (n, P), and the training images they are duplicates of.

    All training images of the data are read, with a tick after each; those that cannot be read are only counted.
    """
    alone = Overlap(groups(thumbnails), (None,) * len(thumbnails), np.zeros(len(thumbnails)))
    try:
        train = choice.open_train()
    except SliceError as error:
        return replace(alone, reason=str(error))
    except SnnparError:  # its message may name a folder of this machine
        return replace(alone, reason=f"{choice.train_title} cannot be opened, or does not exist")
    found = list(_readable(train, tick))
    unreadable = len(train) - len(found)
    if not found:
        return replace(alone, unreadable=unreadable, reason=f"no image of {train.name} can be read")
    index, correlations = nearest(thumbnails, np.stack([one for _, one in found]))
    near = correlations > LIMIT
    files = tuple(train.files[found[i][0]] if is_near else None for i, is_near in zip(index, near, strict=True))
    return replace(
        alone,
        train_files=files,
        correlations=correlations,
        compared_with=choice.train_title,
        compared=len(found),
        unreadable=unreadable,
    )


def _readable(split: PedestrianSplit, tick: Callable[[], None]) -> Iterator[tuple[int, np.ndarray]]:
    """Index and thumbnail of each image that can be read."""
    for index in tqdm(range(len(split)), desc=f"near duplicates in {split.name}", disable=None, leave=False):
        with suppress(ImageError):
            yield index, thumbnail(split.read(index))
        tick()


def reports(predictions: Predictions, found: dict | None, *, ignore_unknown: bool = False) -> dict:
    """The report on all images, on near duplicates, and on the images that are none of those of training images.

    found: the `info` of their Overlap; None where nobody has looked, for a report on all images alone.
    """

    def on(kept: np.ndarray) -> dict:
        groups = None if predictions.groups is None else predictions.groups[kept]
        return report(
            predictions.truth[kept],
            predictions.probs[-1][kept],
            predictions.attributes,
            groups=groups,
            ignore_unknown=ignore_unknown,
        )

    every = np.arange(len(predictions.files))
    whole, new = on(every), predictions.new
    if found is None:
        return whole
    assert new is not None, "who knows the duplicates knows what is none"
    rest = whole if len(new) == len(every) else on(new) if len(new) else None
    return {**whole, "near_duplicates": found, "without_near_duplicates": rest if found["compared_with"] else None}
