"""RAP version 1: RAP_annotation.mat (41,585 images, 5 random splits) beside a folder RAP_dataset/ of images.

Label 2 means unknown. The published splits have no validation part: ours is every tenth image of the training part.
"""

from __future__ import annotations

from pathlib import Path

from snnpar.datasets.annotation import (
    SPLITS,
    TRAINVAL,
    Annotation,
    Layout,
    hold_out,
    image_folder,
    inside,
    read_mat,
    select,
)
from snnpar.datasets.split import DataError
from snnpar.schema.attributes import load_schema

FILES = ("RAP_annotation.mat", "RAP_annotation/RAP_annotation.mat")  # the archive unpacks to the second
FOLDS = 5
ATTRIBUTES_OF_V2 = 152


def _annotation_file(folder: Path) -> Path | None:
    return next((folder / name for name in FILES if (folder / name).is_file()), None)


def read(folder: Path, fold: int) -> Annotation:
    """The 51 attributes that the field evaluates, in one of the five published splits."""
    source, schema = _annotation_file(folder), load_schema("rapv1")

    def parse(content: dict) -> dict:
        rap = content["RAP_annotation"][0][0]
        if rap[1].ndim == 2 and rap[1].shape[1] == ATTRIBUTES_OF_V2:
            raise DataError(
                f"{source} is of RAP version 2, which is read only from the field's pickles: make "
                "dataset_all.pkl from it as Rethinking_of_PAR does, and name that"
            )
        trainval, test = (rap[0][fold][0][0][0][i].ravel().astype(int) - 1 for i in range(2))
        return {
            "attributes": [str(row[0][0]) for row in rap[3]],
            "labels": rap[1],
            "files": tuple(inside(str(row[0][0])) for row in rap[5]),
            "splits": {**hold_out(trainval), "test": test, TRAINVAL: trainval},
        }

    if source is None:
        raise DataError(f"{folder} holds no RAP_annotation.mat")
    found = read_mat(source, "RAPv1's annotation file", parse)
    labels = select(source, schema, found["attributes"], found["labels"])
    return Annotation(source, schema, found["files"], labels, found["splits"], image_folder(folder, found["files"]))


RAPV1 = Layout(
    name="rapv1",
    needs="RAP_annotation.mat (or RAP_annotation/RAP_annotation.mat) beside the folder RAP_dataset/",
    splits=(*SPLITS, TRAINVAL),
    folds=FOLDS,
    recognises=lambda path: _annotation_file(path) is not None,
    read=read,
)
