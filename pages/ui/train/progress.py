"""Runs on screen: the table, and one run's state, curves, neurons, lens, settings and log."""

from __future__ import annotations

import shlex
from pathlib import Path

import pandas as pd
import streamlit as st

import snnpar
from pages.ui.train import run_controls, run_curves, run_files, run_lens, run_list, run_marked, run_neurons, run_result
from pages.ui.widgets import frames
from pages.ui.widgets.literal import literal
from snnpar.checkpoint import CheckpointError
from snnpar.config import ConfigError
from snnpar.core.programs import TRAIN_WORDS
from snnpar.runs.history import config_diff
from snnpar.runs.jobs import ACTIVE, read_log
from snnpar.runs.notes import read_notes
from snnpar.runs.run import Run, run_status, unnamed_runs
from snnpar.runs.table import RunRow

__all__ = ["show_picked"]

CURVES, NEURONS, LENS = "Curves", "Neurons", "Lens"


def show_picked(*, own: bool = True) -> None:
    """The table and the run picked there; before there is any, how to come by one. `own`: also runs made here, not
    only those that came with the program."""
    rows = run_files.rows(own=own)
    if own and (unnamed := unnamed_runs(snnpar.RUNS)):
        st.warning(
            f"Not shown, as their names are no UTF-8: {literal(', '.join(unnamed))}. Rename these folders of "
            "checkpoints/runs.",
            icon=":material/folder_off:",
        )
    if own and all(Run(Path(row.path)).is_shipped for row in rows):
        st.info(
            f"No run of yours yet. Start one on this page, or with `{TRAIN_WORDS}` in a terminal; both appear here.",
            icon=":material/info:",
        )
    if not rows:
        return
    live = any(row.state in ACTIVE for row in rows)
    st.fragment(_live, run_every="2s" if live else None)(_states(rows), own)


def _states(rows: list[RunRow]) -> dict[str, str]:
    return {row.name: row.state for row in rows}


def _live(was: dict[str, str], own: bool) -> None:
    """Table and view; redrawn every two seconds while any run is at work."""
    rows = run_files.rows(own=own)
    if _states(rows) != was:
        st.rerun()  # the whole page: the bar's checkpoints, and whether to go on polling
    chosen = run_list.choose(rows)
    marked = tuple(row for row in chosen.marked if not Run(Path(row.path)).is_shipped)
    if len(marked) > 1:
        run_marked.deletion(marked)
    if marked:
        run_marked.labels(marked, [tag for row in rows for tag in row.tags])
    _view(chosen.run, chosen.others)


def _view(run: Run, others: tuple[Run, ...]) -> None:
    now = run_status(run)
    run_controls.headline(run, now, run_files.history(run))
    if run.is_shipped:
        st.caption(f":material/inventory_2: {literal(read_notes(run).note)} To look at: it has no weights.")
    else:
        run_controls.buttons(run, now)
    if others:
        _differences((run, *others))
    if now.state == "done":
        run_result.show(run)
    view = st.segmented_control(
        "View",
        [CURVES, NEURONS, LENS],
        default=CURVES,
        key="look_at",
        bind="query-params",
        persist_state="session",
        required=True,
        label_visibility="collapsed",
    )
    if view == CURVES:
        run_curves.show(run, others)
    elif view == NEURONS:
        run_neurons.show(run, others)
    else:
        run_lens.show(run)
    with st.expander("Log", expanded=now.state in ("failed", "lost", "damaged")):
        st.code(read_log(run) or "The log is empty.", language=None, height=220)
    with st.expander("Command of this run"):
        st.code(_command(run), language=None, wrap_lines=True)


def _differences(shown: tuple[Run, ...]) -> None:
    """The settings in which the runs differ. A data frame: its cells are text, never Markdown."""
    configs = {run.name: config.settings() for run in shown if (config := run_files.config(run))}
    found = config_diff(configs)
    st.markdown("**Settings that differ**")
    if not found:
        st.caption("None: these runs have the same settings.")
        return
    rows = {
        f"--{name.replace('_', '-')}": {run: _worded(value) for run, value in values.items()}
        for name, values in found.items()
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=list(configs))
    st.dataframe(frames.texts(frame.rename_axis("setting")), key="runs_differ")


def _worded(value: object) -> str:
    return {True: "yes", False: "no", "": "–"}.get(value, str(value)) if isinstance(value, bool | str) else str(value)


def _command(run: Run) -> str:
    try:
        return shlex.join(run.command)
    except (CheckpointError, ConfigError) as error:
        return f"unknown: {error}"
