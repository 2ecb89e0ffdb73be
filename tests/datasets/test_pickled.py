"""The two pickle layouts of the field; nothing in a pickle is executed."""

from __future__ import annotations

import os
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import tiny

from snnpar.datasets import DataError, open_folder
from snnpar.schema import load_schema

RAP = load_schema("rapv1")
COUNT = 20
PARTS = {"train": np.arange(8), "val": np.arange(8, 12), "trainval": np.arange(12), "test": np.arange(12, 20)}


@pytest.fixture
def easydict(monkeypatch: pytest.MonkeyPatch) -> type:
    """A class that pickles as easydict.EasyDict does."""
    module = types.ModuleType("easydict")
    module.EasyDict = type("EasyDict", (dict,), {"__module__": "easydict"})
    monkeypatch.setitem(sys.modules, "easydict", module)
    return module.EasyDict


def content(names: list[str], partition: dict, **more: object) -> dict:
    labels = np.random.default_rng(0).integers(0, 3, (COUNT, len(names)))
    return {"description": "rap", "root": "/home/them/data", "image_name": [f"{i}.png" for i in range(COUNT)],
            "label": labels, "attr_name": names, "partition": partition, "weight_train": [0.5], **more}


def write(folder: Path, values: dict, name: str = "dataset_all.pkl") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(pickle.dumps(values))
    return folder


def test_evaluated_columns_are_paired_with_their_names(tmp_path: Path, easydict: type) -> None:
    """dataset_all.pkl: more columns than are evaluated, label_idx.eval in another order than the schema."""
    rng = np.random.default_rng(3)
    names = rng.permutation([*RAP.attributes, *(f"colour{i}" for i in range(41))]).tolist()
    columns = rng.permutation([names.index(name) for name in RAP.attributes]).tolist()
    values = content(names, easydict(PARTS), label_idx=easydict(eval=columns, color=[0]))
    write(tmp_path, easydict(values))
    for split, indices in PARTS.items():
        loaded = open_folder(tmp_path, split)
        assert loaded.schema == RAP and loaded.files == tuple(f"{i}.png" for i in indices)
        for j, name in enumerate(RAP.attributes):
            assert np.array_equal(loaded.labels[:, j], values["label"][indices, names.index(name)])


def test_words_do_not_decide_what_a_label_means(tmp_path: Path) -> None:
    """dataset.pkl: attr_words in another order than the labels, as published for PETA, change nothing."""
    names = list(RAP.attributes)
    values = content(names, PARTS, attr_words=np.array(names[::-1]), attr_vectors=np.zeros((51, 768), np.float32))
    loaded = open_folder(write(tmp_path, values, "dataset.pkl"), "test")
    assert loaded.schema == RAP and np.array_equal(loaded.labels, values["label"][12:])


def test_attributes_of_its_own_and_folds(tmp_path: Path) -> None:
    folds = {name: [part[::-1], part] for name, part in PARTS.items()}
    write(tmp_path, content(["tall", "short"], folds))
    assert open_folder(tmp_path, "val", fold=1).files == ("8.png", "9.png", "10.png", "11.png")
    assert open_folder(tmp_path / "dataset_all.pkl", "val").files == ("11.png", "10.png", "9.png", "8.png")
    assert open_folder(tmp_path, "val").schema.attributes == ("tall", "short")
    with pytest.raises(DataError, match="has 2 folds of train; got fold 2"):
        open_folder(tmp_path, "val", fold=2)


def test_a_tenth_validates_where_there_is_no_validation_split(tmp_path: Path) -> None:
    write(tmp_path, content(["tall"], {"train": [], "trainval": [PARTS["trainval"]], "test": [PARTS["test"]]}))
    assert open_folder(tmp_path, "val").files == ("0.png", "10.png")
    assert len(open_folder(tmp_path, "train")) == 10 and len(open_folder(tmp_path, "trainval")) == 12


def test_images_lie_below_the_folder_whatever_the_file_says(tmp_path: Path) -> None:
    values = content(["tall"], PARTS) | {"image_name": [f"/home/them/RAP_dataset/{i}.png" for i in range(COUNT)]}
    write(tmp_path, values)
    (tmp_path / "images").mkdir()
    from PIL import Image

    for i in range(COUNT):
        Image.fromarray(tiny.random_picture(i)).save(tmp_path / "images" / f"{i}.png")
    assert np.array_equal(open_folder(tmp_path, "test").read(0), tiny.random_picture(12))


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.path}",)


def test_a_hostile_pickle_is_refused_and_does_not_execute(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    write(tmp_path / "data", content(["tall"], PARTS) | {"label": Hostile(marker)})
    with pytest.raises(DataError, match="dataset_all.pkl was not opened: it asks for (posix|nt).system"):
        open_folder(tmp_path / "data", "train")
    assert not marker.exists()


@pytest.mark.parametrize(("change", "words"), [
    ({"partition": None}, "has no partition; a data set's pickle needs"),
    ({"label": None, "attr_name": None}, "has no label, attr_name"),
    ({"label": np.zeros((20, 3))}, r"labels \(20, 3\) for 1 attributes"),
    ({"label": np.zeros((19, 1))}, r"labels \(19, 1\) for 20 images"),
    ({"label": np.full((20, 1), "yes")}, "labels of type <U3"),
    ({"label_idx": {"eval": [0, 5]}}, "label_idx.eval names columns beyond the 1 attributes"),
    ({"partition": {}}, "empty partition"),
    ({"partition": {"train": np.arange(30), "val": np.arange(3)}}, "split train names image 30 of 20"),
    ({"partition": 5}, "is not a data set of the field"),
    ({"image_name": 5}, "is not a data set of the field"),
    ({"attr_name": ["tall", "tall"], "label": np.zeros((20, 2))}, "unusable attribute names"),
])
def test_what_does_not_fit_is_told(tmp_path: Path, change: dict, words: str) -> None:
    values = {key: value for key, value in (content(["tall"], PARTS) | change).items() if value is not None}
    with pytest.raises(DataError, match=words):
        open_folder(write(tmp_path, values), "train")


def test_a_split_it_lacks(tmp_path: Path) -> None:
    write(tmp_path, content(["tall"], {"train": PARTS["train"], "test": PARTS["test"]}))
    with pytest.raises(DataError, match="has no split 'val'; it has train, test"):
        open_folder(tmp_path, "val")
