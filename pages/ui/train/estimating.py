"""What the run in the form will cost, from a few real steps in a process of their own; it can be cancelled."""

from __future__ import annotations

import time

import streamlit as st

from pages.ui import state
from snnpar.config import TrainConfig
from snnpar.core.numbers import duration
from snnpar.runs.estimate import LIMIT_S, EstimateError, RunEstimate, Trial


def offer(config: TrainConfig | None) -> None:
    """The button, the measurement under way, and what it found for the settings in the form."""
    trial: Trial | None = st.session_state.get(state.TRIAL)
    if trial is None:
        st.button(
            "Estimate time and memory",
            key="estimate",
            icon=":material/timer:",
            disabled=config is None,
            on_click=_begin,
            args=(config,),
            help=f"Takes 4 steps of exactly these settings and a batch of validation, for at most "
            f"{duration(LIMIT_S)}. Leaves no run behind.  \n`python -m snnpar estimate` with the flags above",
        )
    st.fragment(_live, run_every="1s" if trial else None)()
    if trial is None:
        _found(config)


def _begin(config: TrainConfig) -> None:
    _forget()
    st.session_state[state.TRIAL] = Trial(config)
    st.session_state[state.TRIAL_OF], st.session_state[state.TRIAL_BEGAN] = config, time.monotonic()


def _cancel() -> None:
    st.session_state.pop(state.TRIAL).close()


def _forget() -> None:
    for name in (state.ESTIMATE_FOUND, state.ESTIMATE_PROBLEM):
        st.session_state.pop(name, None)


def _live() -> None:
    """One look at the process; the whole page runs again when it is over."""
    trial: Trial | None = st.session_state.get(state.TRIAL)
    if trial is None:
        return
    try:
        found = trial.poll()
    except EstimateError as error:
        st.session_state[state.ESTIMATE_PROBLEM] = str(error)
        found = error
    if found is None:
        since = duration(time.monotonic() - st.session_state[state.TRIAL_BEGAN])
        st.progress(trial.share(), f"Estimating, {since}: {trial.told()}")
        st.button("Cancel the estimate", key="estimate_cancel", on_click=_cancel, icon=":material/close:")
        return
    if isinstance(found, RunEstimate):
        st.session_state[state.ESTIMATE_FOUND] = found
    del st.session_state[state.TRIAL]
    st.rerun()


def _found(config: TrainConfig | None) -> None:
    """The last result; one of other settings says so."""
    problem, found = (st.session_state.get(name) for name in (state.ESTIMATE_PROBLEM, state.ESTIMATE_FOUND))
    if not problem and not found:
        return
    with st.container(border=True, key="estimate_result"):
        if st.session_state[state.TRIAL_OF] != config:
            st.caption(":material/history: Of other settings than those in the form now; estimate again.")
        if problem:
            st.error(f"{problem[:1].upper()}{problem[1:]}.", icon=":material/error:")
            return
        lines = [f"| **{one.what}** | {one.value} | :small[{one.how}] |" for one in found.figures()]
        st.markdown("\n".join(["| | about | how it was found |", "|---|---|---|", *lines]))
        for note in found.notes():
            st.warning(note, icon=":material/info:" if found.fits else ":material/memory:")
