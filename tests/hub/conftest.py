"""A Hub with one checkpoint, and one that lies."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from hub_files import CONFIG, FILES
from hub_liar import WEIGHTS, info, send
from hub_server import Hub, Repo

from snnpar.hub import wire


@pytest.fixture(autouse=True)
def _no_account(no_account: None) -> None:
    """For all tests here."""


@pytest.fixture
def hub(empty_hub: Hub) -> Hub:
    empty_hub.repos["lab/student"] = Repo()
    empty_hub.repos["lab/student"].push(FILES)
    return empty_hub


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
