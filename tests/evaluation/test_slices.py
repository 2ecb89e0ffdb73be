"""Choices of images and named slices of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tiny

import snnpar
from snnpar.datasets import HELD_OUT_SEEDS, DataError
from snnpar.evaluation.slices import (
    DataChoice,
    SliceError,
    choose_slice,
    list_slices,
    load_slice,
    pick,
    save_slice,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("data") / "people"
    tiny.write_pa100k(folder, {"train": 3, "val": 5, "test": 4})
    return str(folder)


@pytest.fixture(autouse=True)
def slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(snnpar, "SLICES", tmp_path / "slices")
    return tmp_path / "slices"


def test_a_choice_opens_real_images_then_rendered_ones(data: str) -> None:
    split = DataChoice(data, split="val", rendered=2).open()
    seed = HELD_OUT_SEEDS["test"]
    assert split.files == (*(f"{i:06d}.png" for i in range(3, 8)), f"rendered-{seed}-0", f"rendered-{seed}-1")
    assert len(DataChoice(data, split="test").open()) == 4 and len(DataChoice(rendered=3).open()) == 3


def test_rendered_images_are_held_out() -> None:
    assert min(HELD_OUT_SEEDS.values()) > 2**31 - 1  # the largest seed a training run accepts


def test_a_slice_is_kept_and_opened(data: str, slices: Path) -> None:
    whole = DataChoice(data, split="val", rendered=2)
    files = [whole.open().files[i] for i in (5, 1, 1, 3)]
    made = save_slice("hats-2", whole, files)
    assert load_slice("hats-2") == made and made.files == (files[0], files[1], files[3])
    assert set(json.loads((slices / "hats-2.json").read_text("utf-8"))) == {
        "format",
        "snnpar",
        "name",
        "data",
        "layout",
        "split",
        "fold",
        "rendered",
        "files",
    }
    opened, complete = choose_slice("hats-2").open(), whole.open()
    assert opened.files == tuple(complete.files[i] for i in (1, 3, 5)) and "hats-2" in opened.name
    np.testing.assert_array_equal(opened.labels, complete.labels[[1, 3, 5]])
    np.testing.assert_array_equal(opened.read(1), complete.read(3))


def test_a_slice_of_a_slice_belongs_to_the_whole_data(data: str) -> None:
    files = DataChoice(data).open().files
    save_slice("first", DataChoice(data), files[:3])
    second = save_slice("second", choose_slice("first"), files[1:2])
    assert second.choice == DataChoice(data) and choose_slice("second").open().files == files[1:2]


def test_slices_are_listed_and_replaced(data: str, slices: Path) -> None:
    assert list_slices() == []
    for name in ("b", "a"):
        save_slice(name, DataChoice(data), ["000003.png"])
    save_slice("a", DataChoice(data), ["000004.png"])
    (slices / "broken.json").write_text("{")
    assert [(s.name, s.files) for s in list_slices()] == [("a", ("000004.png",)), ("b", ("000003.png",))]


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a.b", "-rf", "ü", "x" * 65, "a\n"])
def test_a_name_is_also_a_safe_file_name(name: str, data: str) -> None:
    for use in (
        lambda: save_slice(name, DataChoice(data), ["a"]),
        lambda: load_slice(name),
    ):
        with pytest.raises(SliceError, match="cannot name a slice"):
            use()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"name": "bad", "rendered": 3}', "'files'"),
        ('{"name": "bad", "files": ["a"], "rendered": 3, "colour": 1}', "colour"),
        ('{"name": "bad", "files": [], "rendered": 3}', "at least one file"),
        ('{"name": "bad", "files": [7], "rendered": 3}', "each with a name"),
    ],
)
def test_a_damaged_slice_says_so(content: str, message: str, slices: Path) -> None:
    slices.mkdir()
    (slices / "bad.json").write_text(content)
    with pytest.raises(SliceError, match=message):
        load_slice("bad")


def test_what_cannot_be_opened_is_one_sentence(data: str) -> None:
    with pytest.raises(SliceError, match="nothing to evaluate on"):
        DataChoice()
    with pytest.raises(SliceError, match="no slice is called 'gone'; there are: none yet"):
        choose_slice("gone")
    with pytest.raises(SliceError, match="0 or more"):
        DataChoice(data, rendered=-1)
    with pytest.raises(DataError, match="no such folder"):
        DataChoice("nowhere").open()
    save_slice("old", DataChoice(data), ["000003.png", *(f"gone{i}.png" for i in range(7))])
    with pytest.raises(SliceError, match="lacks gone0.png, .*gone4.png and 2 more"):
        choose_slice("old").open()
    with pytest.raises(SliceError, match="no images"):
        pick(DataChoice(data).open(), (), name="none")


@pytest.mark.parametrize(
    ("choice", "title", "flags"),
    [
        (DataChoice("/x/people", split="test"), "people, test", "--data /x/people --split test"),
        (
            DataChoice("hf:me/people", "csv", fold=2, rendered=9),
            "me/people, val, fold 2 and 9 rendered",
            "--data hf:me/people --split val --layout csv --fold 2 --rendered 9",
        ),
        (DataChoice(rendered=9), "9 rendered", "--rendered 9"),
        (DataChoice("/x/people", slice="hats"), "slice hats of people, val", "--slice hats"),
    ],
)
def test_a_choice_in_words_and_flags(choice: DataChoice, title: str, flags: str) -> None:
    assert choice.title == title and " ".join(choice.arguments()) == flags
