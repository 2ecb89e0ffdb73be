"""What one checkpoint says of n images, as a file.

predictions.parquet has one row per image and attribute, images in the order of the split: file, attribute, truth
(1, 0, 2 unknown), prob, for a spiking student prob_t1 .. prob_tT, the answer after timesteps 1..t, prob the last, and
group (equal for near duplicates of each other) and near_duplicate_of (a training image's file, or null).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snnpar.core.errors import SnnparError


class EvaluationError(SnnparError):
    """An evaluation that cannot be made or read; the message says why."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """files (n,), attributes (A,), truth (n, A) int8, probs (T, n, A) float32; probs[t] after timesteps 1..t+1.

    T = 1 for a model without timesteps; probs[-1] is the final answer. groups (n,): images of one number are near
    duplicates of each other; near_duplicate_of (n,): the training image that each is one of, or None. Both are None
    where nobody has looked.
    """

    files: tuple[str, ...]
    attributes: tuple[str, ...]
    truth: np.ndarray
    probs: np.ndarray
    groups: np.ndarray | None = None
    near_duplicate_of: tuple[str | None, ...] | None = None

    @property
    def new(self) -> np.ndarray | None:
        """Indices of the images that are no near duplicate of a training image; None where nobody has looked."""
        if self.near_duplicate_of is None:
            return None
        return np.flatnonzero([other is None for other in self.near_duplicate_of])

    def __post_init__(self) -> None:
        expected = (len(self.files), len(self.attributes))
        if self.truth.shape != expected or self.probs.ndim != 3 or self.probs.shape[1:] != expected:
            raise EvaluationError(
                f"truth must be {expected} and probs (T, {expected[0]}, {expected[1]}); got "
                f"{self.truth.shape} and {self.probs.shape}"
            )


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Write a parquet file in one step; equal predictions give equal bytes."""
    import pyarrow as pa
    from pyarrow import parquet

    timesteps, n, attributes = predictions.probs.shape
    columns = {
        "file": pa.DictionaryArray.from_arrays(np.repeat(np.arange(n, dtype=np.int32), attributes), predictions.files),
        "attribute": pa.DictionaryArray.from_arrays(
            np.tile(np.arange(attributes, dtype=np.int32), n), predictions.attributes
        ),
        "truth": predictions.truth.astype(np.int8).ravel(),
        "prob": predictions.probs[-1].astype(np.float32).ravel(),
    }
    if timesteps > 1:
        for t, probs in enumerate(predictions.probs, 1):
            columns[f"prob_t{t}"] = probs.astype(np.float32).ravel()
    if predictions.groups is not None:
        columns["group"] = np.repeat(predictions.groups.astype(np.int32), attributes)
        others = pa.array(predictions.near_duplicate_of, pa.string())
        columns["near_duplicate_of"] = others.take(np.repeat(np.arange(n), attributes)).dictionary_encode()
    partial = path.with_suffix(".partial")
    parquet.write_table(pa.table(columns), partial, compression="zstd")
    os.replace(partial, path)


def read_predictions(path: Path) -> Predictions:
    """Inverse of `write_predictions`. Raises EvaluationError for a file that is missing or something else."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        rows = parquet.read_table(path).combine_chunks()
        attributes = tuple(dict.fromkeys(rows["attribute"].slice(0, 10_000).to_pylist()))
        first = np.arange(0, len(rows), len(attributes))  # row of each image
        files = tuple(rows["file"].take(first).to_pylist())
        shape = (len(files), len(attributes))
        named = [name for name in rows.column_names if name.startswith("prob_t")] or ["prob"]
        probs = np.stack([rows[name].to_numpy().reshape(shape) for name in named])
        looked = "group" in rows.column_names
        return Predictions(
            files,
            attributes,
            rows["truth"].to_numpy().reshape(shape),
            probs,
            rows["group"].to_numpy()[first] if looked else None,
            tuple(rows["near_duplicate_of"].take(first).to_pylist()) if looked else None,
        )
    except (OSError, KeyError, ValueError, ZeroDivisionError, pa.ArrowException) as error:
        raise EvaluationError(f"{path} is missing or damaged ({error}); evaluate again with --again") from error
