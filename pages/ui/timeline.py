"""What the spikes of the student show, view by view."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.ui.chrome import Selection
from pages.ui.looking import Seen
from snnpar.figures import (
    RASTER_ROWS,
    AttributeOverTime,
    firing_maps,
    firing_rates,
    predictions_over_time,
    spike_raster,
)
from snnpar.trace import SpikeTrace

LIKE_PLOT = {"config": {"displayModeBar": False}}


def layer(trace: SpikeTrace) -> str:
    """The layer to look at."""
    return st.selectbox(
        "Layer",
        list(trace.names),
        key="layer",
        bind="query-params",
        format_func=readable,
        help="Spiking neurons in the order in which they are computed, by their published names.",
    )


def readable(name: str) -> str:
    """A published name with what it is: "block.0.attn.q_lif · block 1, attention, q"."""
    parts = name.split(".")
    last = parts[-1].removesuffix("_lif")
    if parts[0] == "patch_embed":
        return f"{name} · tokenizer, stage {last.removeprefix('proj')}"
    kind = {"attn": "attention", "mlp": "MLP"}.get(parts[2], parts[2])
    word = {"proj": "input", "attn": "output", "mlp1": "input", "mlp2": "hidden"}.get(last, last)
    return f"{name} · block {int(parts[1]) + 1}, {kind}, {word}"


def rates(trace: SpikeTrace, selected: str) -> None:
    """Heat table of all layers."""
    st.subheader("How much each layer fires", anchor=False)
    st.caption("Each cell is the share of a layer's neurons that spike in that timestep; fewer spikes, less energy.")
    values = np.stack([trace.rates(name) for name in trace.names])
    st.plotly_chart(firing_rates(trace.names, values, selected), key="rates", **LIKE_PLOT)


def raster(trace: SpikeTrace, name: str) -> None:
    """Neurons by timesteps."""
    spikes = trace.spikes(name)[:, 0]
    picture = spike_raster(spikes.reshape(trace.timesteps, -1))
    st.subheader("Which neurons spike when", anchor=False)
    shown = (
        f"all {picture.total:,} neurons"
        if picture.shown == picture.total
        else f"{picture.shown:,} of {picture.total:,} neurons, taken at even distances"
    )
    st.caption(
        f"Every row of a strip is one neuron and its {trace.timesteps} cells are t = 1 to {trace.timesteps}, "
        f"left to right; a coloured cell is a spike. Here: {shown}, {RASTER_ROWS} to a strip."
    )
    st.image(picture.image, output_format="PNG", alt=f"Spike raster of {name}")


def where(trace: SpikeTrace, name: str, grid: tuple[int, int], selection: Selection) -> None:
    """Firing over the picture, timestep by timestep."""
    spikes = trace.spikes(name)[:, 0]
    maps = spikes.mean(1).reshape(trace.timesteps, *(spikes.shape[2:] if spikes.ndim == 4 else grid))
    st.subheader("Where in the picture they spike", anchor=False)
    st.caption("The same spikes, averaged over the channels at each place: bright places make many neurons fire.")
    st.plotly_chart(firing_maps(maps, selection.picture.small), key="where", **LIKE_PLOT)


def answers(seen: dict[str, Seen], selection: Selection) -> None:
    """The student's probabilities after each timestep."""
    student = seen["student"]
    schema, prediction = student.model.schema, student.analysis.prediction
    st.subheader("How the answer forms", anchor=False)
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
        format_func=labels.get,
        persist_state="session",
        help="To begin with: the attribute of the bar and those whose answer moves most.",
    )
    if not names:
        st.info("Pick one or more attributes.", icon=":material/info:")
        return
    lines = [
        AttributeOverTime(labels[name], prediction.probs_per_timestep[:, schema.index(name)], _teacher_says(seen, name))
        for name in names
    ]
    st.plotly_chart(predictions_over_time(lines, selection.threshold), key="answers", **LIKE_PLOT)


def _teacher_says(seen: dict[str, Seen], name: str) -> float | None:
    teacher = seen.get("teacher")
    if teacher is None or name not in teacher.model.schema.attributes:
        return None
    return float(teacher.analysis.prediction.probs[teacher.model.schema.index(name)])
