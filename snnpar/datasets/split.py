"""A labelled set of pedestrian images, read one by one, and its in-memory copy at a model's size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from snnpar.images import resize
from snnpar.schema import AttributeSchema


class DataError(ValueError):
    """Data that cannot be used; the message names the file and the mend."""


@dataclass(frozen=True, eq=False)
class PedestrianSplit:
    """n images: `read(i)` gives uint8 (H, W, 3) of any size; `labels` (n, A) int8, 2 = unknown; `files` names."""

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
        known = self.labels != 2
        return (self.labels == 1).sum(0) / np.maximum(known.sum(0), 1)


def join(splits: list[PedestrianSplit]) -> PedestrianSplit:
    """Several splits of one schema, one after the other."""
    if len({split.schema.attributes for split in splits}) != 1:
        raise DataError(f"cannot mix data of different attributes: {', '.join(s.name for s in splits)}")
    starts = np.cumsum([0] + [len(split) for split in splits])

    def read(index: int) -> np.ndarray:
        part = int(np.searchsorted(starts, index, side="right")) - 1
        return splits[part].read(index - int(starts[part]))

    return PedestrianSplit(
        name=" + ".join(split.name for split in splits), schema=splits[0].schema,
        files=tuple(file for split in splits for file in split.files),
        labels=np.concatenate([split.labels for split in splits]), read=read,
    )


class ResizedImages:
    """A split at a model's size (height, width), each image read and resized once, kept as uint8."""

    def __init__(self, split: PedestrianSplit, image_size: tuple[int, int]) -> None:
        self.split = split
        self.image_size = image_size
        self.labels = torch.from_numpy(split.labels)
        self._pixels = np.empty((len(split), *image_size, 3), np.uint8)
        self._ready = np.zeros(len(split), bool)

    def __len__(self) -> int:
        return len(self.split)

    def pixels(self, indices: np.ndarray) -> Tensor:
        """uint8 (B, 3, H, W)."""
        for index in indices[~self._ready[indices]]:
            self._pixels[index] = resize(self.split.read(int(index)), self.image_size)
            self._ready[index] = True
        return torch.from_numpy(self._pixels[indices]).permute(0, 3, 1, 2).contiguous()

    def batches(self, batch_size: int) -> Iterator[np.ndarray]:
        """Indices in order, for evaluation."""
        for start in range(0, len(self), batch_size):
            yield np.arange(start, min(start + batch_size, len(self)))
