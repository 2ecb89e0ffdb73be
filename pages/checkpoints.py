"""Checkpoints: what is on this computer, where it came from, and what the Hugging Face Hub has."""

import streamlit as st

from pages.ui import chrome
from pages.ui.checkpoints import detail, hub_view, table

chrome.selection()
st.header("Checkpoints", anchor=False)
st.caption(
    "A checkpoint is a folder with weights and the config they were trained with: shipped with the program, written by "
    "a run, or pulled from the Hugging Face Hub."
)
there = table.listed()
picked = table.show(there)
if picked:
    detail.show(picked, there)
hub_view.show(there)
