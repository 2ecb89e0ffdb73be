"""Energy: what the image costs both networks, as far as it can be estimated, and what fewer timesteps would save."""

import streamlit as st

from pages.ui import chrome, looking, sharing
from pages.ui.compare import tables
from pages.ui.energy import assumptions as energy_assumptions
from pages.ui.energy import budget, layers, totals
from pages.ui.widgets.literal import literal

selection = chrome.selection()
seen = looking.look(selection)
if not seen:
    st.stop()

sharing.heading("Energy per inference", selection, seen)
st.caption(
    "What an answer costs. Estimates, nothing was measured on a chip: operations are counted exactly from the spikes "
    "of this image and multiplied with what an operation costs by the convention that you choose."
)
assumptions = energy_assumptions.pick()
totals.headline(seen, assumptions)
tables.times(seen)
totals.conventions(seen, assumptions)
totals.choices(seen, assumptions)
layers.parts(seen, assumptions)
if "student" not in seen:
    st.stop()
student = seen["student"]
if not student.analysis.trace.timesteps:
    st.info(
        f"{literal(student.model.checkpoint.name)} has no spiking neurons: it is billed like the teacher, has no "
        "firing rates, and answers once, so that there are no timesteps to save. Pick a spiking student in the bar.",
        icon=":material/info:",
    )
    st.stop()
layers.break_even(student, assumptions)
budget.show(seen, selection, assumptions)
