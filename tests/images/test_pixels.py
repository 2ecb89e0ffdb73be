from __future__ import annotations

import struct
import sys
import zlib
from io import BytesIO
from pathlib import Path

import heic
import numpy as np
import pytest
from encoded import RED, chunk, encode, jpeg, plain
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from snnpar.images import pixels as images
from snnpar.images.pixels import ImageError, open_rgb


def png_declaring(width: int, height: int) -> bytes:
    """A valid PNG header with no pixels behind it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def heic_declaring(width: int, height: int) -> bytes:
    """A HEIC whose header says another size than its pixels have."""
    at = heic.UPRIGHT.index(b"ispe") + 8
    return heic.UPRIGHT[:at] + struct.pack(">II", width, height) + heic.UPRIGHT[at + 8 :]


@pytest.mark.parametrize(
    ("data", "colour"),
    [
        pytest.param(encode(plain("RGB", RED)), RED, id="png"),
        pytest.param(encode(plain("RGB", RED), "WEBP", lossless=True), RED, id="webp"),
        pytest.param(encode(plain("RGB", RED), "JPEG", quality=95, subsampling=0), (254, 0, 0), id="jpeg"),
        pytest.param(encode(plain("L", 77)), (77, 77, 77), id="grey"),
        pytest.param(encode(plain("1", 1)), (255, 255, 255), id="1-bit"),
        pytest.param(encode(plain("I;16", 32896)), (128, 128, 128), id="16-bit grey is scaled"),
        pytest.param(encode(plain("I;16", 300)), (1, 1, 1), id="dark 16-bit grey is not clipped"),
        pytest.param(encode(plain("CMYK", (0, 255, 255, 0)), "JPEG", quality=95), (254, 0, 0), id="cmyk red"),
        pytest.param(encode(plain("CMYK", (0, 0, 0, 255)), "JPEG", quality=95), (0, 0, 0), id="cmyk black"),
        pytest.param(encode(plain("RGBA", (255, 0, 0, 255))), RED, id="opaque"),
        pytest.param(encode(plain("RGBA", (255, 0, 0, 0))), images.BACKGROUND, id="transparent"),
        pytest.param(encode(plain("RGBA", (255, 0, 0, 128))), (192, 64, 64), id="half transparent"),
        pytest.param(encode(plain("LA", (200, 0))), images.BACKGROUND, id="grey with alpha"),
        pytest.param(encode(plain("L", 7), transparency=7), images.BACKGROUND, id="grey key colour"),
        pytest.param(encode(plain("I;16", 7), transparency=7), images.BACKGROUND, id="16-bit key colour"),
        pytest.param(encode(plain("RGB", RED), transparency=RED), images.BACKGROUND, id="rgb key colour"),
    ],
)
def test_every_mode_gives_its_colour(data: bytes, colour: tuple[int, int, int]) -> None:
    image = open_rgb(data)
    assert image.shape == (30, 20, 3) and image.dtype == np.uint8 and image.flags.writeable
    assert np.abs(image.astype(int) - colour).max() <= 1


def test_palette_with_partly_transparent_colours() -> None:
    palette = Image.new("P", (20, 30), 0)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.paste(1, (0, 15, 20, 30))
    image = open_rgb(encode(palette, transparency=bytes([255, 0])))
    assert (image[:15] == RED).all()
    assert (image[15:] == images.BACKGROUND).all()


@pytest.mark.parametrize("fmt", ["PNG", "WEBP"])
def test_an_animation_gives_its_first_frame(fmt: str) -> None:
    frames = [plain("RGB", RED), plain("RGB", (0, 0, 255))]
    data = encode(frames[0], fmt, save_all=True, append_images=frames[1:], lossless=True)
    assert Image.open(BytesIO(data)).n_frames == 2
    assert (open_rgb(data) == RED).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "I;16"])
def test_exif_orientation_is_undone(orientation: int, mode: str) -> None:
    upright = np.zeros((30, 20), np.uint8)
    upright[:10, :5] = 255  # a mark in the top left corner tells all eight orientations apart
    turn_back = {  # the transposition that undoes what the camera did, as listed in the EXIF standard
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.T,
        6: lambda a: np.rot90(a),
        7: lambda a: a[::-1, ::-1].T,
        8: lambda a: np.rot90(a, 3),
    }
    stored = np.ascontiguousarray(turn_back[orientation](upright))
    image = Image.fromarray(stored.astype(np.uint16) * 257 if mode == "I;16" else stored)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(image if mode == "I;16" else image.convert(mode), exif=exif)
    np.testing.assert_array_equal(open_rgb(data), np.repeat(upright[..., None], 3, axis=2))


@pytest.mark.parametrize("data", [heic.UPRIGHT, heic.SIDEWAYS], ids=["upright", "turned by its header"])
def test_a_phones_heic_is_read_upright(data: bytes) -> None:
    image = open_rgb(data)
    assert image.shape == (96, 64, 3)
    assert (image[4:28, 4:28] > 240).all() and (image[40:] < 15).all() and (image[:, 40:] < 15).all()


def test_an_avif_is_read() -> None:
    image = open_rgb(encode(plain("RGB", RED), "AVIF", quality=95))
    assert image.shape == (30, 20, 3) and np.abs(image.astype(int) - RED).max() <= 4


def test_heic_without_its_decoder_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(ImageError, match="pip install pi-heif.*save it as JPEG"):
        open_rgb(heic.UPRIGHT)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_does_not_spoil_the_pixels() -> None:
    data = encode(plain("RGB", RED), exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xffgarbage")
    assert (open_rgb(data) == RED).all()


def test_path_bytes_and_file_agree(tmp_path) -> None:
    path = tmp_path / "misnamed.txt"  # recognised by content
    path.write_bytes(encode(plain("RGB", RED)))
    with path.open("rb") as file:
        file.read(5)  # a file that was already looked at is read from its start
        np.testing.assert_array_equal(open_rgb(file), open_rgb(path))
    np.testing.assert_array_equal(open_rgb(path.read_bytes()), open_rgb(path))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "empty", id="zero bytes"),
        pytest.param(b"hello, this is text", "not a readable JPEG, PNG, WebP, AVIF or HEIC", id="not an image"),
        pytest.param(encode(plain("P", 1), "GIF"), "is a GIF; save it as PNG or JPEG", id="gif"),
        pytest.param(encode(plain("RGB", RED), "TIFF"), "is a TIFF or raw photo; save it as PNG or JPEG", id="tiff"),
        pytest.param(encode(plain("RGB", RED), "BMP"), "is a BMP; save it as PNG or JPEG", id="bmp"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is an SVG drawing; save it as PNG", id="svg"),
        pytest.param(encode(plain("RGB", RED), "EPS"), "not a readable JPEG, PNG", id="eps"),
        pytest.param(heic_declaring(20_000, 20_000), "more than 40 million pixels", id="heic of 400 megapixels"),
        pytest.param(heic_declaring(32, 48), "damaged", id="heic that is larger than it says"),
        pytest.param(heic.UPRIGHT[:-40], "damaged|not a readable", id="truncated heic"),
        pytest.param(encode(plain("RGB", RED, (300, 300)), "JPEG")[:-200], "damaged", id="truncated jpeg"),
        pytest.param(encode(Image.effect_noise((64, 64), 50))[:-500], "damaged", id="truncated png"),
        pytest.param(encode(plain("RGB", RED), "WEBP")[:40], "not a readable", id="truncated webp"),
        pytest.param(png_declaring(64, 64), "damaged", id="png without pixels"),
        pytest.param(encode(plain("RGB", RED, (1, 1))), "1 x 1 pixels, too small", id="1x1"),
        pytest.param(encode(plain("RGB", RED, (7, 60))), "7 x 60 pixels, too small", id="7 wide"),
        pytest.param(encode(plain("RGB", RED, (10, 101))), "10 x 101 pixels, too elongated", id="elongated"),
        pytest.param(png_declaring(10_000, 5_000), "more than 40 million pixels", id="50 megapixels"),
        pytest.param(png_declaring(20_000, 20_000), "more than 40 million pixels", id="20,000 x 20,000"),
        pytest.param(png_declaring(2**31 - 1, 2**31 - 1), "more than 40 million pixels", id="exapixels"),
        pytest.param(b"\xff" * (images.MAX_BYTES + 1), "larger than 10 MB", id="too many bytes"),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bad_input_gives_one_plain_sentence(data: bytes, words: str, tmp_path) -> None:
    path = tmp_path / "walk.png"
    path.write_bytes(data)
    for source, name in ((data, "The image"), (path, "walk.png")):
        with pytest.raises(ImageError, match=words) as error:
            open_rgb(source)
        assert str(error.value).startswith(name) and "\n" not in str(error.value)


def test_smallest_and_most_elongated_that_are_accepted() -> None:
    assert open_rgb(encode(plain("RGB", RED, (8, 80)))).shape == (80, 8, 3)


def test_the_declared_size_is_checked_before_any_pixel_is_decoded(monkeypatch) -> None:
    def decode(*_):
        raise AssertionError("decoded")

    data = encode(plain("RGB", RED, (100, 100)))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode)
    with pytest.raises(ImageError, match="more than 0.005 million pixels"):
        open_rgb(data, max_pixels=5_000)


def test_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(ImageError, match="nowhere.png cannot be read: No such file"):
        open_rgb(tmp_path / "nowhere.png")


SEEDS = [
    encode(Image.effect_noise((40, 60), 40).convert(mode), fmt)
    for mode, fmt in [("RGB", "JPEG"), ("RGBA", "PNG"), ("P", "PNG"), ("RGB", "WEBP")]
]

FLIPS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SEEDS), FLIPS)
@pytest.mark.filterwarnings("ignore")
def test_flipped_bytes_give_an_image_or_one_sentence(seed: bytes, flips: list[tuple[float, int]]) -> None:
    data = bytearray(seed)
    for place, value in flips:
        data[round(place * (len(data) - 1))] = value
    try:
        image = open_rgb(bytes(data), max_pixels=1_000_000)
    except ImageError as error:
        assert "\n" not in str(error)
    else:
        assert image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_the_transparent_grey_of_few_bits_is_background(bits: int) -> None:
    """An image of two columns: the transparent grey and white."""
    key, white, rows = 1 if bits > 1 else 0, 2**bits - 1, []
    for _ in range(16):
        values = [key if column < 8 else white for column in range(16)]
        number = int("".join(f"{value:0{bits}b}" for value in values), 2)
        rows.append(b"\0" + number.to_bytes(16 * bits // 8))
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", 16, 16, bits, 0, 0, 0, 0),
        b"tRNS": struct.pack(">H", key),
        b"IDAT": zlib.compress(b"".join(rows)),
        b"IEND": b"",
    }
    data = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks.items())
    found = open_rgb(data)
    assert (found[:, :8] == 128).all() and (found[:, 8:] == 255).all()


def test_a_path_as_text_and_an_image_of_pillow_are_taken(tmp_path: Path) -> None:
    (tmp_path / "a.jfif").write_bytes(jpeg())
    with Image.open(tmp_path / "a.jfif") as opened:
        assert (open_rgb(str(tmp_path / "a.jfif")) == open_rgb(opened)).all()
        assert opened.size == (64, 128), "it stays open"
    with pytest.raises(ImageError, match="too elongated"):
        open_rgb(Image.new("RGB", (500, 10)))
    with pytest.raises(ImageError, match="null byte"):
        open_rgb("a\0b")


def test_a_pointer_of_git_lfs_says_what_fetches_the_image(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="git lfs pull"):
        open_rgb(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n")
