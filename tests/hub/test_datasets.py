"""Datasets of the Hub: annotations and images, and nothing else."""

from __future__ import annotations

import pytest
from hub_files import names
from hub_server import Hub, Repo

from snnpar.hub import HubError, kinds
from snnpar.hub import fetch as hub_module

DATA = {
    "labels.csv": b"file,split,Hat\n",
    "schema.json": b"{}",
    "images/a.jpg": b"a",
    "images/b.PNG": b"b",
    "phrases.safetensors": b"v",
    "README.md": b"card",
    "load.py": b"print()",
    "model.safetensors": b"w",
    "all.zip": b"zip",
}
DATA_WANTED = {"labels.csv", "schema.json", "images/a.jpg", "images/b.PNG", "phrases.safetensors"}


@pytest.fixture
def data_hub(hub: Hub) -> Hub:
    hub.repos["lab/people"] = Repo()
    hub.repos["lab/people"].push(DATA)
    return hub


def test_a_data_set_brings_annotations_and_images_and_nothing_else(data_hub: Hub, tmp_path) -> None:
    folder = hub_module.fetch_dataset("lab/people", cache=tmp_path)
    assert names(folder) == DATA_WANTED and (folder / kinds.FETCHED).is_file()
    assert all((folder / name).read_bytes() == DATA[name] for name in DATA_WANTED)
    assert all("datasets/lab/people" in request for request in data_hub.requests)


def test_a_fetched_data_set_serves_offline_and_a_part_of_one_does_not(data_hub: Hub, tmp_path, monkeypatch) -> None:
    folder = hub_module.fetch_dataset("lab/people", cache=tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert hub_module.fetch_dataset("lab/people", cache=tmp_path) == folder
    (folder / kinds.FETCHED).unlink()  # as after an interrupted download
    with pytest.raises(HubError, match="lab/people@main is not in the cache, and the Hub .* cannot be reached"):
        hub_module.fetch_dataset("lab/people", cache=tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"all.zip": b"z", "README.md": b"card"}, "has no .mat, .pkl or .csv file, .* archives are not unpacked"),
        ({"train.parquet": b"p"}, "has no .mat, .pkl or .csv file"),
    ],
)
def test_a_data_set_of_another_layout_is_not_downloaded(data_hub: Hub, tmp_path, files: dict, words: str) -> None:
    data_hub.repos["lab/other"] = Repo()
    data_hub.repos["lab/other"].push(files)
    with pytest.raises(HubError, match=words):
        hub_module.fetch_dataset("lab/other", cache=tmp_path)
    with pytest.raises(HubError, match="lab/nothing does not exist or is private"):
        hub_module.fetch_dataset("lab/nothing", cache=tmp_path)
    assert not any("/resolve/" in request for request in data_hub.requests)
