"""What the browser says of the raster: kept where the view can have sent it. Anything else changes nothing."""

from __future__ import annotations

import streamlit as st

from pages.ui import moment, state
from pages.ui.components.raster import choice
from pages.ui.moment import is_whole
from snnpar.core.errors import SnnparError
from snnpar.spikes import raster
from snnpar.spikes.raster import Box
from snnpar.spikes.trace import SpikeTrace
from snnpar.views.raster.choice import NeuronPosition


def hear(what: str, said: object, trace: SpikeTrace, layer: str, grid: tuple[int, int]) -> None:
    """`what` was said while `layer` of a trace with this grid of tokens was shown."""
    if what == "moved":
        moment.move(said, trace.timesteps)
    elif what == "layer":
        if said in trace.names and said != layer:
            st.session_state[state.LAYER] = said
            choice.keep_layer(said)
    elif what == "side":
        if is_whole(said):
            choice.keep_side(said)
    elif isinstance(said, dict):
        {"boxed": _box, "page": _page, "picked": _neuron}[what](said, trace, layer, grid)


def _box(said: dict, _trace: SpikeTrace, _layer: str, grid: tuple[int, int]) -> None:
    corners = said.get("box")
    if corners is not None:
        if not isinstance(corners, list) or len(corners) != 4 or not all(map(is_whole, corners)):
            return
        try:
            Box(*corners).tokens(grid)
        except SnnparError:
            return
    choice.keep_box(corners)


def _page(said: dict, *_about: object) -> None:
    if is_whole(said.get("page")):
        choice.keep_page(said["page"])


def _neuron(said: dict, trace: SpikeTrace, layer: str, grid: tuple[int, int]) -> None:
    """A clicked row, or a cell, whose busiest neuron it is."""
    channel, place = said.get("channel"), [said.get(name) for name in ("row", "column", "side")]
    maps = raster.maps(trace, layer, grid)
    if channel is None:
        choice.keep_neuron(None)
    elif is_whole(channel) and channel < len(maps):
        if place[:2] == [None, None]:
            choice.keep_neuron(channel)
        elif (
            all(map(is_whole, place))
            and maps[channel][:, place[0] : place[0] + place[2], place[1] : place[1] + place[2]].size
        ):
            choice.keep_neuron(channel, NeuronPosition(*raster.busiest(maps[channel], *place)))
