"""How often the student is right after t timesteps, from an evaluation of it, and which attributes suffer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui.chrome import mark, sentence
from pages.ui.evaluate import evaluated
from pages.ui.evaluate.evaluated import EvaluationGroup
from pages.ui.widgets.literal import literal
from snnpar.checkpoint import Checkpoint
from snnpar.core.errors import SnnparError
from snnpar.figures.curves import METRIC_NAMES
from snnpar.metrics.defaults import CONVENTION
from snnpar.metrics.outcomes import decided_at
from snnpar.metrics.pedestrian import SUPPORTED, PedestrianMetrics, pedestrian_metrics, supported
from snnpar.metrics.report import COLUMNS, SUPPORTED_HEADING, supported_words

SHOWN = 6
CACHED = 32


def show(checkpoint: Checkpoint, threshold: float, t: int) -> None:
    """Metrics at t against T and the attributes that lose most; a sentence and a link where nothing is evaluated."""
    found = evaluated.of_checkpoint(checkpoint, evaluated.complete("student"))
    st.markdown(f"**How often is it right after t = {t}?**")
    if not found:
        st.info(
            f"{literal(checkpoint.name)} is not evaluated yet, so that nothing is known about other images. The "
            "Evaluate page starts it and shows its numbers here.",
            icon=":material/info:",
        )
        st.page_link("evaluate.py", label="Evaluate this student", icon=":material/arrow_forward:")
        return
    try:
        shown = evaluated.load({"student": found[0]})
    except SnnparError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    steps = len(shown.probs["student"])
    if t > steps:
        st.info(
            f"The evaluation on {literal(shown.title)} has {steps} timesteps, fewer than t = {t}. Evaluate again.",
            icon=":material/info:",
        )
        return
    early, late = (_metrics(shown.key, step, shown) for step in (t, steps))
    _five(shown, early, late, t)
    if t < steps:
        _suffer(shown, early, late, t)
    _settled(shown, threshold)


def _five(shown: EvaluationGroup, early: PedestrianMetrics, late: PedestrianMetrics, t: int) -> None:
    steps = len(shown.probs["student"])
    names = [name for name in COLUMNS if name != SUPPORTED or supported(shown.truth).any()]
    rows = {f"after t = {t}": [f"**{100 * getattr(early, name):.1f}%**" for name in names]}
    if t < steps:
        rows[f"after T = {steps}"] = [f"{100 * getattr(late, name):.1f}%" for name in names]
        rows["change, points"] = [f"{100 * (getattr(early, name) - getattr(late, name)):+.1f}" for name in names]
    table = pd.DataFrame(
        [[name, *cells] for name, cells in rows.items()],
        columns=["", *(METRIC_NAMES.get(name, SUPPORTED_HEADING) for name in names)],
    )
    st.table(table, border="horizontal", hide_index=True, alt="Metrics after t timesteps")
    st.caption(
        f"{mark('student')} {literal(shown.first.checkpoint['name'])}, {literal(shown.title)}; "
        f"{CONVENTION} convention. {supported_words(shown.first.info)}."
    )


def _suffer(shown: EvaluationGroup, early: PedestrianMetrics, late: PedestrianMetrics, t: int) -> None:
    """The attributes whose mA falls most; those without both kinds of label have no mA to lose."""
    positives, negatives = ((shown.truth == label).sum(0) for label in (1, 0))
    change = 100 * (early.per_attribute.ma - late.per_attribute.ma)
    change[(positives == 0) | (negatives == 0)] = np.nan
    order = [i for i in np.argsort(change)[:SHOWN] if change[i] < 0]
    if not order:
        st.markdown("No attribute loses mA.")
        return
    st.markdown(
        "**Who suffers most:** "
        + "; ".join(f"{literal(shown.labels[i])} {change[i]:+.1f} points of mA (n = {positives[i]:,})" for i in order)
    )
    st.caption(
        f"mA after t = {t} minus after T = {len(shown.probs['student'])}; n: images that have the attribute. "
        "Few images make a change uncertain. Intervals are on the Evaluate page."
    )


def _settled(shown: EvaluationGroup, threshold: float) -> None:
    mean, by_step = _stops(shown.key, threshold, shown)
    parts = ", ".join(f"{share:.0%} by t = {t}" for t, share in enumerate(by_step, 1))
    st.caption(
        f"Early exit on these images (threshold {threshold:g}): all attributes of an image are settled after "
        f"{mean:.2f} timesteps on average ({parts}); known in hindsight only."
    )


@st.cache_data(max_entries=CACHED, show_spinner=False)
def _metrics(key: str, t: int, _shown: EvaluationGroup) -> PedestrianMetrics:
    return pedestrian_metrics(_shown.truth, _shown.probs["student"][t - 1], CONVENTION)


@st.cache_data(max_entries=CACHED, show_spinner=False)
def _stops(key: str, threshold: float, _shown: EvaluationGroup) -> tuple[float, list[float]]:
    """Mean t at which an image's last decision settles, and the share of images settled by each t."""
    probs = _shown.probs["student"]
    last = decided_at(probs, threshold).max(-1)
    return float(last.mean()), [float((last <= t).mean()) for t in range(1, len(probs) + 1)]
