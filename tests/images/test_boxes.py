"""The box round one person: its part of the image, its text, and which images need one."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from snnpar.core.errors import SnnparError
from snnpar.images.boxes import NARROWEST, TALLEST, WIDEST, PersonBox, doubt, standing
from snnpar.images.pixels import open_rgb

PLACES = np.stack(np.meshgrid(np.arange(60), np.arange(40), indexing="ij"), -1)  # each pixel says its row and column


def test_a_crop_is_the_part_that_the_box_names() -> None:
    part = PersonBox(x=5, y=20, width=10, height=30).crop(PLACES)
    assert part.shape == (30, 10, 2)
    assert part[0, 0].tolist() == [20, 5] and part[-1, -1].tolist() == [49, 14]
    part[:] = 0
    assert PLACES[20, 5].tolist() == [20, 5]  # the image is left alone


def test_the_whole_image_is_a_box_and_one_pixel_more_is_not() -> None:
    np.testing.assert_array_equal(PersonBox(0, 0, 40, 60).crop(PLACES), PLACES)
    for box in (PersonBox(1, 0, 40, 60), PersonBox(0, 1, 40, 60)):
        with pytest.raises(SnnparError, match="leaves the image of 40 x 60 pixels"):
            box.crop(PLACES)


@given(st.integers(0, 9000), st.integers(0, 9000), st.integers(8, 80), st.integers(8, 80))
def test_its_text_is_read_back(x: int, y: int, width: int, height: int) -> None:
    box = PersonBox(x, y, width, height)
    assert PersonBox.parse(str(box)) == box


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.2.3",
        "1.2.30.40.5",
        "-1.0.10.10",
        "1.0.1e9.9",
        "a.b.c.d",
        "1,2,30,40",
        "0.0.7.20",
        "0.0.10.101",
        "0.0.101.10",
        "1.2.30.40\n",
        "١.٢.٣٠.٤٠",
        "9" * 5000,
    ],
)
def test_what_is_no_box_is_refused(text: str) -> None:
    with pytest.raises(SnnparError, match="box"):
        PersonBox.parse(text)


@pytest.mark.parametrize("numbers", [(0.0, 0, 10, 20), (True, 0, 10, 20), (-1, 0, 10, 20), (0, 0, 10, None)])
def test_only_whole_pixels_are_numbers(numbers: tuple) -> None:
    with pytest.raises(SnnparError, match="whole pixels"):
        PersonBox(*numbers)


@given(st.integers(8, 5000), st.integers(8, 5000))
def test_the_first_box_stands_inside_any_image(height: int, width: int) -> None:
    if max(height, width) > 10 * min(height, width):
        return  # such images are not opened
    box = standing(height, width)
    assert box.x + box.width <= width and box.y + box.height <= height
    assert abs((2 * box.x + box.width) - width) <= 1 and abs((2 * box.y + box.height) - height) <= 1
    assert not doubt(box.height, box.width) or height > TALLEST or min(height, width) < 40


@pytest.mark.parametrize(
    ("height", "width", "words"),
    [
        (480, 640, "much wider than one standing person (640 x 480 pixels)"),
        (640, 427, "wider than one standing"),
        (100, 65, ""),
        (100, 66, "wider"),
        (256, 128, ""),
        (200, 40, ""),
        (200, 39, "much narrower"),
        (1000, 400, ""),
        (1001, 400, "larger"),
        (4032, 3024, "wider"),
        (1920, 1080, "larger"),
    ],
)
def test_images_that_are_hardly_of_one_person(height: int, width: int, words: str) -> None:
    said = doubt(height, width)
    assert words in said if words else not said


def test_the_bounds_hold_for_real_images_of_one_person(shared_data) -> None:
    files = sorted((shared_data / "pa100k-mini" / "data").glob("*.jpg"))
    sizes = np.array([Image.open(file).size for file in files])
    shapes = sizes[:, 0] / sizes[:, 1]
    assert shapes.min() > NARROWEST and shapes.max() < WIDEST and sizes[:, 1].max() <= TALLEST


def test_a_box_counts_in_the_upright_image() -> None:
    stored = np.zeros((40, 80, 3), np.uint8)
    stored[:10, :20] = 255  # of a camera held on its side: its upper left is the upright image's upper right
    exif = Image.Exif()
    exif[0x0112] = 6
    file = BytesIO()
    Image.fromarray(stored).save(file, "PNG", exif=exif)
    upright = open_rgb(file.getvalue())
    assert upright.shape == (80, 40, 3)
    assert (PersonBox(30, 0, 10, 20).crop(upright) == 255).all() and not PersonBox(0, 0, 30, 80).crop(upright).any()
