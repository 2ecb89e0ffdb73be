"""What is not downloaded or not kept, and how that is told."""

from __future__ import annotations

import pytest
from hub_files import FILES, WANTED, half, names
from hub_server import Hub, Repo

from snnpar.hub import HubError, fetch_checkpoint, kinds, list_cached, wire
from snnpar.hub import fetch as hub_module


def test_wrong_content_is_refused_and_not_kept(hub: Hub, tmp_path) -> None:
    hub.repos["lab/student"].served["model.safetensors"] = b"wEights"  # as long as the right ones
    with pytest.raises(HubError, match="model.safetensors of lab/student@main is not what the Hub says"):
        fetch_checkpoint("lab/student", cache=tmp_path)
    assert half(tmp_path) == []
    hub.repos["lab/student"].served.clear()
    assert names(fetch_checkpoint("lab/student", cache=tmp_path)) == WANTED


def test_wrong_content_leaves_the_revision_before(hub: Hub, tmp_path, monkeypatch) -> None:
    old = fetch_checkpoint("lab/student", cache=tmp_path)
    hub.repos["lab/student"].push(FILES | {"model.safetensors": b"better weights"})
    hub.repos["lab/student"].served["model.safetensors"] = b"bitter weights"
    with pytest.raises(HubError, match="sha256 differs"):
        fetch_checkpoint("lab/student", cache=tmp_path)
    assert [one.path for one in list_cached(tmp_path)] == [old] and names(old) == WANTED
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert fetch_checkpoint("lab/student", cache=tmp_path) == old


def test_a_truncated_download_is_refused_and_not_kept(hub: Hub, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(wire, "PAUSE_SECONDS", 0)
    hub.repos["lab/student"].cut = 6  # config.json, weights and vectors are longer
    with pytest.raises(HubError, match="The download of lab/student@main broke off; try again"):
        fetch_checkpoint("lab/student", cache=tmp_path)
    assert half(tmp_path) == []


def test_a_file_that_is_listed_and_missing(hub: Hub, tmp_path) -> None:
    repo = hub.repos["lab/student"]
    repo.missing = ("phrases.safetensors",)
    with pytest.raises(HubError, match="lists a file that the Hub does not have"):
        fetch_checkpoint("lab/student", cache=tmp_path)
    assert half(tmp_path) == []


def test_a_public_server_does_not_fill_its_disk(hub: Hub, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SNNPAR_PUBLIC", "1")
    fetch_checkpoint("lab/student", cache=tmp_path)
    hub.repos["lab/student"].push(FILES | {"model.safetensors": b"better weights"})
    for limit, words in (
        ("PUBLIC_CACHE_BYTES", "keeps at most 0 MB of the Hub, and lab/student@main would be"),
        ("PUBLIC_BYTES", "has 0 MB, more than the 0 MB that this public server downloads"),
    ):
        monkeypatch.setattr(hub_module, limit, 20)
        with pytest.raises(HubError, match=words):
            fetch_checkpoint("lab/student", cache=tmp_path)


def test_missing_or_private_repository(hub: Hub, tmp_path) -> None:
    hub.repos["lab/secret"] = Repo(token="hf_right")
    hub.repos["lab/secret"].push(FILES)
    for repo in ("lab/nothing", "lab/secret"):  # the Hub does not tell them apart, so neither can we
        with pytest.raises(HubError, match=f"{repo} does not exist or is private; .* set HF_TOKEN"):
            fetch_checkpoint(repo, cache=tmp_path)


def test_missing_revision(hub: Hub, tmp_path) -> None:
    with pytest.raises(HubError, match="lab/student has no revision 'v9'"):
        fetch_checkpoint("lab/student@v9", cache=tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"config.json": b"{}", "pytorch_model.bin": b"\x80"}, "no model.safetensors, .* pickled weights"),
        ({"model.safetensors": b"w"}, "has no config.json, so"),
        ({"README.md": b"hello"}, "has no config.json and no model.safetensors"),
        ({}, "has no config.json and no model.safetensors"),
    ],
)
def test_what_is_no_checkpoint_is_not_downloaded(hub: Hub, tmp_path, files: dict, words: str) -> None:
    hub.repos["lab/other"] = Repo()
    hub.repos["lab/other"].push(files)
    with pytest.raises(HubError, match=words):
        fetch_checkpoint("lab/other", cache=tmp_path)
    assert not any("/resolve/" in request for request in hub.requests)


def test_too_large_a_checkpoint_is_not_downloaded(hub: Hub, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(kinds, "MAX_BYTES", 20)
    with pytest.raises(HubError, match="more than the 0 MB allowed"):
        fetch_checkpoint("lab/student", cache=tmp_path)
    assert not any("/resolve/" in request for request in hub.requests)


def test_an_ailing_hub(hub: Hub, tmp_path) -> None:
    hub.repos["lab/student"].status = 503
    with pytest.raises(HubError, match="answered 503 for lab/student@main; try again later"):
        fetch_checkpoint("lab/student", cache=tmp_path)


def test_a_full_disk_or_forbidden_folder(hub: Hub, tmp_path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(HubError, match="cannot be stored in .*: Not a directory"):
        fetch_checkpoint("lab/student", cache=tmp_path / "file")
