"""How a student's neurons fire while it learns, on its pinned images, with alarms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui.timeline import readable
from pages.ui.train import run_files
from pages.ui.widgets import frames
from snnpar import figures
from snnpar.explain.firing import LIMITS, MEANING, WHOLE, alarms, block_rates
from snnpar.figures import RUN_LOOKS, thin_line
from snnpar.models import Layer
from snnpar.runs.history import History
from snnpar.runs.run import Run

SHOWN_ALARMS = 6
RULE = (
    f"An alarm means: more than {LIMITS['dead']:.0%} of a layer's neurons never fire on the pinned images (dead), "
    f"or more than {LIMITS['saturated']:.0%} fire at every timestep of each (saturated). Students that learn well "
    "have 10 to 65% of a layer silent on eight images, and next to none that always fire."
)


def show(run: Run, others: tuple[Run, ...]) -> None:
    """Alarms of the last epoch, rates of blocks over epochs, and all layers."""
    known = run_files.history(run)
    if not known.firing:
        _tell_none(run)
        return
    last = known.firing[-1]
    topology = run_files.layers(run)
    told = tell_alarms(last, topology)
    st.caption(f"{'' if told else 'No layer is dead or saturated. '}{RULE}")
    st.markdown("**Firing rate of each block** · mean over its neurons, the pinned images and all timesteps")
    rates = [block_rates(row, topology) for row in known.firing]
    epochs = np.array([row["epoch"] for row in known.firing], float)
    lines = {name: thin_line(epochs, np.array([row.get(name, np.nan) for row in rates])) for name in rates[-1]}
    st.plotly_chart(figures.firing_curves(lines), key="firing_curves", config={"displayModeBar": False})
    if others:
        _over_others({one.name: run_files.history(one) for one in (run, *others)})
    st.markdown(f"**Layers after epoch {last['epoch']}**")
    layers(last, topology)


def tell_alarms(row: dict, topology: tuple[Layer, ...]) -> bool:
    """Warn of each layer over a limit; are there any?"""
    found = alarms(row)
    if found:
        words = [
            f"- {one.kind}: {one.share:.0%} of the neurons of {readable(one.layer, topology)} {MEANING[one.kind]}"
            for one in found
        ]
        more = [f"- and {len(words) - SHOWN_ALARMS} layers more, see the table"] if len(words) > SHOWN_ALARMS else []
        st.warning(
            f"After epoch {row['epoch']}:\n\n" + "\n".join(words[:SHOWN_ALARMS] + more),
            icon=":material/notifications_active:",
        )
    return bool(found)


def layers(row: dict, topology: tuple[Layer, ...]) -> None:
    """A table of all layers in the order in which they are computed."""
    columns = {"rates": "Firing rate", "dead": "Dead", "saturated": "Saturated"}
    frame = pd.DataFrame(
        {
            "Layer": [readable(name, topology) for name in row["rates"]],
            **{label: list(row[kind].values()) for kind, label in columns.items()},
            "Neurons": list(row["neurons"].values()),
        }
    )
    bars = {
        label: st.column_config.ProgressColumn(label, width=105, min_value=0, max_value=1, format="percent")
        for label in columns.values()
    }
    st.dataframe(frames.texts(frame), hide_index=True, column_config=bars, height=38 + 35 * min(8, len(frame)))


def _over_others(known: dict[str, History]) -> None:
    looks = dict(zip(known, RUN_LOOKS, strict=False))
    lines = {
        name: thin_line(
            np.array([row["epoch"] for row in found.firing], float),
            np.array([100 * block_rates(row, ())[WHOLE] for row in found.firing]),
        )
        for name, found in known.items()
        if found.firing
    }
    st.markdown("**Firing rate of the whole network**")
    st.plotly_chart(
        figures.run_curves(lines, looks, "epoch", "spikes per neuron and timestep, %", height=240, legend=True),
        key="firing_of_runs",
        config={"displayModeBar": False},
    )


def _tell_none(run: Run) -> None:
    config = run_files.config(run)
    if config and config.model.role == "teacher":
        st.info("A teacher has no spiking neurons.", icon=":material/info:")
    else:
        st.info(
            "No firing rates: they come with the end of each epoch, for students with spiking neurons, and runs of "
            "earlier versions have none.",
            icon=":material/info:",
        )
