"""Bars of a logit by read-out channel, and how a probability falls and rises while an image is hidden by a map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from snnpar.figures.looks import LOOKS, bare, legend_above

if TYPE_CHECKING:
    import plotly.graph_objects as go

GREY = "#8a94a3"
METHOD_COLOURS = ("#0f9d78", "#9b5de5", "#d6336c", "#b8860b", "#17a2b8", "#7a5230", "#8a94a3")  # none is a model's


def channel_bars(spikes: np.ndarray, constants: np.ndarray, top: int = 8) -> go.Figure:
    """What read-out channels (D,) add to a logit, in logits: the `top` strongest for and against, then all others.

    A bar is split into what spikes caused and what is added whatever fires. All bars together are the whole sum.
    """
    import plotly.graph_objects as go

    if spikes.shape != constants.shape or spikes.ndim != 1:
        raise ValueError(f"expected spikes and constants of one shape (D,); got {spikes.shape} and {constants.shape}")
    order = np.argsort(-(spikes + constants), kind="stable")
    few = len(order) <= 2 * top
    ends, rest = (order, order[:0]) if few else (np.r_[order[:top], order[-top:]], order[top:-top])
    labels = [f"channel {i}" for i in ends] + ([f"{len(rest)} others"] if len(rest) else [])
    figure = go.Figure()
    student = LOOKS["student"].colour
    for name, part, colour in (("from spikes", spikes, student), ("constant", constants, GREY)):
        values = [*part[ends], part[rest].sum()] if len(rest) else part[ends]
        figure.add_bar(
            y=labels,
            x=values,
            name=name,
            orientation="h",
            marker={"color": colour},
            hovertemplate="%{y}: %{x:+.4f} logit " + name + "<extra></extra>",
        )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(title="logit", zeroline=True, zerolinecolor=GREY)
    return bare(figure, 70 + 20 * len(labels), barmode="relative", legend=legend_above()).update_layout(bargap=0.25)


def hiding_curves(curves: Mapping[str, Mapping[str, np.ndarray]]) -> go.Figure:
    """Probability (points,) of an attribute while cells are hidden ("deletion") and uncovered ("insertion").

    `curves`: {map: {"deletion": ..., "insertion": ...}}; a line per map and the same colour on both sides.
    """
    from plotly.subplots import make_subplots

    sides = ("deletion", "insertion")
    figure = make_subplots(1, 2, shared_yaxes=True, subplot_titles=sides, horizontal_spacing=0.08)
    for place, (label, sets) in enumerate(curves.items()):
        colour = METHOD_COLOURS[place % len(METHOD_COLOURS)]
        for column, side in enumerate(sides, 1):
            steps = np.linspace(0, 1, len(sets[side]))
            figure.add_scatter(
                x=steps,
                y=sets[side],
                name=label,
                legendgroup=label,
                showlegend=column == 1,
                mode="lines",
                line={"color": colour, "width": 2},
                row=1,
                col=column,
            )
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%")
    for column, done in enumerate(("hidden", "uncovered"), 1):
        figure.update_xaxes(range=[0, 1], tickformat=".0%", dtick=0.5, title=done, row=1, col=column)
    legend = {"orientation": "h", "y": -0.35, "yanchor": "top", "x": 0}
    return bare(figure, 340, legend=legend).update_layout(margin={"t": 32})
