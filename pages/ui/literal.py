"""Text that anybody may have written, for places where Streamlit reads Markdown."""

from __future__ import annotations

import re


def literal(text: str) -> str:
    """The text as Markdown that shows it letter by letter: no emphasis, link, picture, formula or icon."""
    return re.sub(r"([\\`*_\[\]<>$:~#|!])", r"\\\1", text)
