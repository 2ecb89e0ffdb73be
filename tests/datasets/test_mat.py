"""PETA and RAPv1 from files in the structure of the published ones, and PETA's real annotation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image
from scipy.io import savemat

from snnpar.datasets import DataError, open_folder
from snnpar.schema.attributes import AttributeSchema, load_schema

PETA, RAP = load_schema("peta"), load_schema("rapv1")
COUNT = 30


def cells(words: list[str]) -> np.ndarray:
    return tiny._cells(words)


def names_and_labels(schema: AttributeSchema, extra: int, values: int) -> tuple[list[str], np.ndarray]:
    """Attributes in another order than the schema's, among others that nobody evaluates."""
    rng = np.random.default_rng(1)
    names = rng.permutation([*schema.attributes, *(f"colour{i}" for i in range(extra))]).tolist()
    return names, rng.integers(0, values, (COUNT, len(names)), dtype=np.uint8)


def partitions(ends: tuple[int, ...], across: bool) -> np.ndarray:
    """Five splits, each a struct in a cell, as MATLAB's v5 files nest them; image numbers start at 1."""
    outer = np.empty((5, 1), dtype=object)
    for fold in range(5):
        order = np.random.default_rng(fold).permutation(COUNT) + 1
        parts = [part.reshape(1, -1) if across else part.reshape(-1, 1) for part in np.split(order, ends)]
        struct = np.empty((1, 1), dtype=[(f"part{i}", object) for i in range(len(parts))])
        struct[0, 0] = tuple(parts)
        outer[fold, 0] = struct
    return outer


def write_peta(folder: Path) -> tuple[list[str], np.ndarray]:
    names, labels = names_and_labels(PETA, 70, 2)
    peta = np.empty((1, 1), dtype=[(name, object) for name in ("data", "attribute", "selected", "partition")])
    numbers = np.zeros((COUNT, 4), np.uint8)
    peta[0, 0] = (np.hstack([numbers, labels]), cells(names), np.arange(35), partitions((15, 18), across=False))
    folder.mkdir(exist_ok=True)
    savemat(folder / "PETA.mat", {"peta": peta})
    return names, labels


def write_rap(folder: Path) -> tuple[list[str], np.ndarray]:
    names, labels = names_and_labels(RAP, 41, 3)
    rap = np.empty((1, 1), dtype=[(f"field{i}", object) for i in range(6)])
    rap[0, 0] = (
        partitions((24,), across=True),
        labels,
        cells(["x"]),
        cells(names),
        np.zeros(4),
        cells([f"CAM{i:02d}.png" for i in range(COUNT)]),
    )
    folder.mkdir(exist_ok=True)
    savemat(folder / "RAP_annotation.mat", {"RAP_annotation": rap})
    return names, labels


@pytest.mark.parametrize("fold", range(5))
@pytest.mark.parametrize(
    ("write", "schema", "counts"),
    [
        (write_peta, PETA, {"train": 15, "val": 3, "test": 12, "trainval": 18}),
        (write_rap, RAP, {"train": 21, "val": 3, "test": 6, "trainval": 24}),
    ],
)
def test_labels_and_files_follow_the_numbers_and_names(
    tmp_path: Path, write: Callable, schema: AttributeSchema, counts: dict, fold: int
) -> None:
    names, labels = write(tmp_path)
    order = np.random.default_rng(fold).permutation(COUNT)
    seen = []
    for split, count in counts.items():
        loaded = open_folder(tmp_path, split, fold=fold)
        assert len(loaded) == count and loaded.schema == schema and f"{split}, fold {fold}" in loaded.name
        numbers = [int("".join(filter(str.isdigit, file))) - (write is write_peta) for file in loaded.files]
        for j, name in enumerate(schema.attributes):
            assert np.array_equal(loaded.labels[:, j], labels[numbers, names.index(name)])
        if split == "test":
            assert numbers == order[-count:].tolist()
        seen += numbers if split != "trainval" else []
    assert sorted(seen) == list(range(COUNT)), "each image is in one split"


def test_unknown_labels_of_rap_stay_unknown(tmp_path: Path) -> None:
    write_rap(tmp_path)
    assert set(np.unique(open_folder(tmp_path, "train").labels)) == {0, 1, 2}


def test_rap_as_its_archive_unpacks(tmp_path: Path) -> None:
    write_rap(tmp_path / "RAP_annotation")
    (tmp_path / "RAP_dataset").mkdir()
    for i in range(COUNT):
        Image.fromarray(tiny.random_image(i)).save(tmp_path / "RAP_dataset" / f"CAM{i:02d}.png")
    test = open_folder(tmp_path, "test", fold=2)
    number = int(test.files[1][3:5])
    assert test.name == "rapv1 test, fold 2" and np.array_equal(test.read(1), tiny.random_image(number))


@pytest.mark.parametrize(("write", "file"), [(write_peta, "PETA.mat"), (write_rap, "RAP_annotation.mat")])
def test_a_damaged_file_is_named(tmp_path: Path, write: Callable, file: str) -> None:
    write(tmp_path)
    whole = (tmp_path / file).read_bytes()
    renamed = whole.replace(b"peta", b"past").replace(b"RAP_", b"TAP_")
    for content in (b"", whole[:200], whole[: len(whole) // 2], renamed):
        (tmp_path / file).write_bytes(content)
        with pytest.raises(DataError, match=rf"{file} is not .*'s annotation file .*; download it again"):
            open_folder(tmp_path, "train")


def test_a_file_of_other_attributes_is_told(tmp_path: Path) -> None:
    write_peta(tmp_path)
    content = (tmp_path / "PETA.mat").read_bytes().replace(b"personalMale", b"personalMule")
    (tmp_path / "PETA.mat").write_bytes(content)
    with pytest.raises(DataError, match="lacks personalMale; it needs the 35 attributes of peta"):
        open_folder(tmp_path, "train")


@pytest.mark.parametrize("fold", range(5))
def test_the_real_annotation_of_peta(shared_data: Path, fold: int) -> None:
    parts = [open_folder(shared_data / "peta", split, fold=fold) for split in ("train", "val", "test")]
    assert [len(part) for part in parts] == [9500, 1900, 7600]
    files = [file for part in parts for file in part.files]
    assert len(set(files)) == 19000 and min(files) == "00001.png" and max(files) == "19000.png"
    labels = np.concatenate([part.labels for part in parts])[np.argsort(files)]
    assert set(np.unique(labels)) == {0, 1}
    # Who is under 30 is in no older group, and a third to three quarters of the people are male.
    ages = labels[:, [PETA.index(name) for name in PETA.attributes if name.startswith("personalL")]]
    assert ages.shape[1] == 4 and (ages.sum(1) <= 1).mean() > 0.99
    assert 0.33 < labels[:, PETA.index("personalMale")].mean() < 0.75


def test_version_2_of_rap_is_told_apart(tmp_path: Path) -> None:
    rap = np.empty((1, 1), dtype=[(f"field{i}", object) for i in range(5)])
    rap[0, 0] = (cells(["a.png"]), np.zeros((1, 152), np.uint8), cells(["Female"]), np.arange(54), np.zeros(4))
    savemat(tmp_path / "RAP_annotation.mat", {"RAP_annotation": rap})
    with pytest.raises(DataError, match="is of RAP version 2, .* make dataset_all.pkl"):
        open_folder(tmp_path, "train")


@pytest.mark.parametrize("name", ["annotation.mat", "PETA.mat", "RAP_annotation.mat"])
def test_a_matlab_file_of_version_7_3_says_how_to_save_it(tmp_path: Path, name: str) -> None:
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8) + b"\x00\x02IM"
    (tmp_path / name).write_bytes(header.ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n" + bytes(2000))
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError, match=f"{name} is a MATLAB file of version 7.3 .* save it again with -v7"):
        open_folder(tmp_path, "train")
