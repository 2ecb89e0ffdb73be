"""PETA: PETA.mat (19,000 images, 5 random splits) beside a folder of images 00001.png to 19000.png."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from snnpar.datasets.annotation import SPLITS, TRAINVAL, Annotation, Layout, image_folder, read_mat, select
from snnpar.schema.attributes import load_schema

FILE = "PETA.mat"
FOLDS = 5
LABELS_FROM = 4  # the first columns of the data are numbers of the image and the person


def read(folder: Path, fold: int) -> Annotation:
    """The 35 attributes that the field evaluates, in one of the five published splits."""
    source, schema = folder / FILE, load_schema("peta")

    def parse(content: dict) -> dict:
        peta = content["peta"][0][0]
        parts = peta[3][fold][0][0][0]
        return {
            "attributes": [str(row[0][0]) for row in peta[1]],
            "labels": peta[0][:, LABELS_FROM:],
            "splits": {name: parts[i][:, 0].astype(int) - 1 for i, name in enumerate(SPLITS)},
        }

    found = read_mat(source, "PETA's annotation file", parse)
    splits = found["splits"] | {TRAINVAL: np.concatenate([found["splits"]["train"], found["splits"]["val"]])}
    labels = select(source, schema, found["attributes"], found["labels"])
    files = tuple(f"{number:05d}.png" for number in range(1, len(labels) + 1))
    return Annotation(source, schema, files, labels, splits, image_folder(folder, files))


PETA = Layout(
    name="peta",
    needs="PETA.mat beside a folder images/ of 00001.png and so on",
    splits=(*SPLITS, TRAINVAL),
    folds=FOLDS,
    recognises=lambda path: (path / FILE).is_file(),
    read=read,
)
