"""What is shown is what bar and link name: samples, files, images of a dataset, and the box that is cut out of one."""

from __future__ import annotations

import hashlib
import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from screen import component_data, png, said
from streamlit.testing.v1 import AppTest

from pages.ui.image import own_image
from snnpar.datasets import HELD_OUT_SEEDS, rendered_split
from snnpar.evaluation.evaluate import evaluate_checkpoint
from snnpar.evaluation.evaluations import data_hash
from snnpar.evaluation.slices import DataChoice, choose_slice, save_slice
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


def shown(test: AppTest) -> np.ndarray:
    assert not test.exception, test.exception
    return test.session_state["selection"].picture.image


def named(test: AppTest) -> str:
    """What the bar says is on."""
    box = test.selectbox(key="sample")
    return box.format_func(box.value)


def link(test: AppTest) -> dict[str, str]:
    return {name: value[-1] if isinstance(value, list) else value for name, value in test.query_params.items()}


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
def test_pages_without_a_picture_do_not_ask(app, pair: Path, page: str) -> None:
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


# --------------------------------------------------------------------------------------- a dataset's image


@pytest.fixture(autouse=True)
def nothing_found_before() -> None:
    own_image._images.clear()  # kept for all sessions of a server


@pytest.fixture(scope="module")
def kept(pair: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("evaluations")
    for name in ("tiny-teacher", "tiny-student"):
        evaluate_checkpoint(pair / name, DataChoice(rendered=12), root=root)
    return root


@pytest.fixture
def evaluated(pair: Path, kept: Path, tmp_path: Path) -> Path:
    root = tmp_path / "root"
    shutil.copytree(pair, root)
    shutil.copytree(kept, root / "evaluations")
    return root


@pytest.fixture
def compared(app, evaluated: Path) -> tuple[AppTest, dict[str, str]]:
    """Compare on an image that Evaluate lent, and the link it has."""
    test = app(evaluated, "evaluate", outcome="both right")
    next(one for one in test.button if one.key.endswith("_compare")).click().run()
    return test, link(test)


def test_bar_and_link_name_an_image_of_a_dataset(compared, app, evaluated: Path) -> None:
    test, query = compared
    assert test.header[0].value.startswith("Two networks")
    assert named(test) == test.session_state["selection"].picture.title
    assert query["image"].startswith("data-") and query["of"] == "12 rendered" and "sample" not in query
    again = app(evaluated, **query)
    assert (shown(again) == shown(test)).all() and named(again) == named(test)
    assert again.session_state["selection"].picture.truth == test.session_state["selection"].picture.truth
    box = app(evaluated, **query, crop="1.2.20.40")
    np.testing.assert_array_equal(shown(box), shown(test)[2:42, 1:21])


def test_an_image_of_a_slice_is_found_by_the_slice(app, pair: Path, tmp_path: Path) -> None:
    """Without any evaluation of it."""
    root = tmp_path / "root"
    shutil.copytree(pair, root)
    split = rendered_split(HELD_OUT_SEEDS["test"], 4, name="few")
    save_slice("hard-ones", DataChoice(rendered=4), split.files[1:3], root=root / "slices")
    chosen = choose_slice("hard-ones", root=root / "slices").open(slices=root / "slices")
    file, pixel = (
        hashlib.sha256(data).hexdigest()[:16]
        for data in (split.files[2].encode(), repr(split.read(2).shape).encode() + split.read(2).tobytes())
    )
    query = {"image": f"data-{data_hash(chosen)[:16]}-{file}-{pixel}"}
    test = app(root, **query)
    assert (shown(test) == split.read(2)).all() and named(test) == split.files[2]
    assert link(test)["image"] == query["image"]


def test_a_server_without_the_data_says_which_is_needed(compared, app, pair: Path) -> None:
    _, query = compared
    test = app(pair, **query)
    assert "an image of 12 rendered" in said(test.info) and "evaluate any checkpoint on it" in said(test.info)
    assert not test.header and query["image"][5:13] in said(test.info)
    test.button(key="asked_sample").click().run()
    assert test.header and "image" not in link(test) and "of" not in link(test)


@pytest.mark.parametrize(
    ("part", "words"), [(1, "No evaluation"), (2, "it has no such image"), (3, "has other pixels")]
)
def test_another_image_is_never_shown_in_its_place(compared, app, evaluated: Path, part: int, words: str) -> None:
    _, query = compared
    parts = query["image"].split("-")
    parts[part] = parts[part][::-1]
    test = app(evaluated, image="-".join(parts), of=query["of"])
    assert words in said(test.info) and not test.header and not test.exception


def test_a_stranger_reads_no_file_of_the_server(
    compared, app, evaluated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test, query = compared
    name = named(test)
    monkeypatch.setenv("SNNPAR_PUBLIC", "1")
    looked = []
    monkeypatch.setattr("pages.ui.image.own_image.find_images", looked.append)
    test = app(evaluated, **query)
    assert "cannot be named on this public server" in said(test.info)
    assert not test.header and not looked and name not in said(test.info) and name not in named(test)


def test_what_a_link_calls_its_data_is_no_markup(app, pair: Path) -> None:
    test = app(pair, image="data-" + "-".join(["a" * 16] * 3), of="[here](http://evil.example/x) `<b>`" + "z" * 500)
    assert "herehttpevilexamplex b" in said(test.info) and "z" * 100 not in said(test.info)
