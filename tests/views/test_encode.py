"""Images and arrays as text read back as what they were."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO

import numpy as np
from PIL import Image

from snnpar.views import encode


def test_an_array_is_its_bytes_in_reading_order() -> None:
    array = np.arange(6, dtype="<f4").reshape(2, 3)
    assert np.array_equal(np.frombuffer(b64decode(encode.base64(array.T)), "<f4"), [0, 3, 1, 4, 2, 5])


def test_an_image_keeps_its_size_and_nearly_its_colours() -> None:
    image = np.full((40, 24, 3), (90, 120, 60), np.uint8)
    made = encode.jpeg(image)
    assert (made["height"], made["width"]) == (40, 24)
    kind, data = made["source"].split(",")
    assert kind == "data:image/jpeg;base64"
    shown = np.asarray(Image.open(BytesIO(b64decode(data)))).astype(int)
    assert shown.shape == image.shape and np.abs(shown - image).max() <= 3
