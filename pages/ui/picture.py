"""The picture to look at: a bundled sample, an upload, or the camera."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.ui.computing import computed
from snnpar.defaults import SAMPLE
from snnpar.images import ImageError, open_rgb

SHOWN_HEIGHT = 384  # pixels on screen; the models get the original


@dataclass(frozen=True, eq=False)
class Picture:
    """image (H, W, 3) uint8; truth: names of the attributes that apply, or None when nobody said."""

    title: str
    image: np.ndarray
    truth: frozenset[str] | None = None

    @cached_property
    def digest(self) -> str:
        """The same for the same pixels."""
        return hashlib.sha256(repr(self.image.shape).encode() + self.image.tobytes()).hexdigest()[:24]

    @cached_property
    def small(self) -> np.ndarray:
        """The image at most 384 pixels tall, for the screen."""
        height, width = self.image.shape[:2]
        if height <= SHOWN_HEIGHT:
            return self.image
        size = (max(1, round(width * SHOWN_HEIGHT / height)), SHOWN_HEIGHT)
        return np.asarray(Image.fromarray(self.image).resize(size, Image.Resampling.LANCZOS))


@st.cache_resource(show_spinner=False)
def samples() -> dict:
    """Bundled samples by number, "1" first."""
    from snnpar.datasets.gallery import samples as bundled

    return {str(number): sample for number, sample in enumerate(bundled(), 1)}


def picker() -> None:
    """Widgets of the bar: sample with < and >, and a menu for one's own picture."""
    options = list(samples())
    if st.session_state.get("sample") not in options and "sample" in st.session_state:
        del st.session_state["sample"]
    st.selectbox(
        "Picture",
        options,
        [sample.name for sample in samples().values()].index(SAMPLE),
        key="sample",
        bind="query-params",
        width=220,
        format_func=_title,
        on_change=_show,
        args=("sample",),
    )
    with st.container(horizontal=True, gap="xsmall", width="content"):
        st.button("", icon=":material/chevron_left:", help="Previous sample", on_click=_step, args=(-1,), key="back")
        st.button("", icon=":material/chevron_right:", help="Next sample", on_click=_step, args=(1,), key="next")
        own = _own()
        look = {"type": "primary" if own else "secondary", "help": "Upload a picture or use the camera"}
        with st.popover("Your own", icon=":material/add_a_photo:", **look):
            st.file_uploader(
                "A photo of one standing person, cropped to that person",
                type=["jpg", "jpeg", "png", "webp"],
                key="upload",
                on_change=_show,
                args=("upload",),
                help="It stays in this computer's memory and is never part of the link.",
            )
            if st.toggle("Use the camera", key="use_camera"):
                st.camera_input("Camera", key="camera", label_visibility="collapsed", on_change=_show, args=("camera",))

            if own:
                st.button("Back to the sample", icon=":material/undo:", on_click=_show, args=("sample",))


def lend(shown: Picture) -> None:
    """Put a picture of another page on, such as one of a data set."""
    st.session_state["lent"] = shown
    _show("lent")


def _own() -> UploadedFile | Picture | None:
    """What is on instead of a sample: a file, or the picture that another page lent."""
    source = st.session_state.get("source", "sample")
    return st.session_state.get(source) if source != "sample" else None


def is_sample() -> bool:
    """Is a bundled sample on, which a link can name?"""
    return _own() is None


def sample_label() -> str:
    """The sample of the bar as its widget and the link call it."""
    return _title(st.session_state["sample"])


def _title(number: str) -> str:
    sample = samples().get(number)
    return f"{number}. {sample.title}" if sample else number


def _show(source: str) -> None:
    st.session_state["source"] = source


def _step(by: int) -> None:
    options = list(samples())
    here = options.index(st.session_state["sample"])
    st.session_state["sample"] = options[(here + by) % len(options)]
    _show("sample")


def chosen() -> Picture:
    """The picture that is on; a picture that cannot be used is told, and the sample stays."""
    file = _own()
    if isinstance(file, Picture):
        return file
    if file:
        try:
            return _decoded(file.name, file.getvalue())
        except ImageError as error:
            st.error(f"{error} The sample stays.", icon=":material/broken_image:")
    return _sample(st.session_state["sample"])


@computed(max_entries=4, scope="session")
def _decoded(name: str, data: bytes) -> Picture:
    file = BytesIO(data)
    file.name = name  # so that a message names the file
    return Picture(name, open_rgb(file))


@st.cache_resource(show_spinner=False)
def _sample(number: str) -> Picture:
    sample = samples()[number]
    return Picture(sample.title, open_rgb(sample.path), frozenset(sample.labels))
