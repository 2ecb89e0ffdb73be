"""Answers over timesteps, and the names and colours of metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from snnpar.figures.looks import LOOKS, bare, verbatim

if TYPE_CHECKING:
    import plotly.graph_objects as go

METRIC_NAMES = {
    "mean_accuracy": "mA",
    "f1": "F1",
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
}
METRIC_COLOURS = ("#0f9d78", "#9b5de5", "#d6336c", "#8a94a3", "#b8860b")  # none is a model's
TITLE = 15  # letters in a line over a small multiple


@dataclass(frozen=True, eq=False)
class AttributeOverTime:
    """One attribute's probabilities: the student's after each timestep (T,), the teacher's one answer or None."""

    label: str
    student: np.ndarray
    teacher: float | None


def predictions_over_time(attributes: Sequence[AttributeOverTime], threshold: float) -> go.Figure:
    """Small multiples, one per attribute: student by timestep, teacher as a flat line, threshold dotted."""
    from plotly.subplots import make_subplots

    columns = min(4, len(attributes))
    rows = -(-len(attributes) // columns)
    titles = ["<br>".join(map(verbatim, wrap(attribute.label, TITLE))) for attribute in attributes]
    figure = make_subplots(
        rows, columns, shared_yaxes=True, subplot_titles=titles, vertical_spacing=0.28 / rows, horizontal_spacing=0.03
    )
    for i, attribute in enumerate(attributes):
        where: dict[str, Any] = {"row": i // columns + 1, "col": i % columns + 1}
        steps = list(range(1, len(attribute.student) + 1))
        _add_answers(figure, attribute, steps, showlegend=i == 0, **where)
        figure.add_hline(threshold, line={"dash": "dot", "width": 1.5, "color": "#8a94a3"}, **where)
        figure.update_xaxes(tickvals=steps if len(steps) <= 8 else None, range=[0.7, len(steps) + 0.3], **where)
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%")
    figure.update_annotations(font_size=12)
    legend = {"orientation": "h", "y": 1.0, "yref": "container", "yanchor": "top", "x": 0}
    return bare(figure, 90 + 190 * rows, legend=legend).update_layout(margin={"t": 72})


def _add_answers(figure: go.Figure, attribute: AttributeOverTime, steps: list[int], **options: object) -> None:
    student, teacher = LOOKS["student"], LOOKS["teacher"]
    if attribute.teacher is not None:
        line = {"color": teacher.colour, "width": 2, "dash": "dash"}
        flat = [attribute.teacher] * len(steps)
        figure.add_scatter(x=steps, y=flat, mode="lines", name="Teacher (one pass)", line=line, **options)
    line, marker = {"color": student.colour, "width": 2}, {"symbol": student.symbol, "size": 8}
    name = "Student after t timesteps"
    figure.add_scatter(
        x=steps, y=attribute.student, mode="lines+markers", name=name, line=line, marker=marker, **options
    )
