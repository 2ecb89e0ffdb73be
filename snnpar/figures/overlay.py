"""Heatmaps over the image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from snnpar.figures.looks import bare

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from snnpar.images.geometry import Geometry

# Over a grey image: clear where a map is low, so that the person stays visible.
SEQUENTIAL = [
    [0, "rgba(255,237,160,0)"],
    [0.35, "rgba(254,190,90,0.45)"],
    [0.7, "rgba(240,90,40,0.7)"],
    [1, "rgba(177,0,38,0.85)"],
]
DIVERGING = [[0, "rgba(33,80,180,0.85)"], [0.5, "rgba(255,255,255,0)"], [1, "rgba(177,0,38,0.85)"]]
BAR_HEIGHT = 56  # pixels for a colour bar with ticks and unit


def overlay(
    image: np.ndarray, values: np.ndarray, unit: str, *, geometry: Geometry, signed: bool, bound: float, width: int
) -> go.Figure:
    """A heatmap (rows, columns) over an image (H, W, 3) uint8 in grey, a cell where each token lies, not smoothed.

    The colours run from a clear 0 to `bound`, and to -`bound` if values are `signed`. The figure is `width` pixels wide
    and as tall as the image needs, plus the colour bar.
    """
    import plotly.graph_objects as go
    from PIL import Image

    tall = round(width * min(3.0, image.shape[0] / image.shape[1]))
    low, high = span(bound, signed=signed)
    figure = go.Figure()
    figure.add_layout_image(
        {"source": Image.fromarray(image).convert("L"), "x": 0, "y": 0, "sizex": 1, "sizey": 1},
        xref="x",
        yref="y",
        sizing="stretch",
        layer="below",
    )
    figure.add_heatmap(
        z=values,
        x=geometry.columns.edges,
        y=geometry.rows.edges,
        colorscale=DIVERGING if signed else SEQUENTIAL,
        zmin=low,
        zmax=high,
        hovertemplate="%{z:.3g} " + unit + "<extra></extra>",
        colorbar=_colour_bar(unit, low, high),
    )
    figure.update_xaxes(range=[0, 1], visible=False)
    figure.update_yaxes(range=[1, 0], visible=False)
    return bare(figure, tall + BAR_HEIGHT, width=width).update_layout(margin={"l": 0, "r": 0, "t": 0, "b": BAR_HEIGHT})


def span(bound: float, *, signed: bool) -> tuple[float, float]:
    """The range of a colour scale: symmetric about 0 for signed values, else from 0; never empty."""
    bound = max(bound, 1e-9)
    return (-bound if signed else 0.0, bound)


def palette(*, signed: bool) -> np.ndarray:
    """(256, 4) uint8 RGBA: the colours of `overlay` from the lowest value to the highest, for a canvas."""
    stops = DIVERGING if signed else SEQUENTIAL
    colours = np.array([[float(part) for part in re.findall(r"[\d.]+", colour)] for _, colour in stops])
    colours[:, 3] *= 255
    places = np.linspace(0, 1, 256)
    channels = [np.interp(places, [place for place, _ in stops], channel) for channel in colours.T]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def _colour_bar(unit: str, low: float, high: float) -> dict:
    """A thin bar below the map with three ticks."""
    ticks = {"tickvals": [low, (low + high) / 2, high], "tickformat": ".3~g", "ticklabeloverflow": "allow"}
    place = {"orientation": "h", "thickness": 8, "len": 0.76, "y": 0, "yanchor": "top", "ypad": 6, "outlinewidth": 0}
    return {**place, **ticks, "title": {"text": unit, "side": "bottom"}}
