"""Which images are in which split, as the field's pickles say it: indices, masks or names, of one fold or several."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from snnpar.datasets.split import DataError

log = logging.getLogger(__name__)
APART = (("train", "val"), ("train", "test"), ("trainval", "test"))  # if these meet, no figure is honest


def read_partition(
    source: Path,
    partition: Mapping[str, Any],
    fold: int,
    files: Sequence[str],
    names: Sequence[str],
    most_folds: int,
) -> dict[str, np.ndarray]:
    """Indices from 0 by split, for those of `names` that the file has.

    `files` are the images as the file lists them. Raises DataError for what cannot be told, or would be read wrongly.
    """
    found, given = {}, {name: partition[name] for name in names if name in partition}
    # One way for all splits: an array of a small split has few images too.
    turned = any(part.shape[0] > most_folds >= part.shape[1] for part in given.values() if _is_table(part))
    for name, part in given.items():
        if len(part):
            parts = _folds(source, name, part, most_folds, turned=turned)
            if fold >= len(parts):
                raise DataError(f"{source} has {len(parts)} fold{'s' * (len(parts) > 1)} of {name}; got fold {fold}")
            if len(parts[fold]):
                found[name] = _indices(source, name, parts[fold], files)
    found = _from_zero(found, len(files))
    for name, indices in found.items():
        outside = indices[(indices < 0) | (indices >= len(files))]
        if len(outside):
            raise DataError(f"{source}: split {name} names image {outside[0] + 1} of {len(files)}; make the file again")
        if len(np.unique(indices)) < len(indices):
            twice = files[int(np.flatnonzero(np.bincount(indices) > 1)[0])]
            raise DataError(f"{source}: split {name} names {twice} twice; name each image once")
    for one, other in combinations(found, 2):
        shared = np.intersect1d(found[one], found[other])
        if len(shared) and ((one, other) in APART or (other, one) in APART):
            raise DataError(
                f"{source}: {len(shared):,} images, such as {files[shared[0]]}, are in {one} and in {other}"
                "; leave them out of one, or what is measured says nothing"
            )
        if len(shared) and {one, other} == {"val", "test"}:
            log.warning(
                "%s: %d images are in val and in test: what is chosen on val is not new to test", source, len(shared)
            )
    return found


def _is_table(part: Any) -> bool:
    """Is it an array of two dimensions, but not a vector as MATLAB keeps it?"""
    return isinstance(part, np.ndarray) and part.ndim == 2 and 1 not in part.shape


def _folds(source: Path, name: str, part: Any, most: int, *, turned: bool) -> list[Any]:
    """The folds of a split: items of a list, or rows or columns of an array of two dimensions."""
    if isinstance(part, list | tuple) and np.ndim(part[0]):
        return list(part)
    if isinstance(part, np.ndarray) and _is_table(part) and part.shape[int(turned)] <= most:
        return list(part.T if turned else part)
    if isinstance(part, np.ndarray) and (part.ndim > 2 or _is_table(part)):
        raise DataError(
            f"{source}: split {name} is an array of {part.shape}; make it a list with the indices of each "
            f"fold, at most {most}"
        )
    return [np.ravel(part) if isinstance(part, np.ndarray) else part]


def _indices(source: Path, name: str, part: Any, files: Sequence[str]) -> np.ndarray:
    """One fold's images as whole numbers, as they are written."""
    if len(part) > len(files):
        raise DataError(f"{source}: split {name} names {len(part):,} images of {len(files):,}; make the file again")
    values = np.asarray(part).ravel()
    if values.dtype.kind in "US" or all(isinstance(one, str) for one in values.tolist()):
        return _by_name(source, name, [str(one) for one in values.tolist()], files)
    if values.dtype == bool or (len(values) == len(files) > 2 and set(np.unique(values)) <= {0, 1}):
        if len(values) != len(files):
            raise DataError(
                f"{source}: the mask of split {name} is of {len(values):,} images, the file of "
                f"{len(files):,}; make the file again"
            )
        return np.flatnonzero(values)
    if values.dtype.kind not in "iuf" or not np.array_equal(values, values.astype(np.int64)):
        raise DataError(
            f"{source}: split {name} holds {values.dtype} that are no whole numbers; name images by index, "
            "mask or file name"
        )
    return values.astype(np.int64)


def _by_name(source: Path, name: str, wanted: list[str], files: Sequence[str]) -> np.ndarray:
    place = {file: index for index, file in enumerate(files)}
    unknown = [one for one in wanted if one not in place]
    if unknown:
        raise DataError(
            f"{source}: split {name} names {unknown[0]!r}, which is no image of the file; {len(unknown):,} "
            f"of {len(wanted):,} are unknown"
        )
    return np.array([place[one] for one in wanted])


def _from_zero(found: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Indices that count from 1, as MATLAB does, count from 0: no image 0, and one behind the last."""
    lowest, highest = (min(i.min() for i in found.values()), max(i.max() for i in found.values())) if found else (0, 0)
    return {name: i - 1 for name, i in found.items()} if (lowest, highest) == (1, count) else found
