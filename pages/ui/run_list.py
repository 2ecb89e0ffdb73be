"""The list of runs: which one is looked at, and which ones it is compared with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import streamlit as st

import snnpar
from pages.ui.states import WORDS
from snnpar.figures import RUN_LOOKS
from snnpar.jobs import JobStatus, status
from snnpar.runs import Run, list_runs

OTHERS = len(RUN_LOOKS) - 1  # runs beside the picked one: each has a look of its own


@dataclass(frozen=True)
class ListedRun:
    """A run and its state when the list was drawn, and the runs to compare it with."""

    run: Run
    status: JobStatus
    others: tuple[Run, ...] = ()


def chosen_run() -> ListedRun | None:
    """Draw the list of runs; the one that is picked, with those it is compared with. Both are in the link."""
    runs = {run.name: run for run in list_runs(snnpar.RUNS)}
    if not runs:
        return None
    states = {name: status(run) for name, run in runs.items()}
    if st.session_state.get("run", next(iter(runs))) not in runs:
        st.session_state["run"] = next(iter(runs))
    name = st.selectbox(
        "Run",
        list(runs),
        key="run",
        bind="query-params",
        persist_state="session",
        help="All runs in checkpoints/runs, newest first; those started in a terminal too.",
    )
    # Not in the options: the browser keeps showing an option's old words when only they change.
    counts = Counter(state.state for state in states.values())
    st.caption("All runs: " + " · ".join(f"{count} {WORDS[state]}" for state, count in counts.items()))
    return ListedRun(runs[name], states[name], _compared(runs, name))


def _compared(runs: dict[str, Run], name: str) -> tuple[Run, ...]:
    if len(runs) < 2:
        return ()
    kept = st.session_state.get("beside")
    if kept is not None:
        st.session_state["beside"] = [one for one in kept if one in runs]
    picked = st.multiselect(
        "Compare with",
        list(runs),  # with the picked one: options that change would lose what the link says
        key="beside",
        bind="query-params",
        persist_state="session",
        max_selections=OTHERS,
        placeholder="other runs, to see their curves over this one's",
    )
    return tuple(runs[one] for one in picked if one != name)
