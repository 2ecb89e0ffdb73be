"""The "?" of a view: what is seen and how to read it."""

from __future__ import annotations

import streamlit as st


def heading(title: str, sentence: str, formula: str) -> None:
    """A subheading with a "?" that opens one sentence and one formula (LaTeX)."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(title, anchor=False, width="content")
        with st.popover("?", help="What this shows and how to read it", width="content"):
            st.write(sentence)
            st.latex(formula)
