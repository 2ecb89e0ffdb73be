"""One person of a larger image: a warning where it seems to show more, and the box that the models read instead.

In the link: crop=x.y.width.height in pixels of the image that `image` names, or crop=whole once that was chosen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from pages.ui import moment, state
from pages.ui.components import cropper
from pages.ui.image import own_image
from pages.ui.image.own_image import OwnImage
from pages.ui.widgets.literal import literal
from snnpar.core.errors import SnnparError
from snnpar.images.boxes import PersonBox, doubt, standing
from snnpar.views.image import InputImage

WHOLE = "whole"


def cut(own: OwnImage) -> InputImage:
    """What the models read of an image: its box, or all of it."""
    whole = own.image()
    box = _box(whole.image)
    if box is None:
        return whole
    return replace(
        whole,
        title=f"{whole.title} (box {box.width} × {box.height})",
        digest=f"{whole.digest}:{box}",
        pixels=lambda: box.crop(whole.image),
    )


def show() -> None:
    """Below the bar: the tool, open where an image is hardly of one person and nothing was chosen; else its button."""
    own = own_image.on()
    if own is None:
        return
    image = own.image().image
    height, width = image.shape[:2]
    box, why = _box(image), doubt(height, width)
    if st.session_state.get(state.CROPPING) == own.id or (why and not moment.recall("crop")):
        _tool(own, image, box, why)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="crop_row"):
        st.button(
            "Change the box" if box else "Draw a box round one person",
            icon=":material/crop:",
            key="crop_open",
            on_click=_open,
            args=(own.id,),
        )
        st.caption(_reading(literal(own.name), (height, width), box, why))


def _reading(name: str, size: tuple[int, int], box: PersonBox | None, why: str) -> str:
    """What the models read."""
    height, width = size
    if box is None:
        doubted = f" It is {why}: the answers may be about nobody in particular." if why else ""
        return f"Both models read all of {name}, as if it showed one person.{doubted}"
    wide = doubt(box.height, box.width, tallest=box.height)
    return f"Both models read a box of {box.width} × {box.height} pixels of {name} ({width} × {height})." + (
        f" The box is {wide}." if wide else ""
    )


def _tool(own: OwnImage, image: np.ndarray, box: PersonBox | None, why: str) -> None:
    with st.container(border=True, key="crop_tool"):
        if why:
            st.warning(
                f"This image is {why}. The models read one person at a time: **draw the box round one person**. "
                + ("" if box else "Until then they read the whole image as if it were one."),
                icon=":material/crop:",
            )
        else:
            st.markdown("Draw the box round one person; both models then read only what is inside.")
        cropper.show(
            own.id, image, box or standing(*image.shape[:2]), _apply, can_cancel=not why or moment.recall("crop") != ""
        )


def _open(id: str) -> None:
    st.session_state[state.CROPPING] = id


def _apply(said: list[int] | str) -> None:
    """What the tool was closed with: x, y, width and height, WHOLE, or another word for no change."""
    st.session_state.pop(state.CROPPING, None)
    own = own_image.on()
    if own is None:
        return
    if said != WHOLE:
        try:
            box = PersonBox(*said)
            box.crop(own.image().image)
        except (SnnparError, TypeError):
            return
        said = str(box)
    moment.keep("crop", said)


def _box(image: np.ndarray) -> PersonBox | None:
    """The box of the image that is on; one of a link that does not fit it is forgotten, and told."""
    text = moment.recall("crop")
    if text in ("", WHOLE):
        return None
    try:
        box = PersonBox.parse(text)
        box.crop(image)
    except SnnparError:
        moment.keep("crop", "")
        st.warning("The link's box does not fit this image and is left out.", icon=":material/warning:")
        return None
    return box
