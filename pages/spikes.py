"""Spikes: what happens inside the student, timestep by timestep."""

import streamlit as st

from pages.ui import chrome, looking, sharing, timeline
from pages.ui.components import raster
from snnpar.config import PAIR

selection = chrome.selection()
seen = looking.look(selection, PAIR)
if "student" not in seen:
    st.stop()
student = seen["student"]
trace = student.analysis.trace
if not trace.names:
    st.info("This student has no spiking neurons. Pick a spiking one in the bar.", icon=":material/info:")
    st.stop()

sharing.heading("Spikes by layer and timestep", selection, seen)
st.caption(
    f"A spiking neuron adds up what it receives and sends a 1, a spike, when it has enough; otherwise 0. The "
    f"student sees the same image {trace.timesteps} times in a row."
)
timeline.answers(seen, selection)
raster.show(student, selection)
