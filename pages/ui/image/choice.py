"""The image to look at: a bundled sample, or an image of one's own. The bar and the link name what is on."""

from __future__ import annotations

import re

import streamlit as st

from pages.ui import moment, state
from pages.ui.image import cropping, own_image
from snnpar.images.pixels import open_rgb
from snnpar.metrics.defaults import SAMPLE
from snnpar.views.image import InputImage

OWN = "own"  # among the options, which are numbers of samples


@st.cache_resource(show_spinner=False)
def samples() -> dict:
    """Bundled samples by number, "1" first."""
    from snnpar.datasets.gallery import samples as bundled

    return {str(number): sample for number, sample in enumerate(bundled(), 1)}


def picker() -> None:
    """Widgets of the bar: what is on, samples with < and >, and a menu for one's own image."""
    own_image.refuse_what_cannot_be_read()
    own, label, number = own_image.wanted(), own_image.label(), _number()
    st.session_state[state.SAMPLE] = OWN if own else number
    st.selectbox(
        "Image",
        [*samples(), *([OWN] if label else [])],
        key=state.SAMPLE,
        width=190,
        format_func=lambda option: label if option == OWN else _title(option),
        on_change=_choose,
    )
    with st.container(horizontal=True, gap="xsmall", width="content", key="icons_step"):
        for name, word, by in (("back", "Previous", -1), ("next", "Next", 1)):
            icon = f":material/chevron_{'left' if by < 0 else 'right'}:"
            st.button(f"{word} sample", icon=icon, help=f"{word} sample", on_click=_step, args=(by,), key=name)
        look = {"type": "primary" if own else "secondary", "help": "Upload an image or use the camera"}
        with st.popover("Your own", icon=":material/add_a_photo:", **look):
            st.file_uploader(
                "A photo of a standing person; of a whole scene, you draw a box round one",
                type=own_image.ACCEPTED,
                key="upload",
                on_change=own_image.receive,
                args=("upload",),
                help="JPEG, PNG, WebP, AVIF or HEIC. It stays in memory and is never part of the link.",
            )
            if st.toggle("Use the camera", key="use_camera"):
                st.camera_input(
                    "Camera", key="camera", label_visibility="collapsed", on_change=own_image.receive, args=("camera",)
                )
            if own:
                st.button("Back to the sample", icon=":material/undo:", on_click=own_image.take_off)


def is_sample() -> bool:
    """Is a bundled sample on?"""
    return not own_image.wanted()


def sample_label() -> str:
    """The sample of the bar as its widget and the link call it."""
    return _title(_number())


def _number() -> str:
    """The sample that is on, or that is gone back to. A link holds the words shown, which begin with the number."""
    found = re.match(r"[0-9]{1,4}", moment.recall("sample", linked=is_sample()))
    return found[0] if found and found[0] in samples() else _first()


def _first() -> str:
    """The sample that is on when nothing else was chosen."""
    return next(number for number, sample in samples().items() if sample.name == SAMPLE)


def _title(number: str) -> str:
    return f"{number}. {samples()[number].title}"


def _choose() -> None:
    picked = st.session_state[state.SAMPLE]
    if picked == OWN:
        own_image.put_on_again()
    elif picked in samples():  # the browser may name an image that was taken off meanwhile
        _show(picked)


def _show(number: str) -> None:
    own_image.take_off()
    moment.keep("sample", "" if number == _first() else _title(number))


def _step(by: int) -> None:
    options = list(samples())
    _show(options[(options.index(_number()) + by) % len(options)])


def chosen() -> InputImage:
    """The image that is on, cut to its box if it has one; a file that could not be read is told."""
    own_image.tell_refused()
    own = own_image.on()
    return cropping.cut(own) if own else _sample(_number())


@st.cache_resource(show_spinner=False)
def _sample(number: str) -> InputImage:
    sample = samples()[number]
    return InputImage.of(sample.title, open_rgb(sample.path), frozenset(sample.labels))
