"""Spikes: rates, rasters, and where in the picture they fall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snnpar.figures.looks import LOOKS, bare

if TYPE_CHECKING:
    import plotly.graph_objects as go

FIRING = [[0, "#17151c"], [0.4, "#7d3208"], [0.75, "#e8710a"], [1, "#ffe6c7"]]  # dark is silent
RASTER_ROWS = 128
RASTER_NEURONS = 6144
CELL = 3  # screen pixels per neuron and timestep


def firing_rates(names: Sequence[str], rates: np.ndarray, selected: str = "") -> go.Figure:
    """Heat table of firing rates (layers, T): spikes per neuron in each timestep, layers in execution order."""
    import plotly.graph_objects as go

    labels = [f"<b>▸ {name}</b>" if name == selected else name for name in names]
    timesteps = rates.shape[1]
    top = max(float(rates.max()), 1e-9)
    figure = go.Figure(
        go.Heatmap(
            z=rates,
            x=[f"t = {t + 1}" for t in range(timesteps)],
            y=labels,
            zmin=0,
            zmax=top,
            xgap=2,
            ygap=2,
            colorscale=FIRING,
            text=[[f"{value:.3f}" for value in row] for row in rates],
            texttemplate="%{text}" if timesteps <= 8 else None,
            hovertemplate="%{y}, %{x}: %{z:.4f} spikes per neuron<extra></extra>",
            showscale=False,
        )
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(side="top", showgrid=False)
    return bare(figure, 60 + 22 * len(names))


@dataclass(frozen=True, eq=False)
class Raster:
    """A picture (H, W, 4) uint8 RGBA of neurons by timesteps, and how many of the layer's neurons it shows."""

    image: np.ndarray
    shown: int
    total: int


def spike_raster(spikes: np.ndarray, *, limit: int = RASTER_NEURONS) -> Raster:
    """Raster of (T, neurons) bool: blocks of 128 neurons (down) by T timesteps (across), block after block.

    More than `limit` neurons are sampled at even distances.
    """
    if spikes.ndim != 2:
        raise ValueError(f"spikes must have shape (T, neurons); got {spikes.shape}")
    timesteps, total = spikes.shape
    chosen = np.arange(total) if total <= limit else np.linspace(0, total - 1, limit).astype(int)
    blocks = -(-len(chosen) // RASTER_ROWS)
    cells = np.full((blocks * RASTER_ROWS, timesteps), -1, np.int8)
    cells[: len(chosen)] = spikes[:, chosen].T
    framed = np.full((blocks, RASTER_ROWS, timesteps + 1), -1, np.int8)  # one empty column between blocks
    framed[:, :, :timesteps] = cells.reshape(blocks, RASTER_ROWS, timesteps)
    grid = framed.transpose(1, 0, 2).reshape(RASTER_ROWS, -1)[:, :-1]
    return Raster(_paint(grid).repeat(CELL, 0).repeat(CELL, 1), len(chosen), total)


def _paint(cells: np.ndarray) -> np.ndarray:
    """-1 is clear, 0 calm ground, 1 a spike; RGBA, so that it reads on light and dark pages."""
    red, green, blue = (int(LOOKS["student"].colour[i : i + 2], 16) for i in (1, 3, 5))
    palette = np.array([[128, 136, 148, 40], [red, green, blue, 255], [0, 0, 0, 0]], np.uint8)
    return palette[cells]


def firing_maps(maps: np.ndarray, image: np.ndarray) -> go.Figure:
    """Where a layer fires: maps (T, rows, columns) of spikes per neuron, beside the image (H, W, 3) uint8."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    timesteps, rows, columns = maps.shape
    height, width = image.shape[:2]
    titles = ["picture", *(f"t = {t + 1}" for t in range(timesteps))]
    figure = make_subplots(1, timesteps + 1, subplot_titles=titles, horizontal_spacing=0.01)
    figure.add_trace(go.Image(z=image, hoverinfo="skip", x0=0.5, dx=1, y0=0.5, dy=1), 1, 1)
    for t in range(timesteps):
        figure.add_trace(
            go.Heatmap(
                z=maps[t],
                x0=width / columns / 2,
                dx=width / columns,
                y0=height / rows / 2,
                dy=height / rows,
                coloraxis="coloraxis",
                hovertemplate="%{z:.3f} spikes per neuron<extra></extra>",
            ),
            1,
            t + 2,
        )
    for i in range(timesteps + 1):
        suffix = "" if i == 0 else str(i + 1)
        figure.update_xaxes(range=[0, width], visible=False, constrain="domain", row=1, col=i + 1)
        figure.update_yaxes(
            range=[height, 0], visible=False, scaleanchor=f"x{suffix}", constrain="domain", row=1, col=i + 1
        )
    figure.update_annotations(font_size=13)
    axis = {
        "colorscale": FIRING,
        "cmin": 0,
        "cmax": max(float(maps.max()), 1e-3),
        "colorbar": _bar("spikes per neuron"),
    }
    return bare(figure, 350, coloraxis=axis).update_layout(margin={"t": 28, "b": 60})


def _bar(unit: str) -> dict:
    """A thin colour bar below the maps."""
    place = {"orientation": "h", "thickness": 8, "len": 0.5, "y": -0.02, "yanchor": "top", "outlinewidth": 0}
    return {**place, "title": {"text": unit, "side": "bottom"}}
