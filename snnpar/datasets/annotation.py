"""What an annotation file says, and how a published layout is read into it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from snnpar.core.errors import SnnparError
from snnpar.datasets.near_names import near
from snnpar.datasets.split import UNKNOWN, DataError, PedestrianSplit
from snnpar.images.pixels import ImageError, open_rgb
from snnpar.schema.attributes import SCHEMAS, AttributeGroup, AttributeSchema, load_schema

VALUES = (0, 1, UNKNOWN)  # of a label
IMAGE_FOLDERS = ("", "data", "images", "Pad_datasets", "RAP_dataset")  # below the dataset's, as published
SPLITS = ("train", "val", "test")
TRAINVAL = "trainval"  # train and val together, which published code trains on
HOLD_OUT = 10  # one in so many training images validates where a dataset has no validation split


@dataclass(frozen=True, eq=False)
class Annotation:
    """The n images of a dataset: names, labels (n, A) as the file has them, and the indices of each split.

    Labels may hold anything; `split` refuses what is not 0, 1 or 2, so that `data check` can count it.
    """

    source: Path
    schema: AttributeSchema
    files: tuple[str, ...]
    labels: np.ndarray
    splits: dict[str, np.ndarray]
    images: Path

    def __post_init__(self) -> None:
        expected = (len(self.files), len(self.schema))
        if self.labels.shape != expected:
            raise DataError(
                f"{self.source} has labels {self.labels.shape} for {expected[0]} images and {expected[1]} "
                "attributes; download it again"
            )
        for name, indices in self.splits.items():
            if len(indices) and not 0 <= indices.min() <= indices.max() < len(self.files):
                raise DataError(
                    f"{self.source}: split {name} names image {indices.max() + 1} of {len(self.files)}; "
                    "download it again"
                )

    def bad_labels(self) -> np.ndarray:
        """(k, 2): image and attribute of each label that is none of 0, 1 and 2."""
        return np.argwhere(~np.isin(self.labels, VALUES))

    def check_there(self, indices: np.ndarray, title: str | Path) -> None:
        """Raises DataError if not one of these images is there: then the folder is wrong, and not the images."""
        paths = [self.images / self.files[index] for index in indices]
        if paths and not any(map(os.path.isfile, paths)):
            raise DataError(
                f"none of the {len(paths):,} images of {title} is in {self.images}; looked for {paths[0]}. "
                f"{near(paths[0]) or 'Unpack the images there, or name the folder that has them'}"
            )

    def read(self, index: int) -> np.ndarray:
        """One image, uint8 (H, W, 3). Raises ImageError."""
        path = self.images / self.files[index]
        try:
            return open_rgb(path)
        except ImageError as error:
            if os.path.lexists(path) or not (hint := near(path)):
                raise
            raise ImageError(f"{path} is not there. {hint}") from error

    def split(self, name: str, title: str) -> PedestrianSplit:
        """One split, called `title`. Raises DataError when it does not exist or has unusable labels."""
        if name not in self.splits:
            raise DataError(f"{self.source} has no split {name!r}; it has {', '.join(self.splits)}")
        indices = self.splits[name]
        bad = self.bad_labels()
        bad = bad[np.isin(bad[:, 0], indices)]
        if len(bad):
            image, attribute = bad[0]
            raise DataError(
                f"{self.source}: {len(bad)} labels of {title} are none of 0, 1 and 2, the first is "
                f"{self.labels[image, attribute]} for {self.schema.attributes[attribute]} of "
                f"{self.files[image]}; fix them (2 means unknown)"
            )
        return PedestrianSplit(
            name=title,
            schema=self.schema,
            files=tuple(self.files[i] for i in indices),
            labels=self.labels[indices].astype(np.int8),
            read=lambda index: self.read(int(indices[index])),
        )


@dataclass(frozen=True)
class Layout:
    """A published way to lay out a dataset: what it `needs` in words, its splits, how many folds each comes in.

    `recognises(path)` looks at names only; `read(path, fold)` reads the annotation.
    """

    name: str
    needs: str
    splits: tuple[str, ...]
    folds: int
    recognises: Callable[[Path], bool]
    read: Callable[[Path, int], Annotation]

    def annotation(self, path: Path, fold: int = 0) -> Annotation:
        """What the dataset at `path`, which this layout recognises, says. Raises DataError naming what is wrong."""
        if not 0 <= fold < self.folds:
            options = "has only fold 0" if self.folds == 1 else f"has folds 0 to {self.folds - 1}"
            raise DataError(f"{self.name} {options}; got fold {fold}")
        return self.read(path, fold)

    def title(self, split: str, fold: int) -> str:
        return f"{self.name} {split}" + (f", fold {fold}" if self.folds > 1 else "")

    def load(self, path: Path, split: str, fold: int = 0) -> PedestrianSplit:
        """One split. Raises DataError."""
        if split not in self.splits:
            raise DataError(f"{self.name} has no split {split!r}; there are {', '.join(self.splits)}")
        return self.annotation(path, fold).split(split, self.title(split, fold))


def read_mat(path: Path, what: str, parse: Callable[[dict], dict]) -> dict:
    """`parse` of a MATLAB file; whatever goes wrong there means that the file is not `what`, and says so."""
    from scipy.io import loadmat

    try:
        return parse(loadmat(path))
    except DataError:
        raise
    except NotImplementedError as error:
        raise DataError(
            f"{path} is a MATLAB file of version 7.3 (HDF5), which is not read here; open it in MATLAB and "
            "save it again with -v7"
        ) from error
    except Exception as error:  # damaged files raise many types: MatReadError, zlib.error, KeyError, IndexError, ...
        raise DataError(f"{path} is not {what} ({error}); download it again") from error


def select(source: Path, schema: AttributeSchema, names: Sequence[str], labels: np.ndarray) -> np.ndarray:
    """The columns of `labels` in the order of the schema, matched by name."""
    missing = [name for name in schema.attributes if name not in names]
    if missing:
        raise DataError(f"{source} lacks {', '.join(missing)}; it needs the {len(schema)} attributes of {schema.name}")
    if labels.ndim != 2 or labels.shape[1] != len(names):
        raise DataError(f"{source} has labels {labels.shape} for {len(names)} attributes; download it again")
    return labels[:, [list(names).index(name) for name in schema.attributes]]


def schema_of_names(names: Sequence[str]) -> AttributeSchema:
    """The bundled schema with exactly these attributes, in whatever order; else one of their own, in one group."""
    for schema in map(load_schema, SCHEMAS):
        if set(schema.attributes) == set(names):
            return schema
    try:
        group = AttributeGroup("All", tuple(names), none="None of these")
        return AttributeSchema("own", tuple(names), tuple(names), tuple(names), (group,))
    except SnnparError as error:
        raise DataError(f"unusable attribute names: {error}") from error


def image_folder(folder: Path, files: Sequence[str]) -> Path:
    """Where the images lie: the usual folder that has most of a few listed files, the first such."""
    few = [files[int(i)] for i in np.unique(np.linspace(0, len(files) - 1, min(16, len(files)), dtype=int))]
    return max((folder / name for name in IMAGE_FOLDERS), key=lambda place: sum((place / f).is_file() for f in few))


def inside(name: str) -> str:
    """A listed file as a path below the image folder; one that points elsewhere keeps its last part only."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.name if points_elsewhere(name) else str(path)


def points_elsewhere(name: str) -> bool:
    """Is it empty, or a path from the root, from a drive or through a parent folder?"""
    path = PurePosixPath(name.replace("\\", "/"))
    drive = path.parts and re.match("[A-Za-z]:", path.parts[0])  # 12:30:05.jpg is a file
    return not path.parts or path.is_absolute() or ".." in path.parts or bool(drive)


def hold_out(trainval: np.ndarray) -> dict[str, np.ndarray]:
    """Train and validation split of a dataset that has none of its own: every tenth image validates."""
    validates = np.arange(len(trainval)) % HOLD_OUT == 0
    return {"train": trainval[~validates], "val": trainval[validates]}
