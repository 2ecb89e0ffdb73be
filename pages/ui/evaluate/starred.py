"""The basket on screen: its images, undo, and the slice it becomes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from pages.ui import state
from pages.ui.chrome import Selection, sentence
from pages.ui.evaluate import basket, evaluating, outcome_images
from pages.ui.evaluate.evaluated import EvaluationGroup
from pages.ui.server import access
from pages.ui.widgets.literal import literal
from snnpar.core.errors import SnnparError
from snnpar.evaluation.slices import choose_slice, list_slices, save_slice


def show(shown: EvaluationGroup, selection: Selection) -> None:
    """Starred images of this dataset; name them, save them as a slice, evaluate on it."""
    files = basket.starred(shown.data_hash)
    st.subheader(f"Basket: {len(files)} starred", anchor=False)
    st.caption(
        "Star images above to collect them here. Saved under a name they are a slice: a small test of your own on "
        "which any checkpoint can be evaluated. The basket lasts as long as this browser tab; a slice is kept on disk."
    )
    with st.container(horizontal=True):
        st.button(
            "Undo",
            icon=":material/undo:",
            key="basket_undo",
            on_click=basket.undo,
            args=(shown.data_hash,),
            disabled=not basket.can_undo(shown.data_hash),
            help="Take the last star or removal back.",
        )
        st.button(
            "Empty",
            icon=":material/delete:",
            key="basket_empty",
            on_click=basket.empty,
            args=(shown.data_hash,),
            disabled=not files,
            help="Take all stars away; Undo brings them back.",
        )
    if files:
        place = {file: i for i, file in enumerate(shown.files)}
        outcome_images.show(shown, np.array([place[file] for file in files]), "basket")
        _save(shown, files)
    _evaluate(shown, selection)


def _save(shown: EvaluationGroup, files: tuple[str, ...]) -> None:
    if access.told("keep"):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "Name of the slice",
            key="slice_name",
            placeholder="missed-hats",
            width=260,
            help="Letters, digits, - and _. A slice of that name is replaced.",
        )
        if st.button("Save as slice", icon=":material/save:", key="save_slice", disabled=not name):
            try:
                save_slice(name, shown.first.evaluation.choice, files)
            except (SnnparError, OSError) as error:
                st.error(sentence(error), icon=":material/error:")
            else:
                st.toast(f"Saved as {literal(name)}: {len(files)} of {shown.n:,} images.")
                st.session_state[state.SAVED_SLICE] = name


def _evaluate(shown: EvaluationGroup, selection: Selection) -> None:
    """The slice saved last, if it is one of these images."""
    name = st.session_state.get(state.SAVED_SLICE)
    own = replace(shown.first.evaluation.choice, slice="")
    if name not in [one.name for one in list_slices() if one.choice == own]:
        return
    evaluating.offer(f"Evaluate the bar's pair on {name}", evaluating.folders(selection), choose_slice(name))
