"""What is cached: listed, deleted, swept, and the room that it takes."""

from __future__ import annotations

import os

import pytest
from hub_files import FILES, WANTED, half, names
from hub_server import Hub, Repo

from snnpar.hub import (
    HubError,
    HubId,
    cached_bytes,
    delete_cached,
    delete_half,
    fetch_checkpoint,
    kinds,
    list_cached,
    list_halves,
)
from snnpar.hub import fetch as hub_module


def test_what_is_cached_is_listed_and_deleted_without_what_others_share(hub: Hub, tmp_path) -> None:
    repo = hub.repos["lab/student"]
    old = fetch_checkpoint("lab/student", cache=tmp_path)
    repo.push(FILES | {"model.safetensors": b"better weights"})
    new = fetch_checkpoint("lab/student", cache=tmp_path)
    first, second = list_cached(tmp_path)
    assert {first.path, second.path} == {old, new}
    by_path = {one.path: one for one in (first, second)}
    assert by_path[new].revisions == ("main",) and by_path[old].revisions == ()
    assert by_path[new].bytes == sum(len((new / name).read_bytes()) for name in WANTED)
    assert cached_bytes(tmp_path) == by_path[new].bytes + len(b"weights")  # the rest is shared
    delete_cached(by_path[old].id, tmp_path)
    assert [one.path for one in list_cached(tmp_path)] == [new] and names(new) == WANTED
    assert cached_bytes(tmp_path) == by_path[new].bytes
    delete_cached(by_path[new].id, tmp_path)
    assert half(tmp_path) == [] and cached_bytes(tmp_path) == 0
    with pytest.raises(HubError, match="is not in the cache"):
        delete_cached(by_path[new].id, tmp_path)


@pytest.mark.parametrize("id", [HubId("lab/student"), HubId("lab/student", "a1" * 20)])
def test_only_what_is_there_can_be_deleted(tmp_path, id: HubId) -> None:
    with pytest.raises(HubError, match="is not in the cache"):
        delete_cached(id, tmp_path)


def test_what_a_killed_download_left_is_swept_by_the_next(hub: Hub, tmp_path) -> None:
    folder = fetch_checkpoint("lab/student", cache=tmp_path)
    (folder.parent / ("b" * 40)).mkdir()
    (folder.parent.parent / "blobs" / "c0ffee.1234abcd.incomplete").write_bytes(b"half")
    hub.repos["lab/student"].push(FILES | {"model.safetensors": b"better weights"})
    fetch_checkpoint("lab/student", cache=tmp_path)
    assert len(list(folder.parent.iterdir())) == 2 and not list(tmp_path.rglob("*.incomplete"))


def test_the_oldest_make_room_and_private_ones_stay(hub: Hub, tmp_path, monkeypatch) -> None:
    for name in ("lab/a", "lab/b", "lab/c", "owner/private"):
        hub.repos[name] = Repo(token="hf_owner" if name == "owner/private" else None)
        hub.repos[name].push(FILES | {"model.safetensors": name.encode() * 1000})
    monkeypatch.setenv("HF_TOKEN", "hf_owner")
    for name in ("owner/private", "lab/a", "lab/b"):
        os.utime(fetch_checkpoint(name, cache=tmp_path) / kinds.FETCHED, (1, 1 + len(list_cached(tmp_path))))
    (tmp_path / "models--lab--half" / "blobs").mkdir(parents=True)
    (tmp_path / "models--lab--half" / "blobs" / "x.incomplete").write_bytes(bytes(50_000))
    monkeypatch.setenv("SNNPAR_PUBLIC", "1")
    monkeypatch.setattr(hub_module, "PUBLIC_CACHE_BYTES", cached_bytes(tmp_path) - 50_000 + 100)
    fetch_checkpoint("lab/c", cache=tmp_path, signed=False)
    assert {one.id.repo for one in list_cached(tmp_path)} == {"owner/private", "lab/b", "lab/c"}
    assert not (tmp_path / "models--lab--half").exists()


def test_a_half_is_listed_counted_and_deleted(hub: Hub, tmp_path) -> None:
    fetch_checkpoint("lab/student", cache=tmp_path)
    blobs = tmp_path / "models--lab--half" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "x.incomplete").write_bytes(bytes(9))
    assert list_halves(tmp_path) == [("lab/half", 9)]
    delete_half("lab/half", tmp_path)
    assert list_halves(tmp_path) == [] and not blobs.parent.exists()
