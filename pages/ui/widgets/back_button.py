"""One step back in the browser is one step of the visitor."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_mount = st.components.v2.component("snnpar_back_button", js=Path(__file__).with_suffix(".js").read_text("utf-8"))


def fix() -> None:
    """Once on every page; nothing is seen of it."""
    with st.container(key="back_button"):
        _mount(key="history")
