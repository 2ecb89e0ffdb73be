from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
from hub_files import CONFIG
from hub_server import Hub, Repo

from snnpar.hub import (
    Download,
    HubError,
    HubId,
    cached_bytes,
    delete_cached,
    delete_half,
    fetch_checkpoint,
    kinds,
    list_cached,
    list_halves,
    parse_hub_id,
    wire,
)
from snnpar.hub import fetch as hub_module

FILES = {
    "config.json": CONFIG,
    "model.safetensors": b"weights",
    "phrases.safetensors": b"vectors",
    "README.md": b"card",
    "pytorch_model.bin": b"\x80pickle",
    "ckpt.pth": b"\x80pickle",
    "train.py": b"print()",
    "sub/model.safetensors": b"elsewhere",
}
WANTED = {"config.json", "model.safetensors", "phrases.safetensors", "README.md"}


@pytest.fixture(autouse=True)
def _no_account(no_account: None) -> None:
    """For all tests here."""


@pytest.fixture
def hub(empty_hub: Hub) -> Hub:
    empty_hub.repos["lab/student"] = Repo()
    empty_hub.repos["lab/student"].push(FILES)
    return empty_hub


def names(folder: Path) -> set[str]:
    """All files but the mark that it is whole."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {kinds.FETCHED}


# ------------------------------------------------------------------------------------------------ parsing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lab/student", HubId("lab/student", "main")),
        ("  lab/student\n", HubId("lab/student", "main")),
        ("lab/student@v1.0", HubId("lab/student", "v1.0")),
        ("l/s@refs/pr/3", HubId("l/s", "refs/pr/3")),
        ("A-b_c.d/e-f.G_9@" + "a1" * 20, HubId("A-b_c.d/e-f.G_9", "a1" * 20)),
    ],
)
def test_hub_ids(text: str, expected: HubId) -> None:
    assert parse_hub_id(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "student", "/student", "lab/", "a/b/c", "../etc", "lab/..", "lab/a..b", "lab/a--b",
        "-lab/student", "lab/-student", "lab/student-", "lab/student.", ".lab/student",
        "lab/stu dent", "lab/stüdent", "lab\\student",
        "https://huggingface.co/lab/student", "lab/student@", "lab/student@-x", "lab/student@../../x",
        "lab/student@a//b", "lab/student@a/", "lab/student@a.lock", "lab/student@a b", "lab/student@a@b",
        "lab/student\nx", "lab/" + "s" * 97, "lab/student@" + "r" * 101, "lab/student%2f..",
    ],
)  # fmt: skip
def test_what_is_not_a_hub_id(text: str) -> None:
    with pytest.raises(HubError, match="is not a Hub id; write owner/name or owner/name@revision"):
        parse_hub_id(text)


@pytest.mark.parametrize(("revision", "pinned"), [("main", False), ("a1" * 20, True), ("a1" * 19, False)])
def test_only_a_full_commit_is_pinned(revision: str, pinned: bool) -> None:
    assert HubId("lab/student", revision).pinned is pinned


# ------------------------------------------------------------------------------------------------ pulling


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


# ----------------------------------------------------------------------------------------------- refusals


def half(cache: Path) -> list[str]:
    """What there is of the repository but its locks."""
    return [str(path) for path in cache.glob("models--*/**/*") if path.is_file()]


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


# ------------------------------------------------------------------------------------------------ the cache


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


# ----------------------------------------------------------------------- downloads in a process of their own


@pytest.fixture
def slow(hub: Hub) -> Hub:
    """Its weights take a minute, so that nobody waits for their end."""
    hub.repos["lab/student"].push(FILES | {"model.safetensors": bytes(range(256)) * 40_000})
    hub.repos["lab/student"].seconds = 60
    return hub


def wait_for_bytes(download: Download) -> tuple[int, int]:
    until = time.monotonic() + 60
    while not download.progress[1]:
        assert download.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    return download.progress


@pytest.mark.parametrize("how", ["cancel", "parent gone"])
def test_a_slow_download_tells_how_far_it_is_and_ends_at_once(slow: Hub, tmp_path, how: str) -> None:
    download = Download("lab/student", tmp_path / "hub", signed=True)
    done, total = wait_for_bytes(download)
    assert 0 <= done < total and total > 1_000_000
    while not (0 < download.progress[0] < total and download.seconds_left):
        assert download.poll() is None and download.seconds < 60
        time.sleep(0.05)
    if how == "cancel":
        download.close()
    else:
        download.process.stdin.close()
        download.process.wait(10)
    assert download.process.returncode != 0 and half(tmp_path / "hub") == []


def test_a_download_ends_with_the_folder_or_a_sentence(hub: Hub, tmp_path) -> None:
    wanted = {
        "lab/student": Download("lab/student", tmp_path / "hub", signed=True),
        "lab/nothing": Download("lab/nothing", tmp_path / "hub", signed=True),
    }
    for download in wanted.values():
        download.process.wait(60)
    folder = wanted["lab/student"].poll()
    assert names(folder) == WANTED and folder == list_cached(tmp_path / "hub")[0].path
    with pytest.raises(HubError, match="lab/nothing does not exist or is private"):
        wanted["lab/nothing"].poll()


@pytest.mark.parametrize("text", ["-x/y", "--out/y", "a/b;rm", "a/$(b)", "a/b\nc"])
def test_no_process_is_started_for_what_is_no_id(tmp_path, text: str) -> None:
    with pytest.raises(HubError, match="is not a Hub id"):
        Download(text, tmp_path, signed=True)


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


# ------------------------------------------------------------------------------------------- without a Hub


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


# ------------------------------------------------------------------------------------------------ datasets

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


# ------------------------------------------------------------------------------------------- on a public server


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
