from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny
from scipy.io import loadmat, savemat

from snnpar.datasets import DataError, PedestrianSplit, open_folder
from snnpar.images.pixels import ImageError, open_rgb

COUNTS = {"train": 5, "val": 2, "test": 3}


def load_pa100k(folder: Path | str, split: str) -> PedestrianSplit:
    return open_folder(folder, split, layout="pa100k")


def test_three_splits_in_the_official_layout(tmp_path: Path) -> None:
    labels = tiny.write_pa100k(tmp_path / "pa", COUNTS)
    for split, count in COUNTS.items():
        loaded = load_pa100k(tmp_path / "pa", split)
        assert len(loaded) == count and loaded.schema == tiny.PA100K and split in loaded.name
        assert loaded.labels.dtype == np.int8 and np.array_equal(loaded.labels, labels[split])
        image = loaded.read(count - 1)
        assert np.array_equal(image, open_rgb(tmp_path / "pa" / "data" / loaded.files[-1]))
    assert load_pa100k(str(tmp_path / "pa"), "train").files == tuple(f"{i:06d}.png" for i in range(5))


def test_shuffled_columns_are_matched_by_name(tmp_path: Path) -> None:
    shuffled = tuple(np.random.default_rng(1).permutation(tiny.PA100K.attributes).tolist())
    written = tiny.write_pa100k(tmp_path / "pa", COUNTS, shuffled)["train"]
    loaded = load_pa100k(tmp_path / "pa", "train")
    assert shuffled != tiny.PA100K.attributes
    for name in shuffled:
        assert np.array_equal(loaded.labels[:, tiny.PA100K.index(name)], written[:, shuffled.index(name)])


@pytest.mark.parametrize(("split", "count"), [("train", 1400), ("val", 199), ("test", 200)])
def test_real_images(shared_data: Path, split: str, count: int) -> None:
    loaded = load_pa100k(shared_data / "pa100k-mini", split)
    assert len(loaded) == count and set(np.unique(loaded.labels)) == {0, 1}
    image = loaded.read(count // 2)
    assert image.ndim == 3 and image.shape[0] > image.shape[1]
    views = loaded.labels[:, [tiny.PA100K.index(view) for view in ("Front", "Side", "Back")]]
    assert (views.sum(1) == 1).all(), "every person has one view, so the columns are where the names say"


def refuse(folder: Path, *words: str, split: str = "train") -> None:
    """Loading fails with one sentence that names the file."""
    with pytest.raises(DataError) as caught:
        load_pa100k(folder, split)
    for word in words:
        assert word in str(caught.value)


def test_missing_things_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "pa"
    refuse(folder, str(folder), "no such folder")
    tiny.write_pa100k(folder, COUNTS)
    refuse(folder, "'dev'", "train, val, test", split="dev")
    (folder / "annotation.mat").unlink()
    refuse(folder, str(folder), "not laid out as pa100k", "annotation.mat")


def test_an_absent_image_is_told_when_it_is_read(tmp_path: Path) -> None:
    tiny.write_pa100k(tmp_path / "pa", COUNTS)
    (tmp_path / "pa" / "data" / "000000.png").unlink()
    loaded = load_pa100k(tmp_path / "pa", "train")
    assert len(loaded) == 5 and loaded.read(1).shape == (48, 24, 3)
    with pytest.raises(ImageError, match="000000.png cannot be read"):
        loaded.read(0)


@pytest.mark.parametrize("content", [b"", b"x", b"not a mat file " * 50, b"\x89HDF\r\n\x1a\n" + bytes(600)])
def test_what_is_no_mat_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "annotation.mat").write_bytes(content)
    refuse(tmp_path, "annotation.mat", "not PA100K's annotation file", "download it again")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_cut_or_damaged_mat_file_is_refused(tmp_path: Path, compressed: bool) -> None:
    tiny.write_pa100k(tmp_path, COUNTS)
    path = tmp_path / "annotation.mat"
    savemat(path, {k: v for k, v in loadmat(path).items() if k[0] != "_"}, do_compression=compressed)
    whole = path.read_bytes()
    for end in (64, 127, 129, 140, 300, len(whole) // 2):
        path.write_bytes(whole[:end])
        refuse(tmp_path, "annotation.mat")
    damaged = bytearray(whole)
    damaged[136:200] = bytes(range(64))
    path.write_bytes(damaged)
    refuse(tmp_path, "annotation.mat")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"train_label": np.zeros((5, 25))}, "(5, 25)"),
        ({"train_label": np.zeros((4, 26))}, "(4, 26) for 5 images"),
        ({"train_label": None}, "train_label"),
        ({"attributes": tiny._cells(tiny.PA100K.attributes[:-1])}, "lacks boots"),
        ({"attributes": np.zeros((26, 1))}, "annotation"),
        ({"train_images_name": np.zeros((5, 1))}, "annotation"),
    ],
)
def test_annotations_of_something_else_are_refused(tmp_path: Path, change: dict, word: str) -> None:
    tiny.write_pa100k(tmp_path, COUNTS)
    path = tmp_path / "annotation.mat"
    content = {key: value for key, value in loadmat(path).items() if not key.startswith("_")} | change
    savemat(path, {key: value for key, value in content.items() if value is not None})
    refuse(tmp_path, str(path), word)
