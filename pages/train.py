"""Train: settings, the exact command, and every run with its curves."""

import streamlit as st

import snnpar
from pages.ui import chrome, form, progress
from pages.ui.form_values import faults, to_config
from snnpar.runs import create_run, launch

selection = chrome.selection()
left, right = st.columns([5, 6], gap="large")
with left:
    st.header("Train a network", anchor=False)
    st.caption(
        "A run goes on in its own process, with or without this page. "
        "It starts small: a few minutes, on people drawn by this program."
    )
    values = form.settings(selection.checkpoints.get("teacher"))
    wrong = faults(values)
    config = None if wrong else to_config(values)
    if config:
        st.markdown("**The same in a terminal**")
        st.code(form.command(config), language="bash", wrap_lines=True)
    if st.button("Start training", key="start", type="primary", icon=":material/play_arrow:", disabled=config is None):
        try:
            with st.spinner("Starting the run…"):
                run = create_run(config, root=snnpar.RUNS)
                launch(run)
        except (ValueError, OSError) as error:
            st.error(f"{error}", icon=":material/error:")
        else:
            st.session_state["run"] = run.name
            st.rerun()
with right:
    st.header("Runs", anchor=False)
    listed = progress.chosen_run()
    if listed is None:
        st.info(
            "No run yet. Start one on this page, or with `python -m train` in a terminal; both appear here.",
            icon=":material/info:",
        )
    else:
        progress.show(listed)
