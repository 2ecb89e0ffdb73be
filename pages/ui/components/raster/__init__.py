"""The spikes of one layer: strip of layers, image with a box of tokens, raster, channel map, a neuron's membrane.

The browser moves t, zooms and draws boxes by itself; it tells Python where that ended, and one fragment runs again.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from pages.ui import moment, state, timeline
from pages.ui.chrome import Selection, sentence
from pages.ui.components import adapter
from pages.ui.components.raster import choice, heard
from pages.ui.components.raster.choice import chosen
from pages.ui.looking import ANALYSES_KEPT, CachedReading
from snnpar.core.errors import SnnparError
from snnpar.explain.membrane import Membrane, record_membrane
from snnpar.inference import LoadedModel
from snnpar.spikes import raster
from snnpar.spikes.trace import SpikeTrace
from snnpar.views.raster.payload import payload

__all__ = ["payload", "show"]

SAYS = ("moved", "boxed", "layer", "picked", "side", "page")
MEMBRANES_KEPT = 3  # layers; the widest one of spikingformer_8_512 takes 34 MB

_mount = adapter.component("raster")


@st.fragment
def show(student: CachedReading, selection: Selection) -> None:
    """Pick a layer and look into it."""
    trace, tokens = student.analysis.trace, student.model.token_grid
    layer = timeline.layer(student, choice.keep_layer)
    grid = raster.cells(trace.shape(layer), tokens)
    now = chosen(trace, layer, grid)
    image, model = selection.image, student.model
    membrane = None
    if now.place is not None:
        try:
            with st.spinner("Listening to the layer's membranes…"):
                membrane = _membrane(f"{student.version}:{image.digest}:{now.layer}", model, image.image, now.layer)
        except SnnparError as error:
            st.info(sentence(error), icon=":material/info:")
    counts = _counts(f"{student.version}:{image.digest}", trace, tokens)
    data = payload(student, image, now, counts, membrane)
    _mount(
        key=state.RASTER,
        data=data | {"t": moment.at(trace.timesteps)},
        **{f"on_{what}_change": partial(_hear, what, trace, now.layer, grid) for what in SAYS},
    )


def _hear(what: str, trace: SpikeTrace, layer: str, grid: tuple[int, int]) -> None:
    heard.hear(what, st.session_state[state.RASTER][what], trace, layer, grid)


@st.cache_resource(max_entries=ANALYSES_KEPT, show_spinner=False)
def _counts(key: str, _trace: SpikeTrace, _grid: tuple[int, int]) -> dict[str, np.ndarray]:
    return raster.counts_by_token(_trace, _grid)


@st.cache_resource(max_entries=MEMBRANES_KEPT, show_spinner=False)
def _membrane(key: str, _model: LoadedModel, _image: np.ndarray, _layer: str) -> Membrane:
    return record_membrane(_model, _image, _layer)
