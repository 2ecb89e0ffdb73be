"""A cap on the energy: how many timesteps fit, what the student then answers, and how often it is right after these."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui import moment, state
from pages.ui.chrome import Selection, mark
from pages.ui.energy import evaluated
from pages.ui.looking import CachedReading
from pages.ui.widgets import frames
from pages.ui.widgets.hint import heading
from pages.ui.widgets.literal import literal
from snnpar.core import numbers
from snnpar.energy.estimate import Assumptions, energy_over_time, estimate_energy, timesteps_within
from snnpar.figures.energy import energy_steps
from snnpar.metrics.outcomes import decided_at

LIKE_PLOT = {"config": {"displayModeBar": False}}
ROW_HEIGHT = 35  # of a table, pixels


def show(seen: dict[str, CachedReading], selection: Selection, assumptions: Assumptions) -> None:
    """All of it; moving the slider redraws this part alone."""
    heading(
        "How far does a budget reach?",
        "The student may be stopped after any timestep and then answers with the "
        "mean so far, so that a cap on the energy is a cap on T.",
        r"T(B) = \max\{\,t : E(1) + \dots + E(t) \le B\,\}, \qquad "
        r"p_t = \sigma\left(\tfrac{1}{t}\sum_{s \le t} \mathrm{logits}_s\right)",
    )
    st.fragment(_budget)(seen, selection, assumptions)


def _budget(seen: dict[str, CachedReading], selection: Selection, assumptions: Assumptions) -> None:
    student = seen["student"]
    spent = energy_over_time(student.analysis.trace, assumptions)
    if not spent[-1]:
        st.info(
            "Under these assumptions the student costs nothing, so that any budget fits. Change them above.",
            icon=":material/info:",
        )
        return
    budget = _slider(float(spent[-1]))
    t = timesteps_within(spent, budget)
    left, right = st.columns([5, 7], gap="medium")
    with left:
        teacher = seen["teacher"].analysis if "teacher" in seen else None
        teacher_uj = estimate_energy(teacher.trace, assumptions).energy_uj if teacher else None
        st.plotly_chart(energy_steps(spent, budget, teacher_uj), key="energy_steps", **LIKE_PLOT)
        st.caption(f"{mark('student')} {literal(student.model.checkpoint.name)}, this image. Estimate: {assumptions}.")
    with right:
        if not t:
            st.warning(
                f"Not even one timestep fits: the first costs ≈ {numbers.energy(spent[0])}. Move the budget up.",
                icon=":material/battery_alert:",
            )
            return
        st.markdown(
            f"**t = {t}** of {len(spent)} fits: ≈ {numbers.energy(spent[t - 1])}, {spent[t - 1] / spent[-1]:.0%} of "
            f"all {len(spent)} timesteps."
        )
        _answers(student, selection, t)
        _early_exit(student, selection, spent)
    evaluated.show(student.model.checkpoint, selection.threshold, t)


def _slider(total: float) -> float:
    """The budget in microjoules: what was set or linked, at first enough for all timesteps."""
    step = 10.0 ** (math.floor(math.log10(total)) - 2)
    top = math.ceil(1.05 * total / step) * step
    try:
        kept = float(moment.recall("budget") or top)
    except ValueError:
        kept = top
    st.session_state[state.BUDGET] = min(max(0.0, kept if math.isfinite(kept) else top), top)
    decimals = max(0, -math.floor(math.log10(step)))
    return st.slider(
        "Budget for one image, µJ",
        0.0,
        top,
        key=state.BUDGET,
        step=step,
        format=f"%.{decimals}f",
        on_change=_keep_budget,
        args=(top,),
        help="Drag the cap; T follows when you let go.",
    )


def _keep_budget(top: float) -> None:
    value = st.session_state[state.BUDGET]
    moment.keep("budget", "" if value >= top else f"{value:.6g}")


def _answers(student: CachedReading, selection: Selection, t: int) -> None:
    """This image's answers after t and after all timesteps, those that differ first."""
    schema, over_time = student.model.schema, student.analysis.prediction.probs_per_timestep
    early, late = over_time[t - 1], over_time[-1]
    differs = (early > selection.threshold) != (late > selection.threshold)
    if t == len(over_time):
        st.markdown("Nothing is left out: these are the student's answers.")
    else:
        names = ", ".join(literal(schema.labels[i]) for i in np.flatnonzero(differs))
        st.markdown(
            f"**{differs.sum()} of {len(differs)} answers differ** from those after T = {len(over_time)}"
            + (f": {names}." if names else ".")
        )
    order = np.lexsort((-np.abs(early - late), ~differs))
    truth = selection.image.truth
    table = {"attribute": [schema.labels[i] for i in order], f"after t = {t}": 100 * early[order]}
    if t < len(over_time):
        table[f"after T = {len(over_time)}"] = 100 * late[order]
    table["decision"] = [_decision(early[i] > selection.threshold, late[i] > selection.threshold) for i in order]
    if truth is not None:
        table["truth"] = ["yes" if schema.attributes[i] in truth else "no" for i in order]
    percent = st.column_config.NumberColumn(format="%.1f%%")
    st.dataframe(
        frames.texts(pd.DataFrame(table)),
        hide_index=True,
        key="budget_answers",
        height=ROW_HEIGHT * 7,
        column_config={name: percent for name in table if name.startswith("after")},
    )
    st.button(
        f"Look at t = {t} on the other pages",
        icon=":material/schedule:",
        key="use_t",
        on_click=moment.move,
        args=(t, len(over_time)),
        help="Compare and Spikes then open at this timestep.",
    )


def _decision(early: bool, late: bool) -> str:
    words = {True: "yes", False: "no"}
    return words[late] if early == late else f"{words[early]} → {words[late]}"


def _early_exit(student: CachedReading, selection: Selection, spent: np.ndarray) -> None:
    """When the decisions of this image settle, each attribute by itself."""
    settled = decided_at(student.analysis.prediction.probs_per_timestep, selection.threshold)
    last = int(settled.max())
    counts = ", ".join(f"{int((settled <= t).sum())} after t = {t}" for t in range(1, last + 1))
    st.caption(
        f"Early exit, attribute by attribute (threshold {selection.threshold:g}): of {len(settled)} decisions {counts} "
        f"no longer change. Stopping when all are settled costs ≈ {numbers.energy(spent[last - 1])}. This is "
        "hindsight, the best any rule for stopping could do without changing an answer."
    )
