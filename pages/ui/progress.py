"""Runs on screen: the list, and one run's state, curves, neurons, lens, settings and log."""

from __future__ import annotations

import shlex

import pandas as pd
import streamlit as st

from pages.ui import run_controls, run_curves, run_files, run_lens, run_neurons, run_result
from pages.ui.run_list import ListedRun, chosen_run
from snnpar.checkpoint import CheckpointError
from snnpar.config import ConfigError, to_dict
from snnpar.history import config_diff
from snnpar.jobs import JobStatus, read_log, status
from snnpar.runs import Run

__all__ = ["show_picked"]

CURVES, NEURONS, LENS = "Curves", "Neurons", "Lens"


def show_picked() -> None:
    """The list and the run picked there; before there is any, how to come by one."""
    listed = chosen_run()
    if listed is None:
        st.info("No run yet. Start one on this page, or with `python -m train` in a terminal; both appear here.",
                icon=":material/info:")
    else:
        _show(listed)


def _show(listed: ListedRun) -> None:
    """One run; redrawn every two seconds while it, or one that it is compared with, is at work."""
    shown = (listed.run, *listed.others)
    live = listed.status.is_active or any(status(one).is_active for one in listed.others)
    st.fragment(_live, run_every="2s" if live else None)(shown, listed.status)


def _live(shown: tuple[Run, ...], was: JobStatus) -> None:
    run, *others = shown
    now = status(run)
    if now.state != was.state:
        st.rerun()  # the whole page: the list, the bar's checkpoints, and whether to go on polling
    known = run_files.history(run)
    run_controls.headline(run, now, known)
    run_controls.buttons(run, now)
    if now.state == "done":
        run_result.show(run)
    view = st.segmented_control("View", [CURVES, NEURONS, LENS], default=CURVES, key="look_at", bind="query-params",
                                persist_state="session", required=True, label_visibility="collapsed")
    if view == CURVES:
        run_curves.show(run, tuple(others))
    elif view == NEURONS:
        run_neurons.show(run, tuple(others))
    else:
        run_lens.show(run)
    if others:
        _differences(shown)
    with st.expander("Log", expanded=now.state in ("failed", "lost")):
        st.code(read_log(run) or "The log is empty.", language=None, height=220)
    with st.expander("Command of this run"):
        st.code(_command(run), language="bash", wrap_lines=True)


def _differences(shown: tuple[Run, ...]) -> None:
    """The settings in which the runs differ."""
    configs = {run.name: to_dict(config) for run in shown if (config := run_files.config(run))}
    found = config_diff(configs)
    st.markdown("**Settings that differ**")
    if not found:
        st.caption("None: these runs have the same settings.")
        return
    rows = {f"--{name.replace('_', '-')}": {run: _worded(value) for run, value in values.items()}
            for name, values in found.items()}
    st.table(pd.DataFrame.from_dict(rows, orient="index", columns=list(configs)))


def _worded(value: object) -> str:
    return {True: "yes", False: "no", "": "–"}.get(value, str(value)) if isinstance(value, bool | str) else str(value)


def _command(run: Run) -> str:
    try:
        return shlex.join(run.command)
    except (CheckpointError, ConfigError) as error:
        return f"unknown: {error}"
