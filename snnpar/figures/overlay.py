"""Heatmaps over the picture."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from snnpar.figures.looks import bare

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Over a grey picture: clear where a map is low, so that the person stays visible.
SEQUENTIAL = [
    [0, "rgba(255,237,160,0)"],
    [0.35, "rgba(254,190,90,0.45)"],
    [0.7, "rgba(240,90,40,0.7)"],
    [1, "rgba(177,0,38,0.85)"],
]
DIVERGING = [[0, "rgba(33,80,180,0.85)"], [0.5, "rgba(255,255,255,0)"], [1, "rgba(177,0,38,0.85)"]]
BAR_HEIGHT = 56  # pixels for a colour bar with ticks and unit


def overlay(image: np.ndarray, values: np.ndarray, unit: str, *, low: float, high: float, width: int) -> go.Figure:
    """A heatmap (rows, columns) over an image (H, W, 3) uint8 in grey, one cell per token, not smoothed.

    The colours run from `low` (clear) to `high`; a range with negative values is centred on a clear 0. The figure is
    `width` pixels wide and as tall as the image needs, plus the colour bar.
    """
    import plotly.graph_objects as go
    from PIL import Image

    rows, columns = values.shape
    tall = round(width * min(3.0, image.shape[0] / image.shape[1]))
    centred = low < 0
    low, high = span(low, high)
    figure = go.Figure()
    figure.add_layout_image(
        {"source": Image.fromarray(image).convert("L"), "x": 0, "y": 0, "sizex": columns, "sizey": rows},
        xref="x",
        yref="y",
        sizing="stretch",
        layer="below",
    )
    figure.add_heatmap(
        z=values,
        x0=0.5,
        y0=0.5,
        colorscale=DIVERGING if centred else SEQUENTIAL,
        zmin=low,
        zmax=high,
        hovertemplate="%{z:.3g} " + unit + "<extra></extra>",
        colorbar=_colour_bar(unit, low, high),
    )
    figure.update_xaxes(range=[0, columns], visible=False)
    figure.update_yaxes(range=[rows, 0], visible=False)
    return bare(figure, tall + BAR_HEIGHT, width=width).update_layout(margin={"l": 0, "r": 0, "t": 0, "b": BAR_HEIGHT})


def span(low: float, high: float) -> tuple[float, float]:
    """The range of a colour scale over values from low to high: symmetric about 0 if any is negative, never empty."""
    bound = max(abs(low), abs(high), 1e-9)
    return (-bound, bound) if low < 0 else (low, max(high, low + 1e-9))


def palette(*, centred: bool) -> np.ndarray:
    """(256, 4) uint8 RGBA: the colours of `overlay` from the lowest value to the highest, for a canvas."""
    stops = DIVERGING if centred else SEQUENTIAL
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
