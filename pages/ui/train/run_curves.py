"""What a run learned, as curves: alone, or over other runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.ui.train import run_files
from snnpar import figures
from snnpar.figures import RUN_LOOKS, Line, RunLook, thin_line
from snnpar.figures.curves import METRIC_NAMES
from snnpar.figures.runs import TERM_NAMES
from snnpar.metrics.defaults import CONVENTION, THRESHOLD
from snnpar.metrics.pedestrian import SUPPORTED
from snnpar.metrics.report import SUPPORTED_HEADING
from snnpar.runs.history import POINTS, History, best_epoch, start_of
from snnpar.runs.run import Run

if TYPE_CHECKING:
    import plotly.graph_objects as go

STEP, EPOCH = "step", "epoch"
SMALL_POINTS = 300  # of a line in a small chart
COSTS = {
    "lr": ("Learning rate", ""),
    "grad_norm": ("Gradient norm", "L2, before clipping"),
    "images_per_s": ("Speed", "images/s"),
    "memory_gb": ("Memory", "GB"),
}
NOISY = {*TERM_NAMES, "grad_norm", "images_per_s"}  # what smoothing helps to read


class _Axis:
    """Where the rows of one run lie on the x axis."""

    def __init__(self, known: History, epochs: int, unit: str) -> None:
        self.unit, self._per_epoch = unit, known.last.get("steps", epochs) / epochs

    def of_steps(self, known: History) -> np.ndarray:
        return known.steps["step"] if self.unit == STEP else known.steps["step"] / self._per_epoch

    def of_epochs(self, known: History) -> np.ndarray:
        done = np.array([row["epoch"] for row in known.epochs], float)
        return done if self.unit == EPOCH else done * self._per_epoch


def show(run: Run, others: tuple[Run, ...]) -> None:
    """The curves of one run; with others, each quantity of all."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        weight = st.slider(
            "Smoothing",
            0.0,
            0.99,
            0.0,
            0.01,
            key="smoothing",
            bind="query-params",
            persist_state="session",
            width=240,
            help="Weight of the past in a moving average, corrected at the start; 0 is off. The line "
            "as logged stays behind it, pale.",
        )
        unit = st.segmented_control(
            "Over", [STEP, EPOCH], default=STEP, key="over", bind="query-params", persist_state="session", required=True
        )
    known, axes = {}, {}
    for one in (run, *others):
        config, found = run_files.config(one), run_files.history(one)
        if config and (len(found) or found.epochs):
            known[one.name], axes[one.name] = found, _Axis(found, config.optimisation.epochs, unit)
    _tell_missing([one.name for one in (run, *others) if one.name not in known])
    if len(known) == 1:
        _alone(*known.values(), *axes.values(), weight)
    elif known:
        looks = dict(zip(known, RUN_LOOKS, strict=False))
        _together(known, axes, looks, weight)


def _tell_missing(names: list[str]) -> None:
    if names:
        st.caption(f"Nothing logged yet: {', '.join(names)}.")


def _alone(known: History, axis: _Axis, weight: float) -> None:
    present = [name for name in TERM_NAMES if name in known.steps]
    if present:
        st.markdown("**Loss** · lower is better; each term with its weight")
        lines = {name: _step_line(known, axis, name, weight) for name in present}
        _chart(figures.loss_curves(lines, axis.unit), "loss_curves")
    if _of_attributes(known):
        _validation(known, axis)
    elif known.epochs:
        names = [name for name, value in known.epochs[0].items() if isinstance(value, float) and name != "time"]
        _grid({name: figures.cost_curve(_epoch_line(known, axis, name), axis.unit, "validation") for name in names})
    _grid(
        {
            title: figures.cost_curve(_step_line(known, axis, name, weight, SMALL_POINTS), axis.unit, words)
            for name, (title, words) in COSTS.items()
            if name in known.steps
        }
    )


def _of_attributes(known: History) -> bool:
    """Has it been validated, and by the metrics of attributes? Those of other tasks have no names here."""
    return bool(known.epochs) and all(name in row for row in known.epochs for name in METRIC_NAMES)


def _validation(known: History, axis: _Axis) -> None:
    start, best = start_of(known.epochs), best_epoch(known.epochs)
    told = [
        f"{name}: mA {100 * row['mean_accuracy']:.1f}, F1 {100 * row['f1']:.1f}"
        for name, row in (("step 0", start), (f"best epoch {best['epoch']}" if best else "", best))
        if row
    ]
    st.markdown(f"**Validation** · {' → '.join(told)} ({CONVENTION} convention, threshold {THRESHOLD})")
    if best:
        _support(best)
    lines = {name: _epoch_line(known, axis, name) for name in METRIC_NAMES}
    _chart(figures.metric_curves(lines, axis.unit), "metric_curves")


def _support(best: dict) -> None:
    """mA over the attributes that enough validation images have, and which none has; earlier runs do not tell."""
    if SUPPORTED in best:
        absent = best["without_positives"]
        st.caption(
            f"{SUPPORTED_HEADING}: {100 * best[SUPPORTED]:.1f}, over {best['supported_attributes']} attributes."
            + (f" No validation image has {', '.join(absent)}, so that their mA says little." if absent else "")
        )


def _beside(row: dict) -> str:
    absent = ", ".join(row.get("without_positives", ()))
    return (
        f" ({SUPPORTED_HEADING}: {100 * row[SUPPORTED]:.1f}{f'; without a positive: {absent}' if absent else ''})"
        if SUPPORTED in row
        else ""
    )


def _together(known: dict[str, History], axes: dict[str, _Axis], looks: dict[str, RunLook], weight: float) -> None:
    unit = next(iter(axes.values())).unit
    best = [
        f"{name}: mA {100 * row['mean_accuracy']:.1f}{_beside(row)}, F1 {100 * row['f1']:.1f} (epoch {row['epoch']})"
        for name, found in known.items()
        if _of_attributes(found) and (row := best_epoch(found.epochs))
    ]
    if best:
        st.markdown(f"**Best on validation** ({CONVENTION} convention, threshold {THRESHOLD})  \n" + "  \n".join(best))

    def over_steps(name: str, words: str, points: int = SMALL_POINTS, **look: object) -> go.Figure:
        lines = {
            run: _step_line(found, axes[run], name, weight, points)
            for run, found in known.items()
            if name in found.steps
        }
        return figures.run_curves(lines, looks, unit, words, **look)

    def over_epochs(name: str) -> go.Figure:
        lines = {run: _epoch_line(found, axes[run], name, 100) for run, found in known.items() if _of_attributes(found)}
        return figures.run_curves(lines, looks, unit, "validation, %")

    logged = {name for found in known.values() for name in found.steps}
    st.markdown("**Loss** · sum of all terms, each with its weight; only runs with the same terms can be compared")
    _chart(over_steps("loss", "loss", POINTS, height=320, legend=True), "loss_of_runs")
    _grid({METRIC_NAMES[name]: over_epochs(name) for name in METRIC_NAMES} if best else {})
    _grid(
        {f"Loss: {title}": over_steps(name, "loss") for name, title in TERM_NAMES.items() if name in logged - {"loss"}}
    )
    _grid({title: over_steps(name, words, from_zero=True) for name, (title, words) in COSTS.items() if name in logged})


def _step_line(known: History, axis: _Axis, name: str, weight: float, points: int = POINTS) -> Line:
    return thin_line(axis.of_steps(known), known.steps[name], weight if name in NOISY else 0.0, points)


def _epoch_line(known: History, axis: _Axis, name: str, factor: float = 1) -> Line:
    return thin_line(axis.of_epochs(known), factor * np.array([row[name] for row in known.epochs]))


def _grid(charts: dict[str, go.Figure]) -> None:
    """Small charts, two in a row where there is room."""
    for number, (title, figure) in enumerate(charts.items()):
        if number % 2 == 0:
            columns = st.columns(2)  # row by row, so that a narrow screen keeps the order
        with columns[number % 2]:
            st.markdown(f"**{title}**")
            _chart(figure, f"chart_{title}")


def _chart(figure: go.Figure, key: str) -> None:
    st.plotly_chart(figure, key=key, config={"displayModeBar": False})
