"""Compare: what an ANN teacher and a spiking student say about one person, why, and at what cost."""

import streamlit as st

from pages.ui import chrome, looking
from pages.ui.compare import evidence_card, maps, tables
from pages.ui.components import time_bar
from snnpar.core.errors import SnnparError
from snnpar.views.time_bar import rows

selection = chrome.selection()
seen = looking.look(selection)
if not seen:
    st.stop()
truth = selection.image.truth
try:
    compared = rows.compare(seen, truth, selection.threshold, rows.timesteps(seen))
except SnnparError as error:
    st.error(chrome.sentence(error), icon=":material/block:")
    st.stop()

st.header("Comparison", anchor=False)
st.caption(
    f"{'Three' if len(seen) > 2 else 'Two'} networks look at one person. The teacher is a conventional network. The "
    "student learnt from it, but computes with spikes: zeros and ones over a few timesteps. Compare their answers, "
    "where they look, and what it costs" + (", and hold both against the opponent." if len(seen) > 2 else ".")
)
with st.container(key="figures"):
    tables.headline(compared, seen, truth)
shown = maps.pick(selection, seen)
time_bar.show(
    time_bar.payload(selection.image, seen, shown, attribute=selection.attribute, threshold=selection.threshold)
)
with st.container(key="rest"):
    evidence_card.share(selection, seen, shown)
    tables.provenance(seen)
