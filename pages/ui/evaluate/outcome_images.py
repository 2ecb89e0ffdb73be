"""Images of an evaluation as cards: thumbnail, file, what was said, a star, and the way to Compare.

Only the images of the page shown are read and decoded, each once.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import streamlit as st
from PIL import Image, ImageOps

from pages.ui import chrome
from pages.ui.chrome import sentence
from pages.ui.evaluate import basket
from pages.ui.evaluate.evaluated import EvaluationGroup
from pages.ui.image import own_image
from pages.ui.server import access
from pages.ui.widgets.literal import literal
from snnpar.core.errors import SnnparError
from snnpar.datasets import PedestrianSplit, subset

PER_PAGE = 8  # two rows of four, as tall as the table beside them
SIZE = (110, 200)  # pixels, width and height
CARD = 150
THUMBNAILS_KEPT = 2048


def show(shown: EvaluationGroup, indices: np.ndarray, key: str, said: Callable[[int], str] = lambda index: "") -> None:
    """A page of cards of the images `indices`; `said(index)` is the text below the file name."""
    if access.told("paths"):
        return
    try:
        split = _split(shown.key, shown)
    except (SnnparError, OSError) as error:
        st.error(f"The images cannot be shown: {sentence(error)}", icon=":material/broken_image:")
        return
    pages = max(1, -(-len(indices) // PER_PAGE))
    page = st.pagination(pages, key=f"{key}_page") if pages > 1 else 1
    with st.container(horizontal=True, gap="small", key=f"{key}_cards"):
        for index in indices[(page - 1) * PER_PAGE : page * PER_PAGE]:
            with st.container(width=CARD, border=True, gap="xxsmall", key=f"{key}_{index}"):
                _card(shown, split, int(index), f"{key}_{index}", said(int(index)))


def _card(shown: EvaluationGroup, split: PedestrianSplit, index: int, key: str, said: str) -> None:
    file = shown.files[index]
    name = literal(file)
    try:
        st.image(_thumbnail(shown.key, index, split), alt=f"Image {file}")
    except (SnnparError, OSError) as error:
        st.caption(f"cannot be read: {sentence(error)}")
    st.caption(f"{name}  \n{said}")
    with st.container(horizontal=True, gap="xxsmall", key=f"icons_{key}"):
        is_starred = file in basket.starred(shown.data_hash)
        st.button(
            f"Star {name}",
            icon=":material/star:",
            type="primary" if is_starred else "secondary",
            key=f"{key}_star",
            help="Take it out of the basket" if is_starred else "Put it into the basket, at the end of the page",
            on_click=basket.toggle,
            args=(shown.data_hash, file),
        )
        if st.button(
            f"Compare {name}", icon=":material/compare:", key=f"{key}_compare", help="Open it on the Compare page"
        ):
            _to_compare(shown, split, index)


def _to_compare(shown: EvaluationGroup, split: PedestrianSplit, index: int) -> None:
    try:
        own_image.lend(split, index, shown.data_hash, shown.first.data["title"])
    except (SnnparError, OSError) as error:
        st.error(sentence(error), icon=":material/broken_image:")
        return
    chrome.to_compare()


@st.cache_resource(max_entries=8, show_spinner="Opening the dataset…")
def _split(key: str, _shown: EvaluationGroup) -> PedestrianSplit:
    split = subset(_shown.first.evaluation.split(), _shown.kept)
    if split.files != _shown.files:
        raise SnnparError("the dataset holds other images than when it was evaluated; evaluate again")
    return split


@st.cache_data(max_entries=THUMBNAILS_KEPT, show_spinner=False)
def _thumbnail(key: str, index: int, _split: PedestrianSplit) -> bytes:
    # Clear bars beside narrow images, so that all cards are equally tall.
    small = ImageOps.pad(Image.fromarray(_split.read(index)).convert("RGBA"), SIZE, color=(0, 0, 0, 0))
    file = BytesIO()
    small.save(file, "PNG")
    return file.getvalue()
