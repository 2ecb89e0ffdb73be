"""What containers hold beside pixels: harmless, odd, or cut short."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from encoded import RED, chunk, encode, jpeg, plain
from PIL import Image

from snnpar.bench.decoding import scans as repeat_scan
from snnpar.images.containers import MAX_SCANS
from snnpar.images.pixels import ImageError, open_rgb


@pytest.mark.parametrize(("scans", "opened"), [(MAX_SCANS, True), (MAX_SCANS + 1, False)])
def test_a_jpeg_of_many_scans_is_refused(scans: int, opened: bool) -> None:
    """65 bytes of file for each decode of all pixels: 10 MB would take an hour."""
    data = repeat_scan(encode(plain("RGB", RED, (64, 128)), "JPEG", progressive=True), scans)
    if opened:
        assert open_rgb(data).shape == (128, 64, 3)
    else:
        with pytest.raises(ImageError, match="more than 64 scans"):
            open_rgb(data)


def before_scan(data: bytes, extra: bytes) -> bytes:
    return data[:2] + extra + data[2:]


def with_chunks(extra: bytes) -> bytes:
    data = encode(plain("RGB", RED, (64, 128)))
    return data[:33] + extra + data[33:]  # behind the header


FINE = {
    "a video behind the photo": jpeg() + b"\0\0\0\x18ftypmp42" + 200 * b"\xff\xda",
    "a progressive photo with a video": jpeg(progressive=True) + 200 * b"\xff\xda",
    "restarts": jpeg(restart_marker_blocks=1),
    "some filling": before_scan(jpeg(), b"\xff" * 1000),
    "a text of 3 MB": with_chunks(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 3_000_000))),
    "a profile of 2 MB": with_chunks(chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(2_000_000)))),
}


@pytest.mark.parametrize("data", FINE.values(), ids=FINE)
def test_what_comes_with_a_photo_does_no_harm(data: bytes) -> None:
    assert np.abs(open_rgb(data).astype(int) - RED).max() <= 2


ODD = {
    "arithmetic": (jpeg().replace(b"\xff\xc0", b"\xff\xc9", 1), "arithmetic-coded"),
    "arithmetic, progressive": (jpeg(progressive=True).replace(b"\xff\xc2", b"\xff\xca", 1), "arithmetic-coded"),
    "filling": (before_scan(jpeg(), b"\xff" * 9_000_000), "filling"),
    "other filling": (before_scan(jpeg(), bytes(9_000_000)), "filling"),
    "empty comments": (before_scan(jpeg(), b"\xff\xfe\0\x02" * 2_000_000), "thousands of segments"),
    "empty chunks": (with_chunks(800_000 * chunk(b"abCd", b"")), "thousands of chunks"),
}


@pytest.mark.parametrize(("data", "message"), ODD.values(), ids=ODD)
def test_what_no_camera_writes_is_refused_before_a_decoder_sees_it(
    data: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(ImageError, match=message):
        open_rgb(data)


@pytest.mark.parametrize("cut", [2, 3, 4, 20, 50])
def test_a_container_cut_short_is_damaged_not_odd(cut: int) -> None:
    for data in (jpeg()[:cut], with_chunks(b"")[: cut + 8]):
        with pytest.raises(ImageError, match="damaged|not a readable"):
            open_rgb(data)
