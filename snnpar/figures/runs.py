"""A training run as lines over steps or epochs, alone or over others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snnpar.figures.curves import METRIC_COLOURS, METRIC_NAMES
from snnpar.figures.looks import bare, legend_above, verbatim
from snnpar.runs.history import POINTS, downsample, smooth

if TYPE_CHECKING:
    import plotly.graph_objects as go

TERM_COLOURS = {
    "loss": "#8a94a3",
    "ce": "#0f9d78",
    "visual": "#b8860b",
    "feature": "#9b5de5",
    "logit": "#d6336c",
    "timestep": "#0e9fb5",
}
TERM_NAMES = {
    "loss": "sum",
    "ce": "labels (BCE)",
    "visual": "labels from visual tokens alone",
    "feature": "feature distillation",
    "logit": "logit distillation",
    "timestep": "logit distillation at each timestep",
}
FAINT = 0.3  # opacity of a line before smoothing
MARKS = 12  # of a line's points at most have a marker where markers tell runs apart; so do all of a short line


@dataclass(frozen=True)
class RunLook:
    """How one of several runs looks: colour and Plotly symbol; none is a model's."""

    colour: str
    symbol: str


RUN_LOOKS = tuple(
    RunLook(*look)
    for look in (
        ("#0f9d78", "pentagon"),
        ("#9b5de5", "triangle-up"),
        ("#d6336c", "x"),
        ("#b8860b", "star"),
        ("#0e9fb5", "cross"),
        ("#8a94a3", "hexagon"),
    )
)


@dataclass(frozen=True, eq=False)
class Line:
    """Numbers x and y to draw; `raw` is the line before smoothing, with its own x, as it was thinned out by itself."""

    x: np.ndarray
    y: np.ndarray
    raw: Line | None = None

    def __post_init__(self) -> None:
        if self.x.shape != self.y.shape or self.x.ndim != 1:
            raise ValueError(f"a line needs x and y of one length; got {self.x.shape} and {self.y.shape}")


def thin_line(x: np.ndarray, y: np.ndarray, weight: float = 0.0, points: int = POINTS) -> Line:
    """A line of at most `points` points, its spikes kept; smoothed if weight > 0, see `snnpar.runs.history.smooth`."""
    kept = downsample(y, points)
    raw = Line(x[kept], y[kept])
    if not weight:
        return raw
    smoothed = smooth(y, weight)
    kept = downsample(smoothed, points)
    return Line(x[kept], smoothed[kept], raw)


def loss_curves(terms: Mapping[str, Line], axis: str) -> go.Figure:
    """The loss terms of one run, by their names in metrics.jsonl, and their sum; `axis` names x."""
    import plotly.graph_objects as go

    figure = go.Figure()
    present = [name for name in TERM_NAMES if name in terms]
    for name in present:
        if name == "loss" and len(present) == 2:
            continue  # the sum of one term is that term
        look = {"color": TERM_COLOURS[name], "width": 2, "dash": "dot" if name == "loss" else "solid"}
        _draw(figure, terms[name], TERM_NAMES[name], look)
    return _finish(figure, axis, "loss", 280)


def metric_curves(metrics: Mapping[str, Line], axis: str) -> go.Figure:
    """The five metrics of one run in percent, from lines of fractions."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for (name, label), colour in zip(METRIC_NAMES.items(), METRIC_COLOURS, strict=True):
        line = metrics[name]
        _draw(figure, Line(line.x, 100 * line.y), label, {"color": colour, "width": 2})
    return _finish(figure, axis, "validation, %", 280)


def run_curves(
    lines: Mapping[str, Line],
    looks: Mapping[str, RunLook],
    axis: str,
    unit: str,
    *,
    height: int = 200,
    legend: bool = False,
    from_zero: bool = False,
) -> go.Figure:
    """One quantity of several runs: a line for each, by its name, in its look; the first lies on top."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for name, line in reversed(list(lines.items())):
        _draw(figure, line, name, {"color": looks[name].colour, "width": 2}, looks[name].symbol)
    figure.update_yaxes(rangemode="tozero" if from_zero else "normal")
    return _finish(figure, axis, unit, height).update_layout(showlegend=legend, legend_traceorder="reversed")


def cost_curve(line: Line, axis: str, unit: str) -> go.Figure:
    """One quantity of one run, from 0 up, so that noise does not look like news."""
    import plotly.graph_objects as go

    figure = go.Figure()
    _draw(figure, line, unit, {"color": "#4f80ad", "width": 2})
    return _finish(figure, axis, unit, 200).update_layout(showlegend=False).update_yaxes(rangemode="tozero")


def firing_curves(blocks: Mapping[str, Line]) -> go.Figure:
    """Firing rates in percent over epochs, from lines of fractions: the tokenizer and each block from pale to dark
    violet, the whole network ("all") dotted."""
    import plotly.graph_objects as go
    from plotly.colors import sample_colorscale

    figure = go.Figure()
    deep = [name for name in blocks if name != "all"]
    # Both ends are left out: they vanish on a light or a dark ground.
    colours = dict(zip(deep, sample_colorscale("Plasma", np.linspace(0.2, 0.85, len(deep)).tolist()), strict=True))
    for name, line in blocks.items():
        look = {"color": colours.get(name, "#8a94a3"), "width": 2, "dash": "dot" if name == "all" else "solid"}
        _draw(figure, Line(line.x, 100 * line.y), "whole network" if name == "all" else name, look)
    return _finish(figure, "epoch", "spikes per neuron and timestep, %", 280).update_yaxes(rangemode="tozero")


def _draw(figure: go.Figure, line: Line, name: str, look: dict, symbol: str = "") -> None:
    """A line with its raw one behind it; without a symbol only short lines, of epochs, have markers."""
    name = verbatim(name)
    if line.raw is not None:
        figure.add_scatter(
            x=line.raw.x,
            y=line.raw.y,
            name=name,
            mode="lines",
            line={**look, "width": 1},
            opacity=FAINT,
            showlegend=False,
            hoverinfo="skip",
            legendgroup=name,
        )
    marked = bool(symbol) or len(line.x) <= 2 * MARKS
    figure.add_scatter(
        x=line.x,
        y=line.y,
        name=name,
        mode="lines+markers" if marked else "lines",
        line=look,
        marker={"symbol": symbol or "circle", "size": 7, "maxdisplayed": MARKS if symbol else 0},
        legendgroup=name,
    )


def _finish(figure: go.Figure, axis: str, unit: str, height: int) -> go.Figure:
    figure.update_xaxes(title=axis)
    figure.update_yaxes(title=unit)
    # uirevision: a zoom outlasts the next redraw of a run that goes on
    return bare(figure, height, legend=legend_above(), hovermode="x unified", showlegend=True, uirevision="kept")
