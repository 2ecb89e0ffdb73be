"""The student's answers over time, and the layers whose spikes can be looked into."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from pages.ui import moment, state
from pages.ui.chrome import Selection
from pages.ui.looking import CachedReading
from snnpar.figures import AttributeOverTime, predictions_over_time
from snnpar.models import Layer
from snnpar.models.topology import find

LIKE_PLOT = {"config": {"displayModeBar": False}}


def layer(student: CachedReading, on_change: Callable[[str], None]) -> str:
    """The layer to look at; in the link by its name alone. `on_change` gets the name of a new one."""
    trace = student.analysis.trace
    if st.session_state.get(state.LAYER) not in trace.names:
        linked = moment.recall("layer").partition(" ")[0]  # older links go on with what the layer is
        st.session_state[state.LAYER] = linked if linked in trace.names else trace.names[0]
    return st.selectbox(
        "Layer",
        list(trace.names),
        key=state.LAYER,
        format_func=lambda name: readable(name, student.model.anatomy.layers),
        on_change=lambda: on_change(st.session_state[state.LAYER]),
        help="Spiking neurons in the order in which they are computed, by their published names.",
    )


def readable(name: str, layers: tuple[Layer, ...]) -> str:
    """A layer's name with what it is: "block.0.attn.q_lif · block 1, attention, q"."""
    label = find(layers, name).label
    return name if label == name else f"{name} · {label}"


def answers(seen: dict[str, CachedReading], selection: Selection) -> None:
    """The student's probabilities after each timestep."""
    student = seen["student"]
    schema, prediction = student.model.schema, student.analysis.prediction
    st.subheader("Probabilities over timesteps", anchor=False)
    st.caption(
        "The student may be read after every timestep: its answer is the mean so far. The teacher answers once, "
        "the dashed line. Dotted is the threshold."
    )
    moving = np.ptp(prediction.probs_per_timestep, axis=0).argsort()[::-1]
    default = list(dict.fromkeys([selection.attribute, *(schema.attributes[i] for i in moving)]))[:4]
    labels = dict(zip(schema.attributes, schema.labels, strict=True))
    names = st.multiselect(
        "Attributes",
        schema.attributes,
        default=default,
        max_selections=8,
        key="followed",
        bind="query-params",
        format_func=labels.get,
        persist_state="session",
        help="To begin with: the attribute of the other pages and those whose answer moves most.",
    )
    if not names:
        st.info("Pick one or more attributes.", icon=":material/info:")
        return
    lines = [
        AttributeOverTime(labels[name], prediction.probs_per_timestep[:, schema.index(name)], _teacher_says(seen, name))
        for name in names
    ]
    st.plotly_chart(predictions_over_time(lines, selection.threshold), key="answers", **LIKE_PLOT)


def _teacher_says(seen: dict[str, CachedReading], name: str) -> float | None:
    teacher = seen.get("teacher")
    if teacher is None or name not in teacher.model.schema.attributes:
        return None
    return float(teacher.analysis.prediction.probs[teacher.model.schema.index(name)])
