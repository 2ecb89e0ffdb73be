"""Data for components of the page: images and arrays as text that a browser reads without another request."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.components.v2.types import ComponentRenderer

JPEG_QUALITY = 90
GEOMETRY = Path(__file__).parent / "geometry.js"


def component(folder: Path, *scripts: Path) -> ComponentRenderer:
    """Register the component whose markup, style and scripts lie in a folder; all scripts are joined to one module."""
    html, css, js = (
        "\n".join(path.read_text("utf-8") for path in [*first, *sorted(folder.glob(f"*.{kind}"))])
        for kind, first in (("html", ()), ("css", ()), ("js", scripts))
    )
    return st.components.v2.component(f"snnpar_{folder.name}", html=html, css=css, js=js)


def base64(array: np.ndarray) -> str:
    """The bytes of an array; give numbers a little-endian type, such as "<f4"."""
    return b64encode(np.ascontiguousarray(array).tobytes()).decode()


def jpeg(image: np.ndarray, quality: int = JPEG_QUALITY) -> dict:
    """An image (H, W, 3) uint8 as {source: a data URL, height, width}."""
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    source = "data:image/jpeg;base64," + b64encode(file.getvalue()).decode()
    return {"source": source, "height": image.shape[0], "width": image.shape[1]}
