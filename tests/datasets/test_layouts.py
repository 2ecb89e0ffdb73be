"""One way to open any dataset: by what its files are called, by name, or from the Hub."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny
from hub_server import Repo, serve_hub
from PIL import Image

from snnpar.config import TASKS, TrainConfig
from snnpar.core.errors import SnnparError
from snnpar.datasets import DATASETS, LAYOUTS, DataError, layout_of, open_annotation, open_folder, open_split, schema_of
from snnpar.datasets.annotation import hold_out, image_folder, inside, points_elsewhere, schema_of_names
from snnpar.schema.attributes import SCHEMAS, load_schema

ONE_OF_EACH = {
    "pa100k": "annotation.mat",
    "peta": "PETA.mat",
    "rapv1": "RAP_annotation/RAP_annotation.mat",
    "pickle": "dataset_all.pkl",
    "csv": "labels.csv",
}


def test_every_data_set_has_its_choice_and_every_layout_its_example() -> None:
    assert set(DATASETS) == set(TASKS["attributes"].datasets) == {"rendered", "mixed", *LAYOUTS}
    assert set(ONE_OF_EACH) == set(LAYOUTS)
    for name, layout in LAYOUTS.items():
        assert layout.name == name and {"train", "val", "test"} <= set(layout.splits) and layout.folds in (1, 5)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_layout_is_known_by_its_files(tmp_path: Path, name: str) -> None:
    file = tmp_path / ONE_OF_EACH[name]
    file.parent.mkdir(exist_ok=True)
    file.touch()
    assert layout_of(tmp_path) is layout_of(tmp_path, name) is LAYOUTS[name]
    other = next(other for other in LAYOUTS if other != name)
    with pytest.raises(DataError, match=f"not laid out as {other}: it needs .*; it looks like {name}"):
        layout_of(tmp_path, other)


def test_a_pickle_may_be_named_itself_and_the_authors_own_file_comes_first(tmp_path: Path) -> None:
    (tmp_path / "mine.pkl").touch()
    assert layout_of(tmp_path / "mine.pkl").name == "pickle"
    (tmp_path / "dataset.pkl").touch()
    (tmp_path / "PETA.mat").touch()
    assert layout_of(tmp_path).name == "peta"


def test_what_has_no_layout_is_told_what_each_needs(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_folder(tmp_path, "train")
    assert all(f"{layout.name} needs {layout.needs}" in str(caught.value) for layout in LAYOUTS.values())
    with pytest.raises(DataError, match="no layout is called 'coco'; there are pa100k, peta"):
        open_folder(tmp_path, "train", layout="coco")
    with pytest.raises(DataError, match="no such folder"):
        open_folder(tmp_path / "nowhere", "train")


def test_folds_beyond_the_published_ones_are_refused(tmp_path: Path) -> None:
    tiny.write_pa100k(tmp_path, {"train": 2, "val": 1, "test": 1})
    with pytest.raises(DataError, match="pa100k has only fold 0; got fold 1"):
        open_folder(tmp_path, "train", fold=1)
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "PETA.mat").touch()
    with pytest.raises(DataError, match="peta has folds 0 to 4; got fold 5"):
        open_folder(tmp_path / "p", "train", fold=5)


def test_labels_that_are_none_are_refused_for_training_in_the_split_that_has_them(tmp_path: Path) -> None:
    from scipy.io import loadmat, savemat

    tiny.write_pa100k(tmp_path, {"train": 3, "val": 2, "test": 1})
    content = {k: v for k, v in loadmat(tmp_path / "annotation.mat").items() if k[0] != "_"}
    content["val_label"][1, 0] = 7
    savemat(tmp_path / "annotation.mat", content)
    assert len(open_folder(tmp_path, "train")) == 3
    with pytest.raises(
        DataError, match="1 labels of pa100k val are none of 0, 1 and 2, the first is 7 for Female of 000004.png"
    ):
        open_folder(tmp_path, "val")
    assert open_annotation(tmp_path).bad_labels().tolist() == [[4, 0]]


# ------------------------------------------------------------------------------------------------ the parts


@pytest.mark.parametrize("folder", ["", "data", "images", "Pad_datasets", "RAP_dataset"])
def test_images_are_found_where_most_of_them_lie(tmp_path: Path, folder: str) -> None:
    files = [f"{i}.png" for i in range(40)]
    (tmp_path / folder).mkdir(exist_ok=True)
    for name in files[1:]:  # the first one is missing
        (tmp_path / folder / name).touch()
    assert image_folder(tmp_path, files) == tmp_path / folder


@pytest.mark.parametrize(
    ("name", "path", "elsewhere"),
    [
        ("a.png", "a.png", False),
        ("b/a.png", "b/a.png", False),
        (r"b\a.png", "b/a.png", False),
        ("./a.png", "a.png", False),
        ("/home/x/a.png", "a.png", True),
        ("../a.png", "a.png", True),
        ("b/../../a.png", "a.png", True),
        (r"C:\x\a.png", "a.png", True),
        ("c:a.png", "c:a.png", True),
        ("12:30:05.jpg", "12:30:05.jpg", False),
    ],
)
def test_no_listed_file_leads_out_of_the_folder(name: str, path: str, elsewhere: bool) -> None:
    assert inside(name) == path and points_elsewhere(name) == elsewhere


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_bundled_schema_serves_its_attributes_in_any_order(name: str) -> None:
    schema = load_schema(name)
    assert schema_of_names(schema.attributes[::-1]) == schema
    own = schema_of_names(schema.attributes[1:])
    assert own.attributes == own.phrases == own.labels == schema.attributes[1:] and own.name == "own"
    (group,) = own.groups
    assert not group.exclusive and group.none


def test_held_out_images_are_a_tenth_and_nothing_is_lost() -> None:
    trainval = np.random.default_rng(0).permutation(103)
    parts = hold_out(trainval)
    assert len(parts["val"]) == 11 and sorted(np.concatenate(list(parts.values()))) == list(range(103))


# ------------------------------------------------------------------------------------------------ runs and Hub


def test_a_run_opens_its_data_by_name(tmp_path: Path) -> None:
    tiny.write_csv(tmp_path, [("a.png", "train", "1", ""), ("b.png", "val", "0", "1")])
    config = TrainConfig.of(dataset="csv", data=str(tmp_path))
    assert [len(open_split(config, split)) for split in ("train", "val")] == [1, 1]
    assert schema_of(config).attributes == ("Hat", "Red coat")
    with pytest.raises(DataError, match="not laid out as peta"):
        open_split(TrainConfig.of(dataset="peta", data=str(tmp_path)), "train")


@pytest.mark.parametrize(
    ("dataset", "schema"),
    [("rendered", "pa100k"), ("mixed", "pa100k"), ("pa100k", "pa100k"), ("peta", "peta"), ("rapv1", "rapv1")],
)
def test_attributes_of_published_data_need_no_data(dataset: str, schema: str) -> None:
    assert schema_of(TrainConfig.of(dataset=dataset, data="/nowhere")) == load_schema(schema)


def test_a_data_set_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.write_csv(tmp_path / "source", [("images/a.png", "train", "1", ""), ("images/b.png", "test", "0", "1")])
    files = {
        str(path.relative_to(tmp_path / "source")): path.read_bytes()
        for path in (tmp_path / "source").rglob("*")
        if path.is_file()
    }
    monkeypatch.setattr("snnpar.hub.fetch_dataset.__kwdefaults__", {"cache": tmp_path / "cache"})
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with serve_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        hub.repos["lab/people"] = Repo()
        commit = hub.repos["lab/people"].push(files)
        test = open_folder("hf:lab/people", "test")
        assert test.files == ("images/b.png",) and test.labels.tolist() == [[0, 1]]
        expected = np.asarray(Image.open(tmp_path / "source" / "images" / "b.png").convert("RGB"))
        assert np.array_equal(test.read(0), expected)
        assert len(open_split(TrainConfig.of(dataset="csv", data=f"hf:lab/people@{commit}"), "train")) == 1
        with pytest.raises(SnnparError, match="lab/nothing does not exist or is private"):
            open_folder("hf:lab/nothing", "test")
    with pytest.raises(SnnparError, match="'lab' is not a Hub id"):
        open_folder("hf:lab", "test")
