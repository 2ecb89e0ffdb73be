"""What a JPEG or PNG is made of, looked at before a decoder, which trusts it, may spend minutes on it.

The walks take a bounded number of steps in Python; what lies between is searched or skipped at once.
"""

from __future__ import annotations

import re
import struct

MAX_SCANS = 64  # of a progressive JPEG, which has about 10; each can take a whole decode and 65 bytes of file
MAX_SEGMENTS = 2_000  # of a JPEG outside of its scans, of which a photo has fewer than 50
MAX_FILL = 100_000  # bytes between segments, of which Pillow reads each by itself
MAX_CHUNKS = 20_000  # of a PNG: 10 MB in chunks of 512 bytes
ARITHMETIC = {0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}  # frames whose coding takes 10 times as long, and no camera writes
END, SCAN, ALONE = 0xD9, 0xDA, {0x01, *range(0xD0, 0xD9)}  # markers; ALONE have no length
MARKER = re.compile(rb"\xff[\x01-\xfe]")
AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # in compressed data ff is followed by 00 or a restart
PNG = b"\x89PNG\r\n\x1a\n"


def oddity(data: bytes) -> str:
    """Why these bytes are not given to a decoder, in words that follow "The image"; "" if they may be."""
    if data.startswith(b"\xff\xd8"):
        return _jpeg_oddity(data)
    return _png_oddity(data) if data.startswith(PNG) else ""


def _jpeg_oddity(data: bytes) -> str:
    """To the end of the image: what a phone appends, say a video, is not read."""
    place, fill, scans = 2, 0, 0
    for _ in range(MAX_SEGMENTS):
        found = (AFTER_SCAN if scans else MARKER).search(data, place)
        if not found or data[found.start() + 1] == END:
            return ""
        marker = data[found.start() + 1]
        if marker in ARITHMETIC:
            return "is an arithmetic-coded JPEG, which takes very long to decode; save it again as a plain JPEG"
        scans += marker == SCAN
        if scans > MAX_SCANS:
            return f"has more than {MAX_SCANS} scans, which take very long to decode; save it again as a plain JPEG"
        fill += 0 if scans else found.start() - place
        if fill > MAX_FILL:
            return "has much more filling than image; save it again as a plain JPEG"
        place = found.end()
        if marker not in ALONE:
            place += int.from_bytes(data[place : place + 2])
    return "has thousands of segments, which no camera writes; save it again as a plain JPEG"


def _png_oddity(data: bytes) -> str:
    place = len(PNG)
    for _ in range(MAX_CHUNKS):
        if place + 8 > len(data):
            return ""
        size, kind = struct.unpack_from(">I4s", data, place)
        if kind == b"IEND":
            return ""
        place += 12 + size
    return "has thousands of chunks, which no camera or program writes; save it again"
