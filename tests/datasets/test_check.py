"""The report on a dataset: every number known beforehand, every fault planted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image

from snnpar.__main__ import main
from snnpar.datasets.check import check_data, describe
from snnpar.datasets.duplicates import LIMIT
from snnpar.images.pixels import resize
from snnpar.schema.attributes import AttributeSchema

ROWS = [
    ("a.png", "train", "1", ""),
    ("b.png", "train", "0", "1"),
    ("c.png", "val", "1", "0"),
    ("d.png", "val", "", ""),
    ("e.png", "test", "0", "0"),
]


def image(seed: int) -> np.ndarray:
    """A smooth image, uint8 (96, 48, 3): like a photograph it survives scaling, unlike noise."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((48, 96), Image.Resampling.BICUBIC))


# ------------------------------------------------------------------------------------------------ the report


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny.write_csv(tmp_path, ROWS)
    for number, row in enumerate(ROWS):
        Image.fromarray(image(number)).save(tmp_path / row[0])
    return tmp_path


def test_a_sound_data_set_is_counted(folder: Path) -> None:
    report = check_data(folder)
    assert report.is_sound and not report.duplicates and report.in_no_split == 0
    assert [(s.name, s.n, s.positives.tolist(), s.unknown.tolist()) for s in report.splits] == [
        ("train", 2, [1, 1], [0, 1]),
        ("val", 2, [1, 0], [1, 1]),
        ("test", 1, [0, 0], [0, 0]),
    ]
    assert report.without_positives() == {"train": (), "val": ("Red coat",), "test": ("Hat", "Red coat")}
    text = describe(report)
    assert "1  50.0%" in text and "1 100.0% ?1" in text and "nobody in test has: Hat, Red coat" in text
    assert "unreadable images: none" in text and "other than 0, 1 and 2: none" in text


def test_missing_damaged_and_empty_images_are_all_named(folder: Path, capsys: pytest.CaptureFixture) -> None:
    (folder / "a.png").unlink()
    (folder / "c.png").write_bytes(b"")
    (folder / "e.png").write_bytes((folder / "e.png").read_bytes()[:60])
    report = check_data(folder)
    assert not report.is_sound and [(one.split, one.file) for one in report.unreadable] == [
        ("train", "a.png"),
        ("val", "c.png"),
        ("test", "e.png"),
    ]
    assert main(["data", "check", str(folder)]) == 1
    text = capsys.readouterr().out
    assert "unreadable images: 3" in text and "No such file" in text and "0 bytes" in text and "damaged" in text


def test_near_duplicates_are_found_across_splits_only(folder: Path) -> None:
    Image.fromarray(resize(image(1), (60, 30))).save(folder / "e.png")  # test: train's b, smaller
    Image.fromarray(image(2)).save(folder / "d.png")  # both in val
    Image.fromarray(image(0)).save(folder / "b.png")  # both in train; and e is now like nothing
    assert check_data(folder).duplicates == ()
    Image.fromarray(image(1)).save(folder / "b.png")
    (pair,) = check_data(folder).duplicates
    assert (pair.split, pair.file, pair.other_split, pair.other_file) == ("test", "e.png", "train", "b.png")
    assert LIMIT < pair.correlation <= 1 + 1e-6
    text = describe(check_data(folder))
    assert "images of test with a near duplicate in train: 1 of 1\n  e.png ~ b.png (" in text
    assert "images of val with a near duplicate in train: none" in text and "correlate above 0.85" in text


def test_labels_that_are_none_are_counted_and_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    from scipy.io import loadmat, savemat

    tiny.write_pa100k(tmp_path, {"train": 3, "val": 2, "test": 1})
    content = {k: v for k, v in loadmat(tmp_path / "annotation.mat").items() if k[0] != "_"}
    content["val_label"][1, 4] = 9
    savemat(tmp_path / "annotation.mat", content)
    (bad,) = check_data(tmp_path).bad_labels
    assert (bad.file, bad.attribute, bad.value) == ("000004.png", "Front", 9)
    assert main(["data", "check", str(tmp_path)]) == 1 and "000004.png  Front = 9" in capsys.readouterr().out


def test_status_tells_a_script_what_to_think(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["data", "check", str(folder)]) == 0
    assert main(["data", "check", str(folder), "--layout", "peta"]) == 2
    assert main(["data", "check", str(tmp_path / "nowhere")]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_the_schema_to_start_from_is_one(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["data", "schema", str(folder)]) == 0
    printed = capsys.readouterr().out
    schema = AttributeSchema.from_dict(json.loads(printed))
    (folder / "schema.json").write_text(printed.replace('"phrase": "Hat"', '"phrase": "a hat"'))
    assert schema.attributes == ("Hat", "Red coat")
    assert main(["data", "schema", str(folder)]) == 0 and '"phrase": "a hat"' in capsys.readouterr().out


def test_real_images(shared_data: Path) -> None:
    report = check_data(shared_data / "pa100k-mini")
    assert report.is_sound and [split.n for split in report.splits] == [1400, 199, 200]
    assert report.without_positives() == {"train": (), "val": (), "test": ("LowerStripe",)}
    pairs = {(pair.file, pair.other_file) for pair in report.duplicates}
    assert ("001504.jpg", "000553.jpg") in pairs, "one person, two frames; seen by eye"
    assert len(report.duplicates_of("test", "train")) == 13 and len(report.duplicates_of("val", "train")) == 10
    text = describe(report)
    assert "near duplicate in train: 13 of 200" in text and "near duplicate in train: 10 of 199" in text
