"""How a student's answers change with its timesteps: metrics, fixed and broken, flips, calibration."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.ui import state
from pages.ui.evaluate import outcome_tables
from pages.ui.evaluate.evaluated import EvaluationGroup
from pages.ui.widgets.literal import literal
from snnpar import figures
from snnpar.metrics.outcomes import (
    BINS,
    FIRST_ONLY,
    SECOND_ONLY,
    changes_over_time,
    flips,
    reliability,
)
from snnpar.metrics.pedestrian import SUPPORTED, THRESHOLDS, pedestrian_metrics, supported, without_positives
from snnpar.metrics.report import support_words

LIKE_PLOT = {"config": {"displayModeBar": False}}
CACHED = 16


def show(shown: EvaluationGroup, convention: str, threshold: float, attribute: str) -> None:
    """All of it; one sentence where the student answers once only."""
    st.subheader("Metrics over timesteps", anchor=False)
    probs = shown.probs["student"]
    if len(probs) == 1:
        st.info("This student answers once, without timesteps. Pick a spiking one.", icon=":material/info:")
        return
    st.caption(
        f"The student may be read after every timestep; its answer after t is the mean so far, here t = 1 to "
        f"{len(probs)}. {literal(shown.title)}. An answer is one attribute of one image; unknown labels are left out."
    )
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(f"**Metrics after t timesteps** ({convention} convention, threshold {THRESHOLDS[convention]})")
        rows = _metrics(shown.key, convention, shown)
        st.plotly_chart(figures.metrics_over_time(rows), key="metrics_over_time", **LIKE_PLOT)
        st.caption(_support(shown, rows))
    with right:
        st.markdown(f"**Answers fixed and broken between t and T = {len(probs)}** (threshold {threshold:g})")
        changes = _changes(shown.key, threshold, shown)[:-1].sum(1)
        chart = figures.fixed_and_broken(changes[:, FIRST_ONLY], changes[:, SECOND_ONLY])
        st.plotly_chart(chart, key="fixed_and_broken", **LIKE_PLOT)
    _by_attribute(shown, threshold, attribute)


def _by_attribute(shown: EvaluationGroup, threshold: float, attribute: str) -> None:
    """The table of one timestep against the last, and its images."""
    probs = shown.probs["student"]
    steps = list(range(1, len(probs)))
    if st.session_state.get(state.EARLY) not in steps:
        st.session_state[state.EARLY] = 1
    early = st.segmented_control(
        f"Compare the answer after T = {len(probs)} with that after t =",
        steps,
        key=state.EARLY,
        required=True,
        persist_state="session",
    )
    st.caption(
        "Fixed: wrong after t, right after T. Broken: right after t, wrong after T. Click a cell to see its images."
    )
    pair = {f"t = {len(probs)}:": probs[-1], f"t = {early}:": probs[early - 1]}
    outcome_tables.show(outcome_tables.TIME, shown, pair, threshold, attribute)


def calibration(shown: EvaluationGroup, threshold: float) -> None:
    """Flips at each t, and how far probabilities can be taken at their word."""
    left, right = st.columns(2, gap="medium")
    probs = shown.probs.get("student")
    if probs is not None and len(probs) > 1:
        with left:
            st.subheader("Decisions that flip", anchor=False)
            st.caption(
                f"Share of all {probs[0].size:,} decisions ({shown.n:,} images × {len(shown.attributes)} attributes, "
                f"unknown labels too) that change sides of the threshold {threshold:g} from one timestep to the next."
            )
            shares = flips(probs, threshold).sum(1) / probs[0].size
            st.plotly_chart(figures.flips_over_time(shares), key="flips", **LIKE_PLOT)
    with right:
        st.subheader("Calibration", anchor=False)
        curves, errors = _calibration(shown.key, shown)
        st.caption(
            "Can the probabilities be taken at their word? Of all answers near 70%, 70% should apply: the dotted line. "
            f"{literal(shown.title)}, all attributes together, known labels, {BINS} equal bins. ECE, the mean distance "
            "from the line, lower is better: "
            + ", ".join(f"{name} {100 * error:.1f}%" for name, error in errors.items())
            + "."
        )
        st.plotly_chart(figures.calibration_curves(curves), key="calibration", **LIKE_PLOT)


def _support(shown: EvaluationGroup, rows: list[dict[str, float]]) -> str:
    """mA over the attributes with enough positives after each t, and which attributes have none."""
    words = support_words(
        without_positives(shown.truth, shown.attributes), int(supported(shown.truth).sum()), len(shown.attributes)
    )
    values = ", ".join(f"{100 * row[SUPPORTED]:.1f}" for row in rows)
    return f"{words}: {values} after t = 1 to {len(rows)}." if supported(shown.truth).any() else f"{words}."


@st.cache_data(max_entries=CACHED, show_spinner=False)
def _metrics(key: str, convention: str, _shown: EvaluationGroup) -> list[dict[str, float]]:
    found = [pedestrian_metrics(_shown.truth, probs, convention) for probs in _shown.probs["student"]]
    return [one.summary() | {SUPPORTED: one.mean_accuracy_supported} for one in found]


@st.cache_data(max_entries=CACHED, show_spinner=False)
def _changes(key: str, threshold: float, _shown: EvaluationGroup) -> np.ndarray:
    return changes_over_time(_shown.truth, _shown.probs["student"], threshold)


@st.cache_resource(max_entries=CACHED, show_spinner=False)
def _calibration(key: str, _shown: EvaluationGroup) -> tuple[list[figures.CalibrationCurve], dict[str, float]]:
    curves, errors = [], {}
    for role, name, probs in _answers(_shown):
        found = reliability(_shown.truth, probs)
        curves.append(figures.CalibrationCurve(name, role, found.mean_prob, found.positive, found.count))
        errors[name] = found.ece
    return curves, errors


def _answers(shown: EvaluationGroup) -> list[tuple[str, str, np.ndarray]]:
    """Every answer as (role, name, probabilities): the teacher's one, the student's after each timestep."""
    named = []
    for role, over_time in shown.probs.items():
        name = figures.LOOKS[role].name
        single = len(over_time) == 1
        named += [(role, name if single else f"{name}, t = {t}", probs) for t, probs in enumerate(over_time, 1)]
    return named
