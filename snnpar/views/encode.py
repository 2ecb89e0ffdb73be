"""Images and arrays as text that a view reads without another request."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import numpy as np
from PIL import Image

JPEG_QUALITY = 90


def base64(array: np.ndarray) -> str:
    """The bytes of an array; give numbers a little-endian type, such as "<f4"."""
    return b64encode(np.ascontiguousarray(array).tobytes()).decode()


def jpeg(image: np.ndarray, quality: int = JPEG_QUALITY) -> dict:
    """An image (H, W, 3) uint8 as {source: a data URL, height, width}."""
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    source = "data:image/jpeg;base64," + b64encode(file.getvalue()).decode()
    return {"source": source, "height": image.shape[0], "width": image.shape[1]}
