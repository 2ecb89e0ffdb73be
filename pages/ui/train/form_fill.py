"""Filling the form of a new run from a run that exists, or from a command line somebody pasted."""

from __future__ import annotations

import streamlit as st

import snnpar
from pages.ui import state
from pages.ui.server import access
from pages.ui.train import form_state
from pages.ui.train.form_values import without_effect
from snnpar.config.flags import parse_command
from snnpar.core.errors import SnnparError
from snnpar.core.programs import TRAIN_WORDS
from snnpar.runs.run import list_runs, open_run


def offer() -> None:
    """A button that opens both ways."""
    with st.popover(
        "Fill in…",
        icon=":material/content_paste:",
        key="form_fill",
        help="Takes the settings of a run, or of a command line.",
    ):
        if not access.denied("runs"):
            names = [run.name for run in list_runs(snnpar.RUNS)]
            st.selectbox(
                "Settings of a run",
                names,
                index=None,
                key=state.FILL_RUN,
                placeholder="pick one" if names else "no run yet",
            )
            st.button(
                "Duplicate its settings",
                on_click=_from_run,
                disabled=not st.session_state.get(state.FILL_RUN),
                key="fill_from_run",
                icon=":material/content_copy:",
            )
        st.text_area(
            "Command line",
            key=state.FILL_COMMAND,
            placeholder=f"{TRAIN_WORDS} --epochs 20 …",
            height=100,
            help="Read only, never run.",
        )
        st.button("Fill the form", on_click=_from_command, key="fill_from_command", icon=":material/terminal:")
        problem = st.session_state.pop(state.FILL_PROBLEM, "")
        if problem:
            st.error(problem, icon=":material/error:")


def _from_run() -> None:
    name = st.session_state[state.FILL_RUN]
    _fill(lambda: open_run(snnpar.RUNS / name).config, f"Settings of {name} filled in.")


def _from_command() -> None:
    _fill(lambda: parse_command(st.session_state[state.FILL_COMMAND]), "Command line filled in.")


def _fill(read: object, told: str) -> None:
    """What cannot be read is told where it was asked for."""
    try:
        config = read()
        unused = without_effect(config)
        if unused:
            flags = ", ".join("--" + name.replace("_", "-") for name in unused)
            told += f" Left out, having no effect: {flags} ({'; '.join(dict.fromkeys(unused.values()))})."
        form_state.fill(config, told)
    except SnnparError as error:
        st.session_state[state.FILL_PROBLEM] = f"{str(error)[:1].upper()}{str(error)[1:]}."
