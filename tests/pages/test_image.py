"""What is shown is what bar and link name: samples, files, and the box that is cut out of one."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from looked_at import link, named, shown
from PIL import Image
from screen import component_data, png, said
from streamlit.testing.v1 import AppTest

from snnpar.metrics.defaults import SAMPLE


def encode(image: Image.Image, kind: str = "PNG") -> bytes:
    file = BytesIO()
    image.save(file, kind)
    return file.getvalue()


SCENE = encode(Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 120, 3), dtype=np.uint8)))


def image_of(data: bytes) -> str:
    """What a link calls a file."""
    return f"sha256-{hashlib.sha256(data).hexdigest()[:24]}"


def upload(test: AppTest, data: bytes, name: str = "me.png", key: str = "upload") -> AppTest:
    return test.file_uploader(key=key).upload(name, data, "image/png").run()


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(data)))


# --------------------------------------------------------------------------------------------- a file


def test_bar_and_link_name_an_upload_and_the_sample_after_it(app, pair: Path) -> None:
    test = app(pair)
    test.button(key="next").click().run()
    sample = link(test)["sample"]
    upload(test, png())
    assert named(test) == "me.png" and link(test)["image"] == image_of(png()) and "sample" not in link(test)
    test.switch_page("spikes.py").run()
    assert named(test) == "me.png" and link(test)["image"] == image_of(png())
    test.selectbox(key="sample").select(str(int(SAMPLE) + 2)).run()
    assert link(test)["sample"] == sample == named(test) and "image" not in link(test)
    test.selectbox(key="sample").select("own").run()  # it is still in the list
    assert named(test) == "me.png" and (shown(test) == pixels(png())).all()
    test.button(key="next").click().run()
    assert link(test)["sample"].startswith(f"{int(SAMPLE) + 3}. ") and "image" not in link(test)


def test_the_link_of_a_sample_opens_it(app, pair: Path) -> None:
    test = app(pair)
    test.button(key="next").click().run()
    again = app(pair, **link(test))
    assert named(again) == link(test)["sample"] and (shown(again) == shown(test)).all()


def test_a_file_that_is_taken_out_is_not_on(app, pair: Path) -> None:
    test = upload(app(pair), png())
    test.file_uploader(key="upload").clear().run()
    assert "image" not in link(test) and named(test)[0].isdigit()


def test_the_link_of_a_file_asks_for_it(app, pair: Path) -> None:
    test = app(pair, image=image_of(png()), t="2", attribute="Hat")
    assert "not part of it" in said(test.info) and image_of(png())[7:15] in said(test.info)
    assert not test.header and image_of(png())[7:15] in named(test)  # nothing else is shown in its place
    assert link(test)["image"] == image_of(png()) and link(test)["t"] == "2"
    upload(test, png(30, 60), "other.png", "asked_upload")
    assert "other.png is another file" in said(test.error) and not test.header
    upload(test, png(), "walk.png", "asked_upload")
    assert (shown(test) == pixels(png())).all() and named(test) == "walk.png" and test.header and not test.error
    assert (link(test)["t"], link(test)["image"]) == ("2", image_of(png()))
    assert component_data(test, "time_bar")["t"] == 2


def test_who_has_not_the_file_looks_at_another_or_at_a_sample(app, pair: Path) -> None:
    test = app(pair, image=image_of(png()), crop="0.0.10.20")
    upload(test, png(30, 60), "other.png")  # by the bar's own menu, too, it is told
    test.button(key="asked_other").click().run()
    assert named(test) == "other.png" and link(test)["image"] == image_of(png(30, 60))
    assert shown(test).shape == (60, 30, 3) and "crop" not in link(test)  # the box was another image's
    test = app(pair, image=image_of(png()))
    test.button(key="asked_sample").click().run()
    assert named(test).startswith(f"{int(SAMPLE) + 1}. ") and "image" not in link(test) and test.header


@pytest.mark.parametrize("page", ["evaluate", "train", "checkpoints"])
def test_pages_without_a_image_do_not_ask(app, pair: Path, page: str) -> None:
    test = app(pair, page, image=image_of(png()))
    assert "not part of it" not in said(test.info) and not test.exception


@pytest.mark.parametrize(
    "value",
    [
        "sha256-",
        "sha256-XYZ",
        "sha256-" + "a" * 23,
        "sha256-" + "a" * 25,
        "data-a-b-c",
        "/etc/passwd",
        "data-" + "-".join(["a" * 16] * 2),
        "sha256-" + "a" * 24 + "\n",
    ],
)
def test_a_link_to_what_is_no_image_shows_a_sample(app, pair: Path, value: str) -> None:
    test = app(pair, image=value)
    assert named(test).startswith(f"{int(SAMPLE) + 1}. ") and "image" not in link(test) and test.header


@pytest.mark.parametrize(("kind", "words"), [("GIF", "is a GIF"), ("TIFF", "is a TIFF"), ("BMP", "is a BMP")])
def test_other_formats_get_advice(app, pair: Path, kind: str, words: str) -> None:
    test = upload(app(pair), encode(Image.new("RGB", (30, 60)), kind), f"walk.{kind.lower()}")
    assert (
        words in said(test.error)
        and "save it as PNG or JPEG" in said(test.error)
        and "sample stays" in said(test.error)
    )
    assert named(test).startswith(f"{int(SAMPLE) + 1}. ") and "image" not in link(test)
    assert kind.lower() in "".join(test.file_uploader(key="upload").allowed_type)  # not refused by name


# --------------------------------------------------------------------------------------------- a box


def test_a_scene_is_not_read_as_one_person_in_silence(app, pair: Path) -> None:
    test = upload(app(pair), SCENE, "street.png")
    assert "much wider than one standing person (120 x 60 pixels)" in said(test.warning)
    tool = component_data(test, "cropper")
    assert tool["box"][2] / tool["box"][3] == pytest.approx(0.4, abs=0.03)
    assert (shown(test) == pixels(SCENE)).all()  # until a box is drawn, and said so
    assert "they read the whole image" in said(test.warning)


def test_an_ordinary_upload_is_offered_a_box(app, pair: Path) -> None:
    test = upload(app(pair), png())
    assert not test.warning and test.get("bidi_component")[0].key != "cropper"
    test.button(key="crop_open").click().run()
    assert component_data(test, "cropper")["cancel"] and not test.warning


def test_the_link_of_a_box_cuts_it_out_of_the_right_file(app, pair: Path) -> None:
    test = app(pair, image=image_of(SCENE), crop="10.5.20.50")
    upload(test, SCENE, "street.png", "asked_upload")
    np.testing.assert_array_equal(shown(test), pixels(SCENE)[5:55, 10:30])
    assert "box of 20 × 50 pixels of street.png (120 × 60)" in said(test.caption) and not test.warning
    assert link(test)["crop"] == "10.5.20.50"
    upload(test, png(), "one.png")
    assert "crop" not in link(test) and shown(test).shape == (48, 24, 3)
    upload(test, SCENE, "street.png")  # each image keeps its box
    assert link(test)["crop"] == "10.5.20.50" and shown(test).shape == (50, 20, 3)


def test_a_whole_scene_is_read_when_that_was_chosen_and_says_so(app, pair: Path) -> None:
    test = app(pair, image=image_of(SCENE), crop="whole")
    upload(test, SCENE, "street.png", "asked_upload")
    assert (shown(test) == pixels(SCENE)).all() and not test.warning
    assert "much wider than one standing person" in said(test.caption)
    test.button(key="crop_open").click().run()  # the choice can be changed
    assert component_data(test, "cropper")["box"]


@pytest.mark.parametrize(
    "crop",
    [
        "0.0.121.60",
        "100.0.40.60",
        "0.0.5.5",
        "-1.0.20.50",
        "x",
        "1.2.3",
        "9" * 400,
        "1e3.0.20.50",
        "0.0.20.50.1",
        "٣.٣.٢٠.٥٠",
    ],
)
def test_a_box_that_cannot_be_is_told_and_left_out(app, pair: Path, crop: str) -> None:
    test = app(pair, image=image_of(SCENE), crop=crop)
    upload(test, SCENE, "street.png", "asked_upload")
    assert "does not fit this image" in said(test.warning) and "crop" not in link(test)
    assert (shown(test) == pixels(SCENE)).all()
