"""From any image a person brings to the tensor a model reads: one decoder, one preprocessing for all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

from snnpar.core.errors import SnnparError
from snnpar.images.containers import PNG, oddity

if TYPE_CHECKING:
    import torch

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF")  # recognised by content, never by file name
READ = "JPEG, PNG, WebP, AVIF or HEIC"
SUFFIXES = ("jpg", "jpeg", "jfif", "png", "webp", "avif", "heic", "heif")
# Not read, by how they start. An upload of such a name is let in, so that it can be told what to do.
FOREIGN = {
    b"GIF8": "a GIF",
    b"II*\0": "a TIFF or raw photo",
    b"MM\0*": "a TIFF or raw photo",
    b"BM": "a BMP",
    b"%PDF": "a PDF",
    b"<svg": "an SVG drawing",
    b"<?xml": "an SVG drawing",
    b"8BPS": "a Photoshop file",
    b"\0\0\1\0": "an icon",
    b"version https://git-lfs": "a pointer of Git LFS to an image (`git lfs pull` fetches that)",
    b"\xff\x0a": "a JPEG XL",
    b"\0\0\0\x0cJXL": "a JPEG XL",
    b"\0\0\0\x0cjP": "a JPEG 2000",
}
FOREIGN_SUFFIXES = ("gif", "tif", "tiff", "dng", "bmp", "pdf", "svg", "psd", "ico", "jxl", "jp2")
MAX_BYTES = 10_000_000
MIN_SIDE = 8  # pixels; below that nobody can tell a hat from a bag
MAX_ASPECT = 10  # long side / short side; a standing person fills at most about 4
PngImagePlugin.MAX_TEXT_CHUNK = 16 * 2**20  # bytes of a text or profile, where 1 MB refuses photos; all: 64 MB
BACKGROUND = (128, 128, 128)  # behind transparency: mid-grey, about 0 after (x - 0.5) / 0.5


class ImageError(SnnparError):
    """An image that cannot be used; the message is one sentence for the person who brought it."""


def open_rgb(source: bytes | str | Path | BinaryIO | Image.Image, *, max_pixels: int = 40_000_000) -> np.ndarray:
    """Decode a JPEG, PNG, WebP, AVIF or HEIC image, or take one of Pillow, to uint8 (H, W, 3) RGB, upright.

    EXIF orientation is applied, transparency is laid on mid-grey, 16-bit grey is scaled to 8 bits, CMYK is
    converted, an animation gives its first frame; colour profiles are ignored. The declared size is checked
    before any pixel is decoded. Raises ImageError.
    """
    source = Path(source) if isinstance(source, str) else source
    name = _name(source)
    is_open = isinstance(source, Image.Image)  # it stays so
    with nullcontext(source) if is_open else _open(_read(source, name), name, max_pixels) as image:
        _check_shape(image, name, max_pixels)
        try:
            image.load()
            return np.array(_upright(_to_rgb(image)))
        except Exception as error:  # damaged data raises many types: OSError, SyntaxError, struct.error, ...
            raise ImageError(f"{name} is damaged or cut short; save or download it again.") from error


def preprocess(
    image: np.ndarray, *, image_size: tuple[int, int], mean: Sequence[float], std: Sequence[float]
) -> torch.Tensor:
    """Resize uint8 (h, w, 3) to `image_size` (H, W), scale to 0..1, normalise: float32 (3, H, W)."""
    import torch

    pixels = torch.from_numpy(resize(image, image_size).copy()).permute(2, 0, 1).contiguous()
    return normalise(pixels, mean=mean, std=std)


def normalise(pixels: torch.Tensor, *, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """uint8 (..., 3, H, W) to float32: scaled to 0..1, less the mean, by the standard deviation of each channel."""
    import torch

    shift, scale = (torch.tensor(values, device=pixels.device).view(3, 1, 1) for values in (mean, std))
    return (pixels.float() / 255 - shift) / scale


def resize(image: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """uint8 (h, w, 3) to uint8 (H, W, 3), for training and app alike.

    Pillow's antialiased bilinear filter, height first, then width, each rounded to 8 bits: bit for bit the
    reference values of the published code, whichever order a Pillow version filters in.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ImageError(f"Expected an image (H, W, 3) of uint8, got {image.shape} of {image.dtype}.")
    height, width = image_size
    tall = Image.fromarray(image).resize((image.shape[1], height), Image.Resampling.BILINEAR)
    return np.asarray(tall.resize((width, height), Image.Resampling.BILINEAR))


def _name(source: bytes | Path | BinaryIO | Image.Image) -> str:
    name = getattr(source, "name", None)
    return Path(name).name if isinstance(name, str) and name else "The image"


def _read(source: Any, name: str) -> bytes:
    """At most MAX_BYTES of the source, from its start."""
    if isinstance(source, Path):
        try:
            with source.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise ImageError(f"{source} cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise ImageError(f"{str(source)!r} cannot be read: {error}.") from error
    elif isinstance(source, bytes):
        data = source
    else:
        source.seek(0)
        data = source.read(MAX_BYTES + 1)
    if not data:
        raise ImageError(f"{name} is empty (0 bytes).")
    if len(data) > MAX_BYTES:
        raise ImageError(f"{name} is larger than {MAX_BYTES / 1e6:.0f} MB; shrink it or crop the person.")
    return data


def _open(data: bytes, name: str, max_pixels: int) -> Image.Image:
    """The header only; no pixel is decoded."""
    if odd := oddity(data):
        raise ImageError(f"{name} {odd}.")
    if data[4:8] == b"ftyp":  # the container of HEIC and AVIF
        _register_heif(name)
    try:
        return _grey_key(Image.open(BytesIO(data), formats=FORMATS), data)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:  # a warning where it is an error
        raise _too_many_pixels(name, max_pixels) from error
    except Exception as error:  # as for damaged data
        kind = next((kind for start, kind in FOREIGN.items() if data.startswith(start)), f"not a readable {READ} image")
        raise ImageError(f"{name} is {kind}; save it as PNG or JPEG and choose that file.") from error


def _grey_key(image: Image.Image, data: bytes) -> Image.Image:
    """A PNG of 2 or 4 bits of grey names the transparent one in these, while its pixels are scaled to 8 bits."""
    key = image.info.get("transparency")
    if data.startswith(PNG) and data[25] == 0 and data[24] in (2, 4) and isinstance(key, int) and key < 2 ** data[24]:
        image.info["transparency"] = key * 255 // (2 ** data[24] - 1)
    return image


def _register_heif(name: str) -> None:
    """Have Pillow open HEIC, which it cannot by itself."""
    try:
        from pi_heif import register_heif_opener
    except ImportError as error:
        fix = "`pip install pi-heif` reads it, or save it as JPEG"
        raise ImageError(f"{name} is a HEIC or AVIF photo, whose decoder is missing here; {fix}.") from error
    register_heif_opener(thumbnails=False)


def _too_many_pixels(name: str, max_pixels: int) -> ImageError:
    limit = f"{max_pixels / 1e6:g} million"
    return ImageError(f"{name} has more than {limit} pixels, the most that is opened; shrink it.")


def _check_shape(image: Image.Image, name: str, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise _too_many_pixels(name, max_pixels)
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            f"{name} is {width} x {height} pixels, too small to show a person; each side needs at least {MIN_SIDE}."
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageError(
            f"{name} is {width} x {height} pixels, too elongated to show a person; crop it to at most"
            f" {MAX_ASPECT} to 1."
        )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey: Pillow's own conversion clips at 255 instead of scaling
        return _grey16_to_rgb(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    flat = Image.new("RGB", image.size, BACKGROUND)
    flat.paste(rgba, mask=rgba.getchannel("A"))
    flat.info = image.info  # keeps the EXIF orientation
    return flat


def _grey16_to_rgb(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.uint32)
    grey = ((values * 255 + 32767) // 65535).astype(np.uint8)
    transparent = image.info.get("transparency")  # PNG: one grey value that means "nothing here"
    if isinstance(transparent, int):
        grey[values == transparent] = BACKGROUND[0]
    rgb = Image.fromarray(grey).convert("RGB")
    rgb.info = image.info
    return rgb


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # broken EXIF says nothing about orientation, and the pixels are fine
        return image
