"""A folder of one's own: labels.csv in the forms that spreadsheets save, and sentences that name the line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tiny

from snnpar.datasets import DataError, open_folder
from snnpar.images.pixels import ImageError
from snnpar.schema.attributes import AttributeGroup, AttributeSchema

ROWS = [
    ("a.png", "train", "1", ""),
    ("b.png", "train", "0", "2"),
    ("sub/c.png", "val", "0.0", "1"),
    ("d.png", "test", "1.0", "0"),
]
SCHEMA = AttributeSchema(
    "shop",
    ("Red coat", "Hat"),
    ("red coat", "hat"),
    ("Red coat", "Hat"),
    (AttributeGroup("Clothes", ("Red coat", "Hat"), none="Neither"),),
)


def rewrite(folder: Path, text: str, encoding: str = "utf-8") -> None:
    folder.mkdir(exist_ok=True)
    (folder / "labels.csv").write_bytes(text.encode(encoding))


def test_labels_files_and_images(tmp_path: Path) -> None:
    tiny.write_csv(tmp_path, ROWS)
    train = open_folder(tmp_path, "train")
    assert train.files == ("a.png", "b.png") and train.labels.tolist() == [[1, 2], [0, 2]]
    assert train.schema.attributes == ("Hat", "Red coat") and train.labels.dtype == np.int8
    assert open_folder(tmp_path, "val").labels.tolist() == [[0, 1]]
    assert np.array_equal(open_folder(tmp_path, "val").read(0), tiny.random_image(2, (48, 24)))
    assert open_folder(tmp_path, "test").labels.tolist() == [[1, 0]]


@pytest.mark.parametrize("change", [
    lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n"), lambda text: text.replace(",", ";"),
    lambda text: text.replace(",", "\t"), lambda text: text.replace("\n", "\n\n"), lambda text: text.rstrip("\n"),
    lambda text: text.replace("train", " Train ").replace("file,split", "File, SPLIT"),
    lambda text: text.replace("a.png", '"a.png"').replace("Red coat", '"Red coat"'),
    lambda text: text.replace("a.png", "./a.png").replace("sub/c", "sub\\c"),
    lambda text: text + ",,,\n",
])  # fmt: skip
def test_what_spreadsheets_do_to_a_table_does_no_harm(tmp_path: Path, change) -> None:
    tiny.write_csv(tmp_path, ROWS)
    plain = [open_folder(tmp_path, split) for split in ("train", "val", "test")]
    rewrite(tmp_path, change((tmp_path / "labels.csv").read_text("utf-8")))
    for before in plain:
        after = open_folder(tmp_path, before.name.split()[1])
        assert after.files == before.files and np.array_equal(after.labels, before.labels)
        assert after.schema == before.schema


def test_a_schema_brings_words_and_order(tmp_path: Path) -> None:
    tiny.write_csv(tmp_path, ROWS)
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA.to_dict()))
    train = open_folder(tmp_path, "train")
    assert train.schema == SCHEMA and train.labels.tolist() == [[2, 1], [2, 0]]


def test_published_attributes_get_their_published_words(tmp_path: Path) -> None:
    header = ",".join(("file", "split", *tiny.PA100K.attributes[::-1]))
    tiny.write_csv(tmp_path, [("a.png", "train", *("1" if i == 0 else "0" for i in range(26)))], header)
    train = open_folder(tmp_path, "train")
    assert train.schema == tiny.PA100K and train.labels[0].tolist() == [0] * 25 + [1]


def test_a_listed_file_that_is_absent_is_told_when_it_is_read(tmp_path: Path) -> None:
    tiny.write_csv(tmp_path, ROWS)
    (tmp_path / "b.png").unlink()
    with pytest.raises(ImageError, match="b.png cannot be read"):
        open_folder(tmp_path, "train").read(1)


@pytest.mark.parametrize(("text", "words"), [
    ("", "is empty; its first line must name"),
    ("file,split,Hat\n", "has a header but no images"),
    ("name,split,Hat\na,train,1\n", "line 1: the header needs one column 'file'; it has name, split, Hat"),
    ("file,split,split,Hat\na,train,train,1\n", "line 1: the header needs one column 'split'"),
    ("file,split\na.png,train\n", "line 1: there is no attribute"),
    ("file,split,Hat,Hat\na.png,train,1,1\n", "line 1: the column 'Hat' repeats"),
    ("file,split,Hat,\na.png,train,1,1\n", "line 1: a column has no name"),
    ("file,split,Hat\na.png,train\n", "line 2: 2 cells where the header has 3; fix it"),
    ("file,split,Hat\na.png,train,1\n\nb.png,dev,1\n", "line 4: the split is 'dev'; write train, val or test"),
    ("file,split,Hat\na.png,train,yes\n", "line 2: Hat is 'yes'; write 1, 0, or nothing for unknown"),
    ("file,split,Hat\na.png,train,3\n", "line 2: Hat is '3'"),
    ("file,split,Hat\na.png,train,1\nb.png,val,0\na.png,test,1\n", "line 4: a.png stands in line 2 already"),
    ("file,split,Hat\n../a.png,train,1\n", "line 2: '../a.png' is no file below the folder"),
    ("file,split,Hat\n/a.png,train,1\n", "line 2: '/a.png' is no file below"),
    ("file,split,Hat\n,train,1\n", "line 2: '' is no file below"),
    ('file,split,Hat\n"a.png,train,1\n', "fix the quotes"),
])  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    rewrite(tmp_path, text)
    with pytest.raises(DataError) as caught:
        open_folder(tmp_path, "train")
    assert words in str(caught.value) and "labels.csv" in str(caught.value)


def test_other_encodings_and_schemas_that_do_not_fit(tmp_path: Path) -> None:
    rewrite(tmp_path, "file,split,Mütze\na.png,train,1\n", "latin-1")
    with pytest.raises(DataError, match="not UTF-8 text; save it as CSV UTF-8"):
        open_folder(tmp_path, "train")
    rewrite(tmp_path, "file,split,Hat,Scarf\na.png,train,1,1\n")
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA.to_dict()))
    with pytest.raises(DataError, match="columns that .*schema.json does not know: Scarf"):
        open_folder(tmp_path, "train")
    rewrite(tmp_path, "file,split,Hat\na.png,train,1\n")
    with pytest.raises(DataError, match="labels.csv lacks Red coat; it needs the 2 attributes of shop"):
        open_folder(tmp_path, "train")
    (tmp_path / "schema.json").write_text("{")
    with pytest.raises(DataError, match="schema.json is not an attribute schema"):
        open_folder(tmp_path, "train")
    (tmp_path / "schema.json").unlink()
    with pytest.raises(DataError, match="has no split 'val'; it has train"):
        open_folder(tmp_path, "val")
