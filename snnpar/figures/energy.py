"""Where energy goes: operations of both models part by part, rates against break-even, what stopping early costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from snnpar.core import numbers
from snnpar.figures.looks import LOOKS, bare, verbatim

if TYPE_CHECKING:
    import plotly.graph_objects as go

GREY = "#8a94a3"
ROW = 17  # pixels of a layer or a bar
LEGEND = {"orientation": "h", "y": 1, "yref": "container", "yanchor": "top", "x": 0, "title": None}


@dataclass(frozen=True, eq=False)
class Bars:
    """One model's value in each part (P,), NaN where it has no such part; `dense`: had its spikes been numbers."""

    name: str
    role: str
    values: np.ndarray
    dense: bool = False


def part_bars(parts: Sequence[str], bars: Sequence[Bars], title: str, *, log: bool = False) -> go.Figure:
    """A group of bars for each part, first part on top; percent unless the axis is logarithmic."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for one in bars:
        if len(one.values) != len(parts):
            raise ValueError(f"{one.name} has {len(one.values)} values for {len(parts)} parts")
        colour = LOOKS[one.role].colour
        marker = {"color": colour, "line": {"color": colour, "width": 1}}
        if one.dense:
            marker["pattern"] = {"shape": "/", "fgcolor": colour, "bgcolor": "rgba(0,0,0,0)", "fillmode": "replace"}
        number = "%{x:,.4s}" if log else "%{x:.1f}%"
        figure.add_bar(
            x=one.values,
            y=list(parts),
            name=verbatim(one.name),
            orientation="h",
            marker=marker,
            hovertemplate=f"%{{y}}: {number}<extra>{verbatim(one.name)}</extra>",
        )
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    scale: dict[str, Any] = {"type": "log", "dtick": 1} if log else {"rangemode": "tozero"}
    figure.update_xaxes(title=title, **scale)
    height = 120 + (ROW * len(bars) + 8) * len(parts)
    return bare(figure, height, legend=LEGEND, barmode="group", bargap=0.2).update_layout(
        margin={"t": 24 + 22 * len(bars)}, legend_traceorder="normal", legend_orientation="v"
    )


@dataclass(frozen=True)
class LayerRate:
    """A layer that reads spikes: spikes per input and timestep, and what they cost it in microjoules."""

    label: str
    rate: float
    spikes_per_synapse: float
    energy_uj: float


def rates_against_break_even(
    layers: Sequence[LayerRate], break_even: float | None, published: float | None = None
) -> go.Figure:
    """A point for each layer, first on top: left of the line its spikes are cheaper, right of it dearer (open mark).

    A rate above 1 or an infinite break-even cannot be crossed: no line is drawn. `published`: another break-even, a
    dotted line; between both the mark is open with a dot. break_even None: there is none but the published.
    """
    import plotly.graph_objects as go

    student = LOOKS["student"]
    lines = [line for line in (break_even, published) if line is not None]
    passed = np.array([sum(layer.rate <= line for line in lines) for layer in layers], int)
    cheaper, dearer = (
        ("spikes cost less", "spikes cost more") if len(lines) < 2 else ("spikes cost less by both lines", "by neither")
    )
    groups = [(cheaper, passed == len(lines), student.symbol), (dearer, passed == 0, f"{student.symbol}-open")]
    if len(lines) == 2:
        groups.insert(1, ("by one line", passed == 1, f"{student.symbol}-open-dot"))
    figure = go.Figure()
    for name, chosen, symbol in groups:
        some = [layer for layer, take in zip(layers, chosen, strict=True) if take]
        figure.add_scatter(
            x=[100 * layer.rate for layer in some],
            y=[layer.label for layer in some],
            mode="markers",
            name=name,
            marker={
                "color": student.colour,
                "symbol": symbol,
                "size": 9,
                "line": {"width": 2, "color": student.colour},
            },
            customdata=[[layer.spikes_per_synapse, layer.energy_uj] for layer in some],
            hovertemplate="%{y}<br>rate %{x:.1f}%, %{customdata[0]:.2f} spikes per synapse, %{customdata[1]:.3g} µJ"
            "<extra></extra>",
        )
    drawn = [
        (100 * line, dash)
        for line, dash in ((break_even, "dash"), (published, "dot"))
        if line is not None and line <= 1
    ]
    shown = [100 * layer.rate for layer in layers] + [line for line, _ in drawn]
    right = 1.12 * max(shown, default=1) or 1
    for line, dash in drawn:  # names one above the other, on the side where there is room
        name = "break-even" if dash == "dash" else "published"
        figure.add_vline(
            line,
            line={"dash": dash, "width": 2, "color": GREY},
            annotation={
                "text": f"{name} {line:.1f}%",
                "yref": "paper",
                "y": 1,
                "yanchor": "bottom",
                "yshift": 14 if dash == "dot" else 0,
                "xanchor": "left" if line < right / 2 else "right",
            },
        )
    figure.update_xaxes(title="spikes per input and timestep, %", range=[0, right])
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=[layer.label for layer in layers], autorange="reversed"
    )
    top = 56 if published is None else 74
    return bare(figure, 110 + ROW * len(layers), legend=LEGEND, showlegend=True).update_layout(margin={"t": top})


def energy_steps(spent_uj: np.ndarray, budget_uj: float, teacher_uj: float | None = None) -> go.Figure:
    """What stopping after each timestep costs (T,); what exceeds the budget is pale. A teacher in view is a line."""
    import plotly.graph_objects as go

    look, steps = LOOKS["student"], list(range(1, len(spent_uj) + 1))
    fits = np.asarray(spent_uj) <= budget_uj
    figure = go.Figure(
        go.Bar(
            x=steps,
            y=spent_uj,
            name="Student, after t timesteps",
            width=0.6,
            showlegend=False,
            marker={"color": look.colour, "opacity": np.where(fits, 1.0, 0.3)},
            text=[
                f"{numbers.figures(energy)}{'' if fit else ' ✕'}" for energy, fit in zip(spent_uj, fits, strict=True)
            ],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="t = %{x}: %{y:,.4g} µJ<extra></extra>",
        )
    )
    figure.add_hline(
        budget_uj,
        line={"dash": "dot", "width": 2, "color": GREY},
        annotation_position="top left",
        annotation_text=f"budget {numbers.energy(budget_uj)}",
    )
    if teacher_uj is not None and teacher_uj <= 1.1 * max(budget_uj, spent_uj[-1]):  # else it lies far above
        teacher = LOOKS["teacher"]
        figure.add_hline(
            teacher_uj,
            line={"dash": "dash", "width": 2, "color": teacher.colour},
            annotation={
                "text": f"{teacher.mark} {teacher.name} {numbers.energy(teacher_uj)}",
                "x": 0,
                "xanchor": "left",
                "yanchor": "top",
            },
        )
    figure.update_xaxes(title="timesteps t", tickvals=steps, range=[0.5, len(steps) + 0.5])
    figure.update_yaxes(title="µJ, estimate", range=[0, 1.15 * max(budget_uj, spent_uj[-1])])
    return bare(figure, 260, showlegend=False).update_layout(margin={"t": 24})
