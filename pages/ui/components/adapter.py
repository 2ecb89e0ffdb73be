"""Views of the library as components of the page: Streamlit hands data on and hears what a view asks."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from snnpar.views.linking import linked, markup, style

SCRIPT = (Path(__file__).parent / "adapter.js").read_text("utf-8")
TOKENS = {  # what views call a colour, and what Streamlit's theme calls it
    "ink": "text-color",
    "paper": "background-color",
    "panel": "secondary-background-color",
    "edge": "border-color",
    "accent": "primary-color",
    "radius": "base-radius",
    "font": "font",
    "code-font": "code-font",
}
HEADER = "3.75rem"  # what Streamlit's own header covers
THEME = f":host {{ --top: {HEADER}; " + " ".join(f"--{own}: var(--st-{its});" for own, its in TOKENS.items()) + " }"


def component(view: str) -> ComponentRenderer:
    """A view by its name; what it asks arrives as `on_NAME_change`."""
    return st.components.v2.component(
        f"snnpar_{view}", html=markup(view), css=f"{THEME}\n{style(view)}", js=f"{linked(view)}\n{SCRIPT}"
    )
