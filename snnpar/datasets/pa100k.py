"""PA100K in its official layout: annotation.mat beside a folder data/ of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from snnpar.datasets.split import DataError, PedestrianSplit
from snnpar.images import open_rgb
from snnpar.schema import load_schema

SPLITS = ("train", "val", "test")


def load_pa100k(folder: str | Path, split: str) -> PedestrianSplit:
    """One split of a PA100K folder. Raises DataError naming the file that is missing or malformed."""
    from scipy.io import loadmat

    folder = Path(folder).expanduser()
    annotation = folder / "annotation.mat"
    if split not in SPLITS:
        raise DataError(f"PA100K has no split {split!r}; there are {', '.join(SPLITS)}")
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give the one with PA100K's annotation.mat and data/")
    if not annotation.is_file():
        raise DataError(f"{annotation} is missing; put PA100K's annotation.mat there")
    try:
        content = loadmat(annotation)
        names = tuple(str(row[0][0]) for row in content[f"{split}_images_name"])
        labels = content[f"{split}_label"].astype(np.int8)
        attributes = tuple(str(row[0][0]) for row in content["attributes"])
    except Exception as error:  # damaged files raise many types: MatReadError, zlib.error, KeyError, IndexError, ...
        raise DataError(f"{annotation} is not PA100K's annotation file ({error}); download it again") from error
    schema = load_schema("pa100k")
    missing = sorted(set(schema.attributes) - set(attributes))
    if missing or labels.shape != (len(names), len(attributes)):
        detail = f"lacks {', '.join(missing)}" if missing else f"has labels {labels.shape} for {len(names)} images"
        raise DataError(f"{annotation} {detail}; it needs PA100K's {len(schema)} attributes")
    absent = [name for name in names if not (folder / "data" / name).is_file()]
    if absent:
        more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
        raise DataError(
            f"{annotation} lists images that are not in {folder / 'data'}: {', '.join(absent[:5])}{more}; "
            "copy them there or take them out of the annotation"
        )
    columns = [attributes.index(name) for name in schema.attributes]
    return PedestrianSplit(
        name=f"pa100k {split}", schema=schema, files=names, labels=labels[:, columns],
        read=lambda index: open_rgb(folder / "data" / names[index]),
    )
