"""Small image files."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

from PIL import Image

RED = (255, 0, 0)


def encode(image: Image.Image, fmt: str = "PNG", **options) -> bytes:
    file = BytesIO()
    image.save(file, fmt, **options)
    return file.getvalue()


def plain(mode: str, colour, size: tuple[int, int] = (20, 30)) -> Image.Image:
    return Image.new(mode, size, colour)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def jpeg(**options) -> bytes:
    return encode(plain("RGB", RED, (64, 128)), "JPEG", **options)
