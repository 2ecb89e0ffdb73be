"""The spikes of one layer: strip of layers, picture with a box of tokens, raster, channel map, a neuron's membrane.

The browser moves t, zooms and draws boxes by itself; it tells Python where that ended, and one fragment runs again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from pages.ui import moment, timeline
from pages.ui.chrome import Selection
from pages.ui.looking import ANALYSES_KEPT, Seen
from pages.ui.raster import choice
from pages.ui.raster.choice import Choice, Place, chosen
from pages.ui.raster.payload import payload
from snnpar import raster
from snnpar.inference import LoadedModel
from snnpar.membrane import Membrane, record_membrane
from snnpar.trace import SpikeTrace

__all__ = ["payload", "show"]

HERE = Path(__file__).parent
KEY = "raster"
MEMBRANES_KEPT = 3  # layers; the widest one of spikingformer_8_512 takes 34 MB
SCRIPTS = ("../geometry.js", "../time_bar/draw.js", "strip.js", "picture.js", "cells.js", "membrane.js",
           "view.js")  # one module

_mount = st.components.v2.component(
    "snnpar_raster",
    html=(HERE / "view.html").read_text("utf-8"),
    css=(HERE / "view.css").read_text("utf-8"),
    js="\n".join((HERE / name).read_text("utf-8") for name in SCRIPTS),
)


@st.fragment
def show(student: Seen, selection: Selection) -> None:
    """Pick a layer and look into it."""
    trace, grid = student.analysis.trace, student.model.checkpoint.model.token_grid
    now = chosen(trace, timeline.layer(trace, choice.keep_layer), grid)
    picture, model = selection.picture, student.model
    membrane = None
    if now.place is not None:
        with st.spinner("Listening to the layer's membranes…"):
            membrane = _membrane(f"{student.version}:{picture.digest}:{now.layer}", model, picture.image, now.layer)
    counts = _counts(f"{student.version}:{picture.digest}", trace, grid)
    data = payload(student, picture, now, counts, membrane)
    _mount(
        key=KEY,
        data=data | {"t": moment.at(trace.timesteps)},
        on_moved_change=lambda: moment.move(_said("moved"), trace.timesteps),
        on_boxed_change=lambda: choice.keep_box(_said("boxed")["box"]),
        on_layer_change=lambda: _pick_layer(_said("layer")),
        on_picked_change=lambda: _pick_neuron(_said("picked"), trace, now, grid),
        on_side_change=lambda: choice.keep_side(_said("side")),
        on_page_change=lambda: choice.keep_page(_said("page")["page"]),
    )


def _said(what: str) -> object:
    return st.session_state[KEY][what]


def _pick_layer(name: str) -> None:
    if name != st.session_state["layer"]:
        st.session_state["layer"] = name
        choice.keep_layer(name)


def _pick_neuron(said: dict, trace: SpikeTrace, now: Choice, grid: tuple[int, int]) -> None:
    """A clicked row, or a cell, whose busiest neuron it is."""
    channel, row = said["channel"], said.get("row")
    if row is None:
        choice.keep_neuron(channel)
        return
    layer = raster.maps(trace, now.layer, grid)
    choice.keep_neuron(channel, Place(*raster.busiest(layer[channel], row, said["column"], said["side"])))


@st.cache_resource(max_entries=ANALYSES_KEPT, show_spinner=False)
def _counts(key: str, _trace: SpikeTrace, _grid: tuple[int, int]) -> dict[str, np.ndarray]:
    return raster.counts_by_token(_trace, _grid)


@st.cache_resource(max_entries=MEMBRANES_KEPT, show_spinner=False)
def _membrane(key: str, _model: LoadedModel, _image: np.ndarray, _layer: str) -> Membrane:
    return record_membrane(_model, _image, _layer)
