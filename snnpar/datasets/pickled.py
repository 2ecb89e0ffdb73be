"""Datasets kept as pickles: dataset_all.pkl (Rethinking_of_PAR) and dataset.pkl (VTB, SNN-PAR), opened as data only.

Both are dicts {image_name, label (n, N), attr_name, partition {train, val, trainval, test}} and may have
label_idx.eval, the columns that are evaluated. How a partition may be written, `partition` says.
Only names count: attr_words and attr_vectors are left aside, as their order is not everywhere that of the labels.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from snnpar.core.errors import SnnparError
from snnpar.core.pickles import read_pickle
from snnpar.datasets.annotation import (
    SPLITS,
    TRAINVAL,
    Annotation,
    Layout,
    hold_out,
    image_folder,
    inside,
    schema_of_names,
    select,
)
from snnpar.datasets.partition import read_partition
from snnpar.datasets.split import DataError

FILES = ("dataset_all.pkl", "dataset.pkl")
FOLDS = 5
ALL_SPLITS = (*SPLITS, TRAINVAL)


def _pickle_file(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix == ".pkl" else None
    return next((path / name for name in FILES if (path / name).is_file()), None)


def read(path: Path, fold: int) -> Annotation:
    """The evaluated attributes of a pickle; nothing in the file is executed."""
    source = _pickle_file(path)
    if source is None:
        raise DataError(f"{path} holds no {' or '.join(FILES)}")
    try:
        content = read_pickle(source)
    except SnnparError as error:
        raise DataError(f"{error}; only plain arrays, lists and dicts are data") from error
    missing = [name for name in ("image_name", "label", "attr_name", "partition") if name not in content]
    if missing:
        raise DataError(
            f"{source} has no {', '.join(missing)}; a dataset's pickle needs image_name, label, attr_name and partition"
        )
    for name in ("image_name", "label", "attr_name"):
        if not isinstance(content[name], list | tuple | np.ndarray):
            raise DataError(f"{source} holds a {type(content[name]).__name__} as {name}; it must be a list or an array")
    try:
        names, labels = _evaluated(source, content)
        listed = [str(name) for name in content["image_name"]]
        files, splits = _files(source, listed), _splits(source, content["partition"], fold, listed)
    except (TypeError, KeyError, IndexError, AttributeError, OverflowError, ValueError) as error:
        raise DataError(f"{source} is not a dataset of the field ({error}); make it again") from error
    schema = schema_of_names(names)
    labels = select(source, schema, names, labels)
    return Annotation(source, schema, files, labels, splits, image_folder(source.parent, files))


def _evaluated(source: Path, content: dict) -> tuple[list[str], np.ndarray]:
    """Names and labels of the columns that are evaluated, all if the file does not say which."""
    names, labels = [str(name) for name in content["attr_name"]], np.asarray(content["label"])
    if labels.ndim != 2 or labels.shape[1] != len(names):
        raise DataError(f"{source} has labels {labels.shape} for {len(names)} attributes; make it again")
    if labels.dtype.kind not in "buif":
        raise DataError(f"{source} has labels of type {labels.dtype}; they must be numbers")
    columns = evaluated_columns(source, content, len(names))
    return [names[column] for column in columns], labels[:, columns]


def evaluated_columns(source: Path, content: dict, count: int) -> list[int]:
    """The columns of `count` that label_idx.eval says are evaluated; all where it does not say, or numbers others."""
    every = list(range(count))
    if "label_idx" not in content or "eval" not in content["label_idx"]:
        return every
    if len(content["label_idx"]["eval"]) > count:
        raise DataError(f"{source}: label_idx.eval names more columns than there are attributes; make it again")
    columns = [int(column) for column in content["label_idx"]["eval"]]
    if len(columns) == count <= max(columns):
        return every  # these are the evaluated ones already, under the numbers they had in a larger file
    if not columns or not 0 <= min(columns) <= max(columns) < count:
        raise DataError(f"{source}: label_idx.eval names columns beyond the {count} attributes; make it again")
    return columns


def _splits(source: Path, partition: dict, fold: int, files: Sequence[str]) -> dict[str, np.ndarray]:
    """Indices by split, in the order of ALL_SPLITS; without train and val, every tenth image of trainval validates."""
    found = read_partition(source, partition, fold, files, ALL_SPLITS, FOLDS)
    if TRAINVAL not in found and {"train", "val"} <= set(found):
        found[TRAINVAL] = np.concatenate([found["train"], found["val"]])
    if not {"train", "val"} & set(found) and TRAINVAL in found:
        found |= hold_out(found[TRAINVAL])
    if not found:
        raise DataError(f"{source} has an empty partition; it must say which images are in {', '.join(ALL_SPLITS)}")
    return {name: found[name] for name in ALL_SPLITS if name in found}


def _files(source: Path, listed: Sequence[str]) -> tuple[str, ...]:
    """Listed images as paths below the image folder. Where last parts alone would make two images one, as many folders
    are kept as tell them apart."""
    names = tuple(map(inside, listed))
    if len(set(names)) < len(names) == len(set(listed)):
        paths = [PurePosixPath("/", name.replace("\\", "/")) for name in listed]
        common = os.path.commonpath([path.parent for path in paths])
        names = tuple(inside(str(path.relative_to(common))) for path in paths)
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise DataError(f"{source} lists {twice} twice; keep one of the two")
    return names


PICKLE = Layout(
    name="pickle",
    needs="dataset_all.pkl or dataset.pkl (or be such a .pkl file) beside its images",
    splits=ALL_SPLITS,
    folds=FOLDS,
    recognises=lambda path: _pickle_file(path) is not None,
    read=read,
)
