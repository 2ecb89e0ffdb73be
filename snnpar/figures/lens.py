"""The distillation lens: how far student and teacher are apart on pinned images, over epochs and at one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from snnpar.figures.looks import LOOKS, bare, verbatim
from snnpar.figures.overlay import palette, span

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from snnpar.images.geometry import Geometry

COLOUR, PALE = "#9b5de5", "rgba(138,148,163,0.45)"


def lens_trend(epochs: Sequence[int], gap: np.ndarray, correlation: np.ndarray, at: int) -> go.Figure:
    """Mean absolute logit gap and map correlation over E epochs, both (E, B): each image pale, their mean on top.

    A dashed line marks epoch `at`. What is NaN is a gap.
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(
        1,
        2,
        subplot_titles=("Logit gap, mean of |student − teacher|", "Correlation of the maps"),
        horizontal_spacing=0.1,
    )
    for column, values in enumerate((gap, correlation), 1):
        where: dict[str, Any] = {"row": 1, "col": column}
        for number, image in enumerate(values.T, 1):
            figure.add_scatter(
                x=list(epochs),
                y=image,
                mode="lines",
                line={"color": PALE, "width": 1},
                name=f"image {number}",
                hoverinfo="skip",
                **where,
            )
        known = np.isfinite(values)
        mean = np.where(known, values, 0).sum(1) / np.where(known.any(1), known.sum(1), np.nan)
        figure.add_scatter(
            x=list(epochs),
            y=mean,
            mode="lines+markers",
            name="mean",
            line={"color": COLOUR, "width": 2},
            marker={"size": 6},
            hovertemplate="epoch %{x}: %{y:.2f}<extra></extra>",
            **where,
        )
        figure.add_vline(at, line={"dash": "dash", "width": 1, "color": "#8a94a3"}, **where)
    figure.update_xaxes(title="epoch")
    figure.update_yaxes(rangemode="tozero", row=1, col=1)
    return (
        bare(figure, 220, showlegend=False, uirevision="kept")
        .update_layout(margin={"t": 28})
        .update_annotations(font_size=13)
    )


def lens_logits(labels: Sequence[str], teacher: np.ndarray, student: np.ndarray, truth: np.ndarray) -> go.Figure:
    """Logits of one image, (A,) each, attribute by attribute: a bar from the teacher's to the student's.

    The widest gap comes first; a ✓ stands behind attributes whose `truth` is 1.
    """
    import plotly.graph_objects as go

    order = np.abs(student - teacher).argsort()  # the lowest row of a plot is its first
    names = [verbatim(labels[int(i)]) + (" ✓" if truth[i] == 1 else "") for i in order]
    figure = go.Figure()
    apart = [value for i in order for value in (teacher[i], student[i], None)]
    figure.add_scatter(
        x=apart,
        y=[name for name in names for _ in range(3)],
        mode="lines",
        hoverinfo="skip",
        line={"color": PALE, "width": 3},
        showlegend=False,
    )
    for role, values in (("teacher", teacher), ("student", student)):
        look = LOOKS[role]
        figure.add_scatter(
            x=values[order],
            y=names,
            mode="markers",
            name=look.name,
            marker={"color": look.colour, "symbol": look.symbol, "size": 9},
            hovertemplate="%{y}: %{x:.2f}<extra>" + look.name + "</extra>",
        )
    figure.add_vline(0, line={"dash": "dot", "width": 1, "color": "#8a94a3"})
    figure.update_xaxes(title="logit; above 0 is more likely than not")
    figure.update_yaxes(dtick=1)
    return bare(figure, 70 + 20 * len(names), legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0})


def tinted(image: np.ndarray, values: np.ndarray, *, geometry: Geometry, signed: bool) -> np.ndarray:
    """An image uint8 (H, W, 3) in grey under a map (rows, columns) on its own scale, one cell a token: uint8 (H, W, 3).

    Colours and cells as in `overlay`. A map with NaN leaves the image as is.
    """
    grey = np.asarray(image, float).mean(2, keepdims=True).repeat(3, 2)
    if not np.isfinite(values).all():
        return grey.astype(np.uint8)
    low, high = span(float(np.abs(values).max()), signed=signed)
    steps = np.clip((values - low) / (high - low) * 255, 0, 255).round().astype(int)
    colours = geometry.spread(palette(signed=signed)[steps], *image.shape[:2]).astype(float)
    share = colours[..., 3:] / 255
    return (grey * (1 - share) + colours[..., :3] * share).round().astype(np.uint8)
