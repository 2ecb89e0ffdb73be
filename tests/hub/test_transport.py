"""The way to the Hub: a status without sense, transfers that break off, redirects, proxies and the token."""

from __future__ import annotations

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hub_liar import WEIGHTS, send
from tiny import STUDENT, write_checkpoint

from snnpar.hub import HubError, fetch_checkpoint
from snnpar.sharing.push import push


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
