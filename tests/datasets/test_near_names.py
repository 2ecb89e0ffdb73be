"""An image that is not there, while one that looks so is."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from snnpar.datasets import DataError, folder_csv
from snnpar.datasets.near_names import near
from snnpar.images.pixels import ImageError

COMPOSED, APART = (unicodedata.normalize(form, "straße-é.jpg") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("listed", "there", "hint"),
    [
        ("a.jpg", "a.JPG", "There is a.JPG: on this computer large and small letters differ"),
        ("Ab.PNG", "aB.png", "There is aB.png"),
        (COMPOSED, APART, "whose accents are composed otherwise"),
        (APART, COMPOSED, "whose accents are composed otherwise"),
        ("a.jpg", "b.jpg", ""),
        ("a.jpg", "a.jpg", ""),
    ],
)
def test_a_name_that_looks_the_same_is_told(tmp_path: Path, listed: str, there: str, hint: str) -> None:
    (tmp_path / there).touch()
    assert hint in near(tmp_path / listed) and bool(near(tmp_path / listed)) == bool(hint)
    assert near(tmp_path / "no folder" / "a.jpg") == near(Path("a\0.jpg")) == ""


def test_it_is_told_of_one_image_and_of_all(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,split,Hat\na.jpg,train,1\nb.jpg,train,0\n", "utf-8")
    for name in ("a.jpg", "b.JPG"):
        Image.new("RGB", (20, 40)).save(tmp_path / name, "JPEG")
    annotation = folder_csv.read(tmp_path, 0)
    assert annotation.read(0).shape == (40, 20, 3)
    with pytest.raises(ImageError, match="b.jpg is not there. There is b.JPG"):
        annotation.read(1)
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(DataError, match="none of the 1 images of own train .* There is b.JPG"):
        annotation.check_there([1], "own train")
