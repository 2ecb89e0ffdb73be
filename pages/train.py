"""Train: settings, the exact command, what it will cost, and every run with its curves."""

import streamlit as st

from pages.ui import chrome
from pages.ui.server import access
from pages.ui.train import estimating, form, progress, starting
from pages.ui.train.form_values import faults, to_config
from snnpar.core.programs import TRAIN_WORDS

selection = chrome.selection()
left, right = st.columns([5, 6], gap="large")
with left:
    st.header("Training", anchor=False)
    st.caption(
        "A first run needs no data and no change: a small spiking network learns from scratch on people drawn by this "
        "program, and in the end you see what it gained."
    )
    if access.told("train"):  # nor is the form drawn: it would tell which paths of the server there are
        st.markdown("**The first run on your own machine**")
        st.code(TRAIN_WORDS, language=None)
    else:
        st.caption(
            "**Estimate** tells how long it takes on this machine. A run goes on in its own process, with or without "
            "this page."
        )
        values = form.settings(selection.checkpoints.get("teacher"))
        wrong = faults(values)
        config = None if wrong else to_config(values)
        if config:
            st.markdown("**The same in a terminal**")
            st.code(form.command(config), language=None, wrap_lines=True)
        estimating.offer(config)
        starting.offer(config, [f"{form.label(name)}: {why}" for name, why in wrong.items()])
with right:
    st.header("Runs", anchor=False)
    progress.show_picked(own=not access.told("runs"))
