"""The two pickle layouts of the field; nothing in a pickle is executed."""

from __future__ import annotations

import os
import pickle
import sys
import types
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest
import tiny

from snnpar.datasets import DataError, open_folder
from snnpar.schema.attributes import load_schema

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
    return {
        "description": "rap",
        "root": "/home/them/data",
        "image_name": [f"{i}.png" for i in range(COUNT)],
        "label": labels,
        "attr_name": names,
        "partition": partition,
        "weight_train": [0.5],
        **more,
    }


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
        Image.fromarray(tiny.random_image(i)).save(tmp_path / "images" / f"{i}.png")
    assert np.array_equal(open_folder(tmp_path, "test").read(0), tiny.random_image(12))


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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"partition": None}, "has no partition; a dataset's pickle needs"),
        ({"label": None, "attr_name": None}, "has no label, attr_name"),
        ({"label": np.zeros((20, 3))}, r"labels \(20, 3\) for 1 attributes"),
        ({"label": np.zeros((19, 1))}, r"labels \(19, 1\) for 20 images"),
        ({"label": np.full((20, 1), "yes")}, "labels of type <U3"),
        ({"label_idx": {"eval": [0, 5]}}, "label_idx.eval names more columns than there are attributes"),
        ({"partition": {}}, "empty partition"),
        ({"partition": {"train": np.arange(30), "val": np.arange(3)}}, "split train names 30 images of 20"),
        ({"partition": 5}, "is not a dataset of the field"),
        ({"image_name": 5}, "holds a int as image_name"),
        ({"attr_name": ["tall", "tall"], "label": np.zeros((20, 2))}, "unusable attribute names"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, change: dict, words: str) -> None:
    values = {key: value for key, value in (content(["tall"], PARTS) | change).items() if value is not None}
    with pytest.raises(DataError, match=words):
        open_folder(write(tmp_path, values), "train")


def test_a_split_it_lacks(tmp_path: Path) -> None:
    write(tmp_path, content(["tall"], {"train": PARTS["train"], "test": PARTS["test"]}))
    with pytest.raises(DataError, match="has no split 'val'; it has train, test"):
        open_folder(tmp_path, "val")


FOLDED = {
    name: np.stack([np.roll(np.arange(COUNT), k)[part] for k in range(5)])
    for name, part in (("train", slice(0, 8)), ("val", slice(8, 12)), ("test", slice(12, 20)))
}
FILES = [f"{i}.png" for i in range(COUNT)]
MASK = np.arange(COUNT) < 8


@pytest.mark.parametrize(
    "partition",
    [
        PARTS,
        {name: indices.astype(float) for name, indices in PARTS.items()},
        {name: indices[:, None] for name, indices in PARTS.items()},
        {name: indices[None] for name, indices in PARTS.items()},
        {name: [indices] for name, indices in PARTS.items()},
        {name: np.isin(np.arange(COUNT), indices) for name, indices in PARTS.items()},
        {name: np.isin(np.arange(COUNT), indices).astype(int) for name, indices in PARTS.items()},
        {name: np.isin(np.arange(COUNT), indices).tolist() for name, indices in PARTS.items()},
        {name: [FILES[i] for i in indices] for name, indices in PARTS.items()},
        {name: np.array(FILES)[indices] for name, indices in PARTS.items()},
        {name: indices + 1 for name, indices in PARTS.items()},  # as MATLAB counts
        {"train": range(8), "val": range(8, 12), "test": range(12, 20)},
    ],
)
def test_a_partition_may_be_written_in_many_ways(tmp_path: Path, partition: dict) -> None:
    values = content(["a", "b"], partition)
    write(tmp_path, values)
    for split, indices in PARTS.items():
        loaded = open_folder(tmp_path, split)
        assert loaded.files == tuple(FILES[i] for i in indices)
        assert np.array_equal(loaded.labels, values["label"][indices])


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("fold", range(5))
def test_folds_may_be_rows_or_columns_of_one_array(tmp_path: Path, fold: int, turned: bool) -> None:
    write(tmp_path, content(["a", "b"], {name: part.T if turned else part for name, part in FOLDED.items()}))
    for split, part in FOLDED.items():
        assert open_folder(tmp_path, split, fold=fold).files == tuple(FILES[i] for i in part[fold])


@pytest.mark.parametrize(
    ("partition", "words"),
    [
        (PARTS | {"test": np.arange(7, 20)}, "1 images, such as 7.png, are in train and in test"),
        (PARTS | {"val": np.arange(7, 12)}, "are in train and in val"),
        (PARTS | {"trainval": np.arange(13)}, "1 images, such as 12.png, are in test and in trainval"),
        (PARTS | {"val": np.array([8, 8, 9])}, "split val names 8.png twice"),
        (PARTS | {"val": MASK[:9]}, "mask of split val is of 9 images"),
        (PARTS | {"val": ["8.png", "none.png"]}, "'none.png', which is no image"),
        (PARTS | {"val": [8.5]}, "no whole numbers"),
        (PARTS | {"val": np.zeros((9, 9, 9), int)}, r"array of \(9, 9, 9\)"),
        (PARTS | {"val": np.zeros((9, 9), int)}, r"array of \(9, 9\)"),
        (PARTS | {"val": range(10**30)}, "is not a dataset"),
        (PARTS | {"val": range(10**12)}, "names 1,000,000,000,000 images of 20"),
        (PARTS | {"val": [25]}, "names image 26 of 20"),
        (PARTS | {"val": [-1]}, "split val names image 0 of 20"),
        (PARTS | {"val": [-1, -1]}, "split val names image 0 of 20"),
        (PARTS | {"val": [25], "trainval": [25]}, "names image 26 of 20"),
    ],
)
def test_a_partition_that_would_be_read_wrongly_is_told(tmp_path: Path, partition: dict, words: str) -> None:
    write(tmp_path, content(["a", "b"], partition))
    with pytest.raises(DataError, match=words):
        open_folder(tmp_path, "train")


def test_images_of_one_name_in_two_folders_stay_two(tmp_path: Path) -> None:
    listed = [f"/cam{i % 2}/{i // 2:04d}.jpg" for i in range(COUNT)]
    write(tmp_path, content(["a", "b"], PARTS, image_name=listed))
    assert open_folder(tmp_path, "train").files == tuple(f"cam{i % 2}/{i // 2:04d}.jpg" for i in range(8))


def test_an_image_that_is_listed_twice_is_told(tmp_path: Path) -> None:
    write(tmp_path, content(["a", "b"], PARTS, image_name=["0.png", *FILES[:-1]]))
    with pytest.raises(DataError, match="lists 0.png twice"):
        open_folder(tmp_path, "train")


def test_columns_that_were_chosen_already_are_all_evaluated(tmp_path: Path) -> None:
    write(tmp_path, content(["a", "b"], PARTS, label_idx={"eval": [1, 40], "extra": range(3, 9)}))
    assert open_folder(tmp_path, "train").schema.attributes == ("a", "b")


@pytest.mark.parametrize("protocol", range(2, 6))
def test_the_dicts_of_python_are_data(tmp_path: Path, protocol: int) -> None:
    values = OrderedDict(content(["a", "b"], defaultdict(list, PARTS), label_idx=OrderedDict(eval=range(2))))
    (tmp_path / "dataset.pkl").write_bytes(pickle.dumps(values, protocol))
    assert open_folder(tmp_path, "val").files == tuple(FILES[8:12])


@pytest.mark.parametrize("name", ["image_name", "attr_name", "label"])
def test_a_range_that_fills_the_memory_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, content(["a", "b"], PARTS) | {name: range(10**12)})
    with pytest.raises(DataError, match=f"holds a range as {name}"):
        open_folder(tmp_path, "train")
