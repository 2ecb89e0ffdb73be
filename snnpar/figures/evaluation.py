"""Evaluations: attributes with their intervals, metrics and changes over timesteps, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snnpar.figures.curves import METRIC_COLOURS, METRIC_NAMES
from snnpar.figures.looks import LOOKS, bare, legend_above, verbatim

if TYPE_CHECKING:
    import plotly.graph_objects as go

GREY = "#8a94a3"
FIXED, BROKEN = "#0f9d78", "#d6336c"
ROW = 26  # pixels for one attribute, two bars
BARS = 0.8  # of a row's height, shared by its bars


@dataclass(frozen=True, eq=False)
class AttributeValues:
    """One model's value per attribute with its interval, each (A,), as fractions; NaN where there is none."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __post_init__(self) -> None:
        if not self.value.shape == self.low.shape == self.high.shape:
            raise ValueError(f"value, low and high differ: {self.value.shape}, {self.low.shape}, {self.high.shape}")


def attribute_bars(
    labels: Sequence[str], measured: dict[str, AttributeValues], unit: str, marked: int = -1
) -> go.Figure:
    """A bar, a mark and a whisker per attribute and model (by role); row `marked` stands out."""
    import plotly.graph_objects as go

    rows, labels = np.arange(len(labels)), [verbatim(label) for label in labels]
    figure = go.Figure()
    share = BARS / max(len(measured), 2)
    for number, (role, one) in enumerate(measured.items()):
        look = LOOKS[role]
        at = rows + share * (number - (len(measured) - 1) / 2)
        percent, low, high = (100 * np.asarray(array, float) for array in (one.value, one.low, one.high))
        figure.add_bar(
            x=percent,
            y=at,
            width=0.85 * share,
            orientation="h",
            marker_color=look.colour,
            opacity=0.3,
            hoverinfo="skip",
            showlegend=False,
        )
        whiskers = {
            "type": "data",
            "symmetric": False,
            "array": high - percent,
            "arrayminus": percent - low,
            "thickness": 1.5,
            "width": 3,
        }
        figure.add_scatter(
            x=percent,
            y=at,
            mode="markers",
            name=look.name,
            error_x=whiskers,
            marker={"color": look.colour, "symbol": look.symbol, "size": 8},
            customdata=np.stack([low, high], 1),
            text=labels,
            hovertemplate=f"%{{text}}<br>{look.name} {unit} %{{x:.1f}}%, 95% interval "
            "%{customdata[0]:.1f} to %{customdata[1]:.1f}<extra></extra>",
        )
    if marked >= 0:
        figure.add_hrect(marked - 0.5, marked + 0.5, fillcolor=GREY, opacity=0.18, line_width=0, layer="below")
    ticks = [f"<b>▸ {label}</b>" if row == marked else label for row, label in enumerate(labels)]
    figure.update_yaxes(tickvals=rows, ticktext=ticks, range=[len(labels) - 0.4, -0.6], showgrid=False, zeroline=False)
    figure.update_xaxes(range=[0, 101], title=f"{unit}, %", side="top")
    legend = {"orientation": "h", "y": 1, "yref": "container", "yanchor": "top", "x": 0}
    return bare(figure, 90 + ROW * len(labels), legend=legend).update_layout(margin={"t": 66})


def metrics_over_time(rows: Sequence[dict[str, float]]) -> go.Figure:
    """The five metrics in percent after 1..T timesteps, each row by the names of FIVE."""
    import plotly.graph_objects as go

    figure = go.Figure()
    steps = list(range(1, len(rows) + 1))
    for (name, label), colour in zip(METRIC_NAMES.items(), METRIC_COLOURS, strict=True):
        figure.add_scatter(
            x=steps,
            y=[100 * row[name] for row in rows],
            name=label,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"size": 6},
            hovertemplate="%{y:.1f}%",
        )
    _time_axis(figure, steps)
    figure.update_yaxes(title="%")
    return bare(figure, 280, legend=legend_above(), hovermode="x unified")


def fixed_and_broken(fixed: Sequence[int], broken: Sequence[int]) -> go.Figure:
    """Decisions the timesteps after t = 1..T - 1 fix (up) and break (down)."""
    import plotly.graph_objects as go

    figure = go.Figure()
    steps = list(range(1, len(fixed) + 1))
    for name, counts, sign, colour in (("fixed", fixed, 1, FIXED), ("broken", broken, -1, BROKEN)):
        figure.add_bar(
            x=steps,
            y=[sign * int(count) for count in counts],
            name=name,
            marker_color=colour,
            text=[f"{count:,}" for count in counts],
            textposition="auto",
            hovertemplate="%{text} " + name,
        )
    _time_axis(figure, steps)
    figure.update_yaxes(title="decisions", showticklabels=False, zeroline=True)
    return bare(figure, 280, legend=legend_above(), barmode="relative", hovermode="x unified")


def flips_over_time(shares: Sequence[float]) -> go.Figure:
    """Share of decisions that change from t to t + 1, t = 1..T - 1, in percent."""
    import plotly.graph_objects as go

    names = [f"{t} → {t + 1}" for t in range(1, len(shares) + 1)]
    percent = [100 * share for share in shares]
    figure = go.Figure(
        go.Bar(
            x=names,
            y=percent,
            marker_color=LOOKS["student"].colour,
            width=0.5,
            text=[f"{p:.1f}%" for p in percent],
            textposition="auto",
            hovertemplate="t = %{x}: %{y:.2f}% of decisions<extra></extra>",
        )
    )
    figure.update_xaxes(title="from t to t + 1", type="category")
    figure.update_yaxes(title="flips, %", rangemode="tozero")
    return bare(figure, 280, showlegend=False)


@dataclass(frozen=True, eq=False)
class CalibrationCurve:
    """One answer's bins: mean probability, share of positives (NaN where empty) and count, each (bins,)."""

    name: str
    role: str
    mean_prob: np.ndarray
    positive: np.ndarray
    count: np.ndarray


def calibration_curves(curves: Sequence[CalibrationCurve]) -> go.Figure:
    """Share of positives over probability; the diagonal is perfect. A later answer has a fuller line."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="perfect",
        hoverinfo="skip",
        line={"color": GREY, "dash": "dot", "width": 1.5},
    )
    for curve in curves:
        look, filled = LOOKS[curve.role], curve.count > 0
        same = [other for other in curves if other.role == curve.role]
        strength = 0.25 + 0.75 * (same.index(curve) + 1) / len(same)
        name = verbatim(curve.name)
        figure.add_scatter(
            x=curve.mean_prob[filled],
            y=curve.positive[filled],
            customdata=curve.count[filled],
            name=name,
            mode="lines+markers",
            opacity=strength,
            marker={"symbol": look.symbol, "size": 7},
            line={"color": look.colour, "width": 2, "dash": "dash" if curve.role == "teacher" else "solid"},
            hovertemplate="says %{x:.1%}, applies to %{y:.1%} of %{customdata:,}<extra>" + name + "</extra>",
        )
    figure.update_xaxes(title="probability said", range=[-0.02, 1.02], tickformat=".0%")
    figure.update_yaxes(title="share that applies", range=[-0.02, 1.02], tickformat=".0%")
    return bare(figure, 340, legend=legend_above())


def _time_axis(figure: go.Figure, steps: list[int]) -> None:
    figure.update_xaxes(title="timesteps t", tickvals=steps, range=[0.5, len(steps) + 0.5])
