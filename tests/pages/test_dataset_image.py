"""An image of a dataset: bar and link name it, and no other is shown in its place."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from looked_at import link, named, shown
from screen import said
from streamlit.testing.v1 import AppTest

from pages.ui.image import own_image
from snnpar.datasets import HELD_OUT_SEEDS, rendered_split
from snnpar.evaluation.evaluate import evaluate_checkpoint
from snnpar.evaluation.evaluations import data_hash
from snnpar.evaluation.slices import DataChoice, choose_slice, save_slice


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
    assert test.header[0].value.startswith("Comparison")
    assert named(test) == test.session_state["selection"].image.title
    assert query["image"].startswith("data-") and query["of"] == "12 rendered" and "sample" not in query
    again = app(evaluated, **query)
    assert (shown(again) == shown(test)).all() and named(again) == named(test)
    assert again.session_state["selection"].image.truth == test.session_state["selection"].image.truth
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
