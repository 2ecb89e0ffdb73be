"""An image with a box that is drawn, moved and resized by pointer, touch or keyboard. Python hears of the end alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple

import numpy as np
import streamlit as st
from PIL import Image

from pages.ui import state
from pages.ui.components import adapter
from snnpar.images.boxes import PersonBox
from snnpar.images.pixels import MIN_SIDE
from snnpar.views import encode

SHOWN = 900  # pixels of the long side on screen; the box counts in the image's own

_mount = adapter.component("cropper")


def show(
    id: str, image: np.ndarray, box: PersonBox, close: Callable[[list[int] | str], None], *, can_cancel: bool
) -> None:
    """Mount an image (H, W, 3) uint8, called `id`, with a box on it.

    `close` gets [x, y, width, height] in its pixels, "whole" for the whole image, or "cancel" if one can.
    """
    height, width = image.shape[:2]
    small = Image.fromarray(image)
    small.thumbnail((SHOWN, SHOWN))
    _mount(
        key=state.CROPPER,
        data={
            "id": id,
            "image": encode.jpeg(np.asarray(small)) | {"height": height, "width": width},
            "box": astuple(box),
            "least": MIN_SIDE,
            "cancel": can_cancel,
        },
        on_closed_change=lambda: close(st.session_state[state.CROPPER]["closed"]),
    )
