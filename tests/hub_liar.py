"""Answers of a Hub, or of whoever stands in its place, that lies."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from hub_files import CONFIG
from hub_server import sha256

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


def files(folder: Path) -> list[Path]:
    """All but locks."""
    return [path for path in folder.rglob("*") if path.is_file() and ".locks" not in path.parts]
