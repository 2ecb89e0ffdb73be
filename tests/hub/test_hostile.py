"""A Hub, or whoever answers in its place, that lies: about names, sizes and the form of its answers."""

from __future__ import annotations

import gzip
import json
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from hub_files import CONFIG
from hub_liar import COMMIT, MANY, SIBLINGS, WEIGHTS, endless, files, info, send

from snnpar.hub import HubError, fetch_checkpoint, fetch_dataset, search


def test_the_answers_are_good_as_they_are(liar: ThreadingHTTPServer, tmp_path: Path) -> None:
    """Else the tests below hold trivially."""
    assert (fetch_checkpoint("a/b", cache=tmp_path) / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("header", ["ETag", "X-Linked-Etag", "X-Repo-Commit", "X-Xet-Hash"])
@pytest.mark.parametrize("value", ["../../../outside", "/tmp/outside", '"..\\..\\outside"', "a" * 4000, ""])
def test_no_header_names_a_file(liar: ThreadingHTTPServer, tmp_path: Path, header: str, value: str) -> None:
    for name, body in (("config.json", CONFIG), ("model.safetensors", WEIGHTS)):
        liar.answers[name] = send(body, {header: value})
    cache = tmp_path / "deep" / "cache"
    folder = fetch_checkpoint("a/b", cache=cache)
    assert (folder / "config.json").read_bytes() == CONFIG and folder.is_relative_to(cache)
    assert all(path.resolve().is_relative_to(cache) for path in files(tmp_path))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_body_without_an_end(liar: ThreadingHTTPServer, tmp_path: Path, name: str) -> None:
    liar.answers[name] = endless()
    with pytest.raises(HubError, match=f"{name} of a/b@main is longer than the Hub says it is"):
        fetch_checkpoint("a/b", cache=tmp_path)
    assert files(tmp_path) == [] and liar.sent < MANY / 2


@pytest.mark.parametrize("path", ["/revision/main", "/refs", "/api/models"])
def test_a_list_without_an_end(liar: ThreadingHTTPServer, path: str) -> None:
    liar.answers[path] = endless(b"[")
    with pytest.raises(HubError, match="gave no usable answer for"):
        search("a/b" if path != "/api/models" else "a", signed=True)
    assert liar.sent < MANY / 2


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "/revision/main"])
@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate", "gzip, gzip"])
def test_a_compressed_answer_is_not_unpacked(liar: ThreadingHTTPServer, tmp_path: Path, name: str, coding: str) -> None:
    liar.answers[name] = send(gzip.compress(bytes(50_000_000)), {"Content-Encoding": coding})
    with pytest.raises(HubError, match="gave no usable answer|broke off"):
        fetch_checkpoint("a/b", cache=tmp_path)
    assert files(tmp_path) == []


SHAPES = {
    "no json": b"<html>sign in</html>",
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "text": b'"a"',
    "number": b"1",
    "no keys": b"{}",
    "no utf-8": b"\xff\xfe{}",
    "deep": b"[" * 100_000,
    "digits": b"9" * 10_000,
    "siblings null": b'{"sha": "%s", "siblings": null}' % COMMIT.encode(),
    "siblings object": b'{"sha": "%s", "siblings": {"a": 1}}' % COMMIT.encode(),
    "siblings of text": b'{"sha": "%s", "siblings": ["a"]}' % COMMIT.encode(),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("path", ["/revision/main", "/refs", "/api/models"])
def test_an_answer_of_another_form(liar: ThreadingHTTPServer, tmp_path: Path, shape: str, path: str) -> None:
    liar.answers[path] = send(SHAPES[shape])
    if path == "/revision/main":
        with pytest.raises(HubError, match="gave no usable answer for a/b@main; try again later"):
            fetch_checkpoint("a/b", cache=tmp_path)
    if SHAPES[shape].startswith(b"{") if path == "/refs" else (path, shape) == ("/api/models", "list"):
        return  # which says that there are none
    with pytest.raises(HubError, match="gave no usable answer"):
        search("a/b" if path != "/api/models" else "a", signed=True)


@pytest.mark.parametrize("sha", [None, 1, "", "../../x", "C" * 40, "c" * 39, "c" * 41, ["c" * 40], "c" * 40 + "\n"])
def test_a_commit_that_is_none(liar: ThreadingHTTPServer, tmp_path: Path, sha: object) -> None:
    liar.answers["/revision/main"] = info(sha=sha)
    with pytest.raises(HubError, match="gave no usable answer"):
        fetch_checkpoint("a/b", cache=tmp_path)


def test_another_commit_than_was_asked_for(liar: ThreadingHTTPServer, tmp_path: Path) -> None:
    liar.answers[f"/revision/{'d' * 40}"] = info()
    with pytest.raises(HubError, match="gave no usable answer"):
        fetch_checkpoint(f"a/b@{'d' * 40}", cache=tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"size": -1},
        {"size": None},
        {"size": "7"},
        {"size": 1e99},
        {"size": True},
        {"size": 7.0},
        {"lfs": "x"},
        {"lfs": {}},
        {"lfs": {"sha256": "../../x"}},
        {"lfs": {"sha256": 1}},
        {"lfs": [1]},
        {"rfilename": None},
        {"rfilename": ["model.safetensors"]},
        {"rfilename": "\ud800"},
    ],
    ids=str,
)
def test_a_file_of_another_form(liar: ThreadingHTTPServer, tmp_path: Path, change: dict) -> None:
    liar.answers["/revision/main"] = info([SIBLINGS[0], SIBLINGS[1] | change])
    with pytest.raises(HubError, match="gave no usable answer"):
        fetch_checkpoint("a/b", cache=tmp_path)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        "../x.csv",
        "a/../../x.csv",
        "/x.csv",
        "a//x.csv",
        "a\\..\\x.csv",
        "./x.csv",
        "a\nb.csv",
        "a\0.csv",
        "n" * 300 + ".csv",
        "é" * 130 + ".csv",
        "a/./x.csv",
    ],
)
def test_a_name_that_no_file_may_have(liar: ThreadingHTTPServer, tmp_path: Path, name: str) -> None:
    liar.answers["/revision/main"] = info([{"rfilename": name, "size": 1}])
    with pytest.raises(HubError, match="has a file called .* cannot be stored here"):
        fetch_dataset("a/b", cache=tmp_path / "deep")
    assert files(tmp_path) == []


def test_odd_ids_and_revisions_are_left_out(liar: ThreadingHTTPServer) -> None:
    good = {"name": "v1", "targetCommit": COMMIT}
    odd = [good | {"name": name} for name in ("../x", "", "a b", "![x](y)", "-x", "v1\n")]
    odd += [good | {"targetCommit": value} for value in ("x", "", "../..", "C" * 40)]
    liar.answers["/refs"] = send(json.dumps({"branches": [good, *odd], "tags": []}).encode())
    assert search("a/b", signed=True).revisions == {"v1": COMMIT}
    liar.answers["/api/models"] = send(
        json.dumps([{"id": one} for one in ("a/b", "a/../b", "a/![x](y)", "a/<b>")]).encode()
    )
    assert search("a", signed=True).ids == ("a/b",)


def test_what_is_no_checkpoint_of_ours_costs_its_config_alone(liar: ThreadingHTTPServer, tmp_path: Path) -> None:
    """A language model has both files too."""
    liar.answers["config.json"] = send(foreign := b'{"architectures": ["LlamaForCausalLM"], "hidden_size": 4096}')
    liar.answers["/revision/main"] = info([SIBLINGS[0] | {"size": len(foreign)}, SIBLINGS[1]])
    liar.answers["model.safetensors"] = endless()
    with pytest.raises(HubError, match="a/b@main is not a checkpoint of this project, so its weights were not") as said:
        fetch_checkpoint("a/b", cache=tmp_path)
    assert liar.sent == 0 and files(tmp_path) == [] and str(tmp_path) not in str(said.value)


@pytest.mark.parametrize("name", ["config.json", "README.md"])
def test_a_huge_config_or_card_is_not_downloaded(liar: ThreadingHTTPServer, tmp_path: Path, name: str) -> None:
    siblings = [one for one in SIBLINGS if one["rfilename"] != name] + [{"rfilename": name, "size": 30_000_000}]
    liar.answers["/revision/main"] = info(siblings)
    with pytest.raises(HubError, match=f"{name} of a/b@main has 30 MB, more than the 1 MB allowed"):
        fetch_checkpoint("a/b", cache=tmp_path)
