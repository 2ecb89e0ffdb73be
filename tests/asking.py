"""A server of ours, and how tests ask it."""

from __future__ import annotations

import base64
import http.client
import struct
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from snnpar import ASSETS

ROOT = Path(__file__).resolve().parents[1]


SAMPLE = ASSETS / "samples" / "03.png"


@dataclass(frozen=True)
class Server:
    """A running `python -m snnpar serve`, with its log and the folder that Gradio would put files into."""

    address: str
    port: int
    log: Path
    files: Path

    def client(self):
        from gradio_client import Client

        return Client(self.address, verbose=False)


def encoded(data: bytes | Path) -> str:
    return base64.b64encode(data.read_bytes() if isinstance(data, Path) else data).decode("ascii")


def image_file(kind: str, size: tuple[int, int] = (24, 48)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, (90, 120, 60)).save(file, kind)
    return file.getvalue()


def huge_png(side: int = 60_000) -> bytes:
    """A PNG of a few bytes that declares side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(99))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


def ask(server: Server, path: str, data: bytes | None = None) -> tuple[int, str, http.client.HTTPMessage]:
    request = urllib.request.Request(server.address + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode("utf-8", "replace"), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace"), error.headers
