"""What a pull brings, which revision, and what there is without a Hub."""

from __future__ import annotations

import socket
import time

import pytest
from hub_files import FILES, WANTED, names
from hub_server import Hub

from snnpar.hub import HubError, fetch_checkpoint, wire
from snnpar.hub import fetch as hub_module


def test_pull_brings_the_checkpoint_and_nothing_else(hub: Hub, tmp_path) -> None:
    folder = fetch_checkpoint("lab/student", cache=tmp_path)
    assert names(folder) == WANTED
    assert all((folder / name).read_bytes() == FILES[name] for name in WANTED)
    asked = [request for request in hub.requests if "/resolve/" in request]
    assert asked and {request.rsplit("/", 1)[1] for request in asked} == WANTED
    assert not any(word in request for request in asked for word in (".bin", ".pth", ".py", "sub/"))


def test_a_student_has_no_phrases(hub: Hub, tmp_path) -> None:
    hub.repos["lab/student"].push({name: FILES[name] for name in ("config.json", "model.safetensors")})
    assert names(fetch_checkpoint("lab/student", cache=tmp_path)) == {"config.json", "model.safetensors"}


def test_a_branch_is_looked_up_again_and_a_commit_is_not(hub: Hub, tmp_path) -> None:
    repo = hub.repos["lab/student"]
    first = repo.refs["main"]
    old = fetch_checkpoint("lab/student", cache=tmp_path)
    repo.push(FILES | {"model.safetensors": b"better weights"})
    new = fetch_checkpoint("lab/student", cache=tmp_path)
    assert (new / "model.safetensors").read_bytes() == b"better weights"

    hub.requests.clear()
    pinned = fetch_checkpoint(f"lab/student@{first}", cache=tmp_path)
    assert pinned == old and (pinned / "model.safetensors").read_bytes() == b"weights"
    assert hub.requests == []


def test_a_pinned_commit_can_be_pulled_first(hub: Hub, tmp_path) -> None:
    first = hub.repos["lab/student"].refs["main"]
    hub.repos["lab/student"].push(FILES | {"model.safetensors": b"better weights"})
    folder = fetch_checkpoint(f"lab/student@{first}", cache=tmp_path)
    assert folder.name == first and (folder / "model.safetensors").read_bytes() == b"weights"


def test_a_private_repository_opens_with_its_token(hub: Hub, tmp_path, monkeypatch) -> None:
    hub.repos["lab/student"].token = "hf_right"
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match="does not exist or is private; .* this HF_TOKEN may not read it"):
        fetch_checkpoint("lab/student", cache=tmp_path)
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    assert names(fetch_checkpoint("lab/student", cache=tmp_path)) == WANTED


def test_a_branch_that_moves_meanwhile_changes_nothing(hub: Hub, tmp_path) -> None:
    repo, first = hub.repos["lab/student"], hub.repos["lab/student"].refs["main"]
    folder = fetch_checkpoint(
        "lab/student", cache=tmp_path, begun=lambda id, _: repo.push(FILES | {"model.safetensors": b"moved"})
    )
    assert folder.name == first and (folder / "model.safetensors").read_bytes() == b"weights"


def test_revisions_are_pinned_and_a_pinned_one_asks_nobody(hub: Hub, tmp_path) -> None:
    first = hub.repos["lab/student"].refs["main"]
    assert hub_module.pin_checkpoint("hf:lab/student", cache=tmp_path) == f"hf:lab/student@{first}"
    assert not (tmp_path / "models--lab--student").exists() and len(hub.requests) == 1
    folder = fetch_checkpoint("lab/student", cache=tmp_path)
    hub.requests.clear()
    for place in (f"hf:lab/student@{first}", str(folder)):
        assert hub_module.pin_checkpoint(place, cache=tmp_path) == f"hf:lab/student@{first}"
    for place in ("", "/somewhere", "timm:vit_base_patch16_224", "checkpoints/lab"):
        assert hub_module.pin_checkpoint(place, cache=tmp_path) == place
    assert hub.requests == []


def test_without_a_hub_a_revision_is_pinned_to_what_it_last_was(hub: Hub, tmp_path, monkeypatch) -> None:
    folder = fetch_checkpoint("lab/student", cache=tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert hub_module.pin_checkpoint("hf:lab/student", cache=tmp_path) == f"hf:lab/student@{folder.name}"
    with pytest.raises(HubError, match="cannot be reached"):
        hub_module.pin_checkpoint("hf:lab/other", cache=tmp_path)


@pytest.fixture
def dead_endpoint(monkeypatch) -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{probe.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    return endpoint


def test_server_down_is_told_without_the_clients_retries(dead_endpoint: str, tmp_path) -> None:
    start = time.monotonic()
    with pytest.raises(HubError, match=f"not in the cache, and the Hub at {dead_endpoint} cannot be reached"):
        fetch_checkpoint("lab/student", cache=tmp_path)
    assert time.monotonic() - start < 2  # the retries alone take 23 s


def test_a_silent_server_is_given_up(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(wire, "ANSWER_SECONDS", 0.1)
    with socket.socket() as listener:  # accepts and never answers
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(HubError, match="cannot be reached"):
            fetch_checkpoint("lab/student", cache=tmp_path)


@pytest.mark.parametrize("how", ["server down", "server ailing", "offline"])
def test_without_a_hub_the_cached_revision_serves(hub: Hub, tmp_path, monkeypatch, how: str) -> None:
    folder = fetch_checkpoint("lab/student", cache=tmp_path)
    hub.requests.clear()
    if how == "offline":
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    elif how == "server ailing":
        hub.repos["lab/student"].status = 500
    else:
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert fetch_checkpoint("lab/student", cache=tmp_path) == folder
    assert len(hub.requests) == (how == "server ailing")


def test_offline_and_not_cached(hub: Hub, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="lab/student@main is not in the cache, and HF_HUB_OFFLINE"):
        fetch_checkpoint("lab/student", cache=tmp_path)
    assert hub.requests == []


def test_a_half_fetched_snapshot_is_not_taken_for_a_checkpoint(hub: Hub, tmp_path) -> None:
    folder = fetch_checkpoint("lab/student", cache=tmp_path)
    (folder / "model.safetensors").unlink()
    assert names(fetch_checkpoint(f"lab/student@{folder.name}", cache=tmp_path)) == WANTED


def test_a_withdrawn_repository_is_told_even_when_it_is_cached(hub: Hub, tmp_path) -> None:
    fetch_checkpoint("lab/student", cache=tmp_path)
    del hub.repos["lab/student"]
    with pytest.raises(HubError, match="does not exist or is private"):
        fetch_checkpoint("lab/student", cache=tmp_path)
