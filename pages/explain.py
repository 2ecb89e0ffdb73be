"""Explain: why the models say so: the student's spike ledger, all heatmaps with a test of each, and occlusion."""

import streamlit as st

from pages.ui import chrome, looking, sharing
from pages.ui.explain import gallery, ledger_view, occlusion
from snnpar.config import PAIR
from snnpar.core.errors import SnnparError
from snnpar.inference import shared_attributes

VIEWS = {"Ledger": ledger_view, "Heatmaps": gallery, "Occlusion": occlusion}  # as in the link

selection = chrome.selection()
seen = looking.look(selection, PAIR)
if not seen:
    st.stop()
try:
    shared_attributes(*(one.model.schema for one in seen.values()))
except SnnparError as error:
    st.error(str(error), icon=":material/block:")
    st.stop()

sharing.heading("Explanations", selection, seen)
st.caption(
    "Why do they say so? Take an answer apart: term by term where that is exact, by maps that are put to the "
    "test, or by hiding."
)
view = st.segmented_control(
    "View", list(VIEWS), default="Ledger", key="view", bind="query-params", required=True, label_visibility="collapsed"
)
VIEWS[view].show(selection, seen)
