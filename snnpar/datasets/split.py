"""A labelled set of pedestrian images, read one by one, and its in-memory copy at a model's size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from snnpar.core.errors import SnnparError
from snnpar.images.pixels import ImageError, resize
from snnpar.schema.attributes import AttributeSchema

UNKNOWN = 2


class DataError(SnnparError):
    """Data that cannot be used; the message names the file and the fix."""


@dataclass(frozen=True, eq=False)
class PedestrianSplit:
    """n images: `read(i)` gives uint8 (H, W, 3) of any size; `labels` (n, A) int8, 2 = unknown; `files` names.

    Nothing is read before it is asked for, so an image may turn out missing: `read` then raises ImageError.
    """

    name: str
    schema: AttributeSchema
    files: tuple[str, ...]
    labels: np.ndarray
    read: Callable[[int], np.ndarray]

    def __post_init__(self) -> None:
        expected = (len(self.files), len(self.schema))
        if self.labels.shape != expected:
            raise DataError(f"{self.name}: labels must have shape {expected}; got {self.labels.shape}")
        if not self.files:
            raise DataError(f"{self.name} holds no images")

    def __len__(self) -> int:
        return len(self.files)

    @property
    def positive_ratio(self) -> np.ndarray:
        """Share of images with each attribute, (A,), unknown labels left out."""
        known = self.labels != UNKNOWN
        return (self.labels == 1).sum(0) / np.maximum(known.sum(0), 1)


def subset(split: PedestrianSplit, indices: Sequence[int]) -> PedestrianSplit:
    """The images at `indices`, in that order. Raises DataError when there are none."""
    kept = np.asarray(indices, dtype=int)
    return replace(
        split,
        files=tuple(split.files[i] for i in kept),
        labels=split.labels[kept],
        read=lambda index: split.read(int(kept[index])),
    )


def unreadable(split: PedestrianSplit, tick: Callable[[], None] = lambda: None) -> dict[int, str]:
    """Why images cannot be read, by index, after trying each; `tick` is called before each."""
    reasons = {}
    for index in tqdm(range(len(split)), desc="looking for unreadable images", disable=None, leave=False):
        tick()
        try:
            split.read(index)
        except ImageError as error:
            reasons[index] = str(error)
    return reasons


def none_readable(split: PedestrianSplit, reasons: dict[int, str]) -> str:
    """One sentence if no image of the split can be read, as where the folder is wrong; else ""."""
    if len(reasons) < len(split):
        return ""
    return (
        f"none of the {len(split):,} images of {split.name} can be read; the first, {split.files[0]}: {reasons[0]} "
        "Unpack the images there, or name the folder that has them"
    )


def join(splits: list[PedestrianSplit]) -> PedestrianSplit:
    """Several splits of one schema, one after the other."""
    if len({split.schema.attributes for split in splits}) != 1:
        raise DataError(f"cannot mix data of different attributes: {', '.join(s.name for s in splits)}")
    starts = np.cumsum([0] + [len(split) for split in splits])

    def read(index: int) -> np.ndarray:
        part = int(np.searchsorted(starts, index, side="right")) - 1
        return splits[part].read(index - int(starts[part]))

    return PedestrianSplit(
        name=" + ".join(split.name for split in splits),
        schema=splits[0].schema,
        files=tuple(file for split in splits for file in split.files),
        labels=np.concatenate([split.labels for split in splits]),
        read=read,
    )


class ResizedImages:
    """A split at a model's size (height, width), each image read and resized once and kept as uint8.

    With `keep` off every image is read whenever it is asked for, for a split that is larger than the memory.
    """

    def __init__(self, split: PedestrianSplit, image_size: tuple[int, int], *, keep: bool = True) -> None:
        self.split = split
        self.image_size = image_size
        self.labels = torch.from_numpy(split.labels)
        self.keep = keep
        self._pixels = np.empty((len(split) if keep else 0, *image_size, 3), np.uint8)
        self._ready = np.zeros(len(split), bool)

    def __len__(self) -> int:
        return len(self.split)

    def pixels(self, indices: np.ndarray) -> Tensor:
        """uint8 (B, 3, H, W). Raises ImageError for an image that cannot be read."""
        if self.keep:
            for index in indices[~self._ready[indices]]:
                self._read(int(index))
            pixels = self._pixels[indices]
        else:
            pixels = np.stack([self._resized(int(index)) for index in indices])
        return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()

    def read_all(self, count: int, *, on_progress: Callable[[int], None] | None = None) -> dict[int, str]:
        """Read the first `count` images now; why each of those that could not be read was not, by index."""
        reasons = {}
        for index in tqdm(range(count), desc=f"reading {self.split.name}", disable=None, leave=False):
            try:
                if not self._ready[index]:
                    self._read(index)
            except ImageError as error:
                reasons[index] = str(error)
            if on_progress:
                on_progress(index + 1)
        return reasons

    def without(self, indices: Sequence[int]) -> ResizedImages:
        """The same images but those at `indices`; what has been read stays read."""
        kept = np.setdiff1d(np.arange(len(self)), np.asarray(list(indices), dtype=int))
        rest = ResizedImages(subset(self.split, kept.tolist()), self.image_size, keep=self.keep)
        rest._ready = self._ready[kept]
        if self.keep:
            rest._pixels = self._pixels[kept]
        return rest

    def batches(self, batch_size: int) -> Iterator[np.ndarray]:
        """Indices in order, for evaluation."""
        for start in range(0, len(self), batch_size):
            yield np.arange(start, min(start + batch_size, len(self)))

    def _read(self, index: int) -> None:
        pixels = self._resized(index)
        if self.keep:
            self._pixels[index] = pixels
        self._ready[index] = True

    def _resized(self, index: int) -> np.ndarray:
        return resize(self.split.read(index), self.image_size)
