"""How models and figures look, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from snnpar.config import OPPONENT

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True)
class Look:
    """How a model appears wherever it is shown: name, colour, Plotly symbol, and the mark used in text."""

    name: str
    colour: str
    symbol: str
    mark: str


LOOKS = {
    "teacher": Look("Teacher", "#3577d4", "square", "■"),
    "student": Look("Student", "#e8710a", "circle", "●"),
    OPPONENT: Look("Opponent", "#a4469e", "diamond", "◆"),
}
CLEAR = "rgba(0,0,0,0)"


def verbatim(words: str) -> str:
    """Text that anybody may have written, so that Plotly, which reads tags and links, shows it letter by letter."""
    return escape(words, quote=False)


def bare(figure: go.Figure, height: int, **options: Any) -> go.Figure:
    """The figure without margins and ground, `height` pixels tall."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        **options,
    )
    return figure


def legend_above() -> dict:
    """A legend in one line over the plot."""
    return {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": None}
