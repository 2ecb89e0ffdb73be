"""Energy: what the image costs both networks, as far as it can be estimated, and what fewer timesteps would save."""

import streamlit as st

from pages.ui import chrome, energy_assumptions, energy_budget, energy_layers, energy_totals, looking, sharing, tables
from pages.ui.literal import literal

selection = chrome.selection()
seen = looking.look(selection)
if not seen:
    st.stop()

sharing.heading("What the answer costs", selection)
st.caption(
    "Estimates, nothing was measured on a chip: operations are counted exactly from the spikes of this image and "
    "multiplied with what an operation costs by the convention that you choose."
)
assumptions = energy_assumptions.pick()
energy_totals.headline(seen, assumptions)
tables.times(seen)
energy_totals.conventions(seen, assumptions)
energy_totals.choices(seen, assumptions)
energy_layers.parts(seen, assumptions)
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
energy_layers.break_even(student, assumptions)
energy_budget.show(seen, selection, assumptions)
