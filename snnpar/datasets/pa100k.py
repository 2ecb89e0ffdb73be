"""PA100K in its official layout: annotation.mat beside a folder data/ of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from snnpar.datasets.annotation import SPLITS, Annotation, Layout, image_folder, inside, read_mat, select
from snnpar.datasets.split import DataError
from snnpar.schema.attributes import load_schema

FILE = "annotation.mat"


def _parse(content: dict) -> dict:
    return {
        "files": [[inside(str(row[0][0])) for row in content[f"{split}_images_name"]] for split in SPLITS],
        "labels": [content[f"{split}_label"] for split in SPLITS],
        "attributes": [str(row[0][0]) for row in content["attributes"]],
    }


def read(folder: Path, _fold: int) -> Annotation:
    """The three splits of a PA100K folder."""
    source, schema = folder / FILE, load_schema("pa100k")
    found = read_mat(source, "PA100K's annotation file", _parse)
    for split, names, labels in zip(SPLITS, found["files"], found["labels"], strict=True):
        if len(labels) != len(names):
            raise DataError(f"{source} has {split} labels {labels.shape} for {len(names)} images; download it again")
    labels = np.concatenate([select(source, schema, found["attributes"], part) for part in found["labels"]])
    ends = np.cumsum([0] + [len(files) for files in found["files"]])
    files = tuple(name for part in found["files"] for name in part)
    return Annotation(
        source=source,
        schema=schema,
        files=files,
        labels=labels,
        images=image_folder(folder, files),
        splits={name: np.arange(ends[i], ends[i + 1]) for i, name in enumerate(SPLITS)},
    )


PA100K = Layout(
    name="pa100k",
    needs="PA100K's annotation.mat beside the folder data/",
    splits=SPLITS,
    folds=1,
    recognises=lambda path: (path / FILE).is_file(),
    read=read,
)
