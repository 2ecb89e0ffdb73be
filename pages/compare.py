"""Compare: what an ANN teacher and a spiking student say about one person, why, and at what cost."""

import streamlit as st

from pages.ui import chrome, looking, maps, rows, tables

selection = chrome.selection()
seen = looking.look(selection)
if not seen:
    st.stop()
truth = selection.picture.truth
try:
    compared = rows.compare(seen, truth, selection.threshold)
except ValueError as error:
    st.error(str(error), icon=":material/block:")
    st.stop()

st.header("Two networks look at one person", anchor=False)
st.caption(
    "The teacher is a conventional network. The student learnt from it, but computes with spikes: zeros and "
    "ones over a few timesteps. Compare their answers, where they look, and what it costs."
)
tables.headline(compared, seen, truth)
left, right = st.columns([548, 700], gap="medium")
with left:
    maps.draw(selection, seen)
    tables.decided(rows.groups(seen, truth, selection.threshold))
with right:
    tables.attributes(compared, truth)
tables.provenance(seen)
