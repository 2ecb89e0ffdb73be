"""A Hub, or whoever answers in its place, that lies: about names, sizes and the form of its answers."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from hub_files import CONFIG
from hub_server import sha256
from tiny import STUDENT, write_checkpoint

from snnpar.hub import HubError, fetch_checkpoint, fetch_dataset, search, wire
from snnpar.sharing.push import push

COMMIT, MANY = "c" * 40, 200_000_000  # bytes that nobody should take
WEIGHTS = b"weights"
SIBLINGS = [
    {"rfilename": "config.json", "size": len(CONFIG)},
    {"rfilename": "model.safetensors", "size": len(WEIGHTS), "lfs": {"sha256": sha256(WEIGHTS)}},
]
Answer = Callable[[BaseHTTPRequestHandler], None]


def send(body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> Answer:
    def answer(to: BaseHTTPRequestHandler) -> None:
        to.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            to.send_header(name, value)
        to.end_headers()
        to.wfile.write(body)

    return answer


def endless(first: bytes = b"") -> Answer:
    """A body without a length, until the other side has had enough or MANY bytes are sent, which are counted."""

    def answer(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.send_header("Connection", "close")
        to.end_headers()
        to.close_connection = True
        to.wfile.write(first)
        while to.server.sent < MANY:
            to.wfile.write(bytes(1 << 16))
            to.server.sent += 1 << 16

    return answer


def info(siblings: object = SIBLINGS, **more: object) -> Answer:
    return send(json.dumps({"sha": COMMIT, "siblings": siblings, **more}).encode())


@pytest.fixture
def liar(no_account: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    """`answers` by what the path ends with; sent: bytes of endless ones."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            found = next((one for end, one in self.server.answers.items() if path.endswith(end)), send(b"", status=404))
            try:
                found(self)
            except OSError:  # the other side has had enough
                self.close_connection = True

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.sent = True, 0
    server.answers = {"/revision/main": info(), "config.json": send(CONFIG), "model.safetensors": send(WEIGHTS)}
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setattr(wire, "PAUSE_SECONDS", 0)
    yield server
    server.shutdown()
    server.server_close()


def files(folder: Path) -> list[Path]:
    """All but locks."""
    return [path for path in folder.rglob("*") if path.is_file() and ".locks" not in path.parts]


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


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (301, {"Location": "/api/models/a/b/revision/main"}),
        (204, {}),
        (302, {"Location": "file:///etc/passwd"}),
        (302, {}),
        (418, {}),
        (200, {"Content-Length": "-5"}),
        (500, {}),
        (206, {}),
    ],
)
def test_a_status_without_sense(liar: ThreadingHTTPServer, tmp_path: Path, status: int, headers: dict) -> None:
    liar.answers["/revision/main"] = send(b"", headers, status)
    with pytest.raises(HubError):
        fetch_checkpoint("a/b", cache=tmp_path)


def test_a_transfer_that_breaks_off_goes_on_where_it_was(liar: ThreadingHTTPServer, tmp_path: Path) -> None:
    asked = []

    def weights(to: BaseHTTPRequestHandler) -> None:
        asked.append(to.headers.get("Range"))
        if asked[-1] is None:
            send(WEIGHTS[:3], {"Content-Length": str(len(WEIGHTS))})(to)
            to.close_connection = True
        else:
            send(WEIGHTS[3:], {"Content-Range": f"bytes 3-6/{len(WEIGHTS)}"}, 206)(to)

    liar.answers["model.safetensors"] = weights
    assert (fetch_checkpoint("a/b", cache=tmp_path) / "model.safetensors").read_bytes() == WEIGHTS
    assert asked == [None, "bytes=3-"]


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("HF_ENDPOINT", "huggingface.co", "HF_ENDPOINT is 'huggingface.co', which is no address"),
        ("HF_ENDPOINT", "ftp://x", "no address"),
        ("HF_ENDPOINT", "http://[::1", "no address"),
        ("HF_ENDPOINT", "http://x:99999", "no address"),
        ("HF_ENDPOINT", "http://me:secret@127.0.0.1:1", "cannot be reach"),
        ("HF_TOKEN", "hf_ünsafe", "HF_TOKEN holds letters that no token has"),
        ("HF_TOKEN", "hf_a b", "HF_TOKEN holds"),
    ],
)
def test_settings_that_cannot_be_used(
    liar: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(HubError, match=words) as found:
        fetch_checkpoint("a/b", cache=tmp_path)
    assert "secret" not in str(found.value)


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


def test_a_good_answer_from_the_cache_serves_while_the_hub_talks_nonsense(
    liar: ThreadingHTTPServer,
    tmp_path: Path,
) -> None:
    folder = fetch_checkpoint("a/b", cache=tmp_path)
    liar.answers["/revision/main"] = send(b"<html>sign in to this network</html>")
    assert fetch_checkpoint("a/b", cache=tmp_path) == folder


def test_the_token_is_not_sent_where_a_redirect_leads(
    liar: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, port = [], liar.server_address[1]
    monkeypatch.setenv("HF_TOKEN", "hf_secret")

    def elsewhere(to: BaseHTTPRequestHandler) -> None:
        seen.append((to.headers["Host"].partition(":")[0], to.headers.get("Authorization")))
        send(WEIGHTS)(to)

    liar.answers["model.safetensors"] = send(b"", {"Location": f"http://localhost:{port}/away"}, 302)
    liar.answers["/away"] = elsewhere
    fetch_checkpoint("a/b", cache=tmp_path)
    assert seen == [("localhost", None)] and os.environ["HF_TOKEN"] == "hf_secret"


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'{"url": 3}', b'{"url": ["x"]}', b"<html>", b"\xff{", b"[" * 100_000]
)
def test_a_push_to_what_is_no_hub_is_a_sentence(
    liar: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_write")
    liar.answers[""] = send(body)
    liar.RequestHandlerClass.do_POST = liar.RequestHandlerClass.do_PUT = liar.RequestHandlerClass.do_GET
    with pytest.raises(HubError, match="not pushed"):
        push(write_checkpoint(tmp_path / "mine", STUDENT).path, "lab/mine")


def test_no_proxy_leads_to_this_machine(
    liar: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    from huggingface_hub import close_session

    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "intern.example")
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody is
    close_session()
    request.addfinalizer(close_session)  # it has read this environment
    assert (fetch_checkpoint("a/b", cache=tmp_path) / "model.safetensors").read_bytes() == WEIGHTS
    assert os.environ["NO_PROXY"] == "intern.example,127.0.0.1"
