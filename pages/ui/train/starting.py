"""Starting the run in the form, at once or behind those that have its device."""

from __future__ import annotations

import streamlit as st

import snnpar
from pages.ui import state
from pages.ui.chrome import sentence
from snnpar.config import TrainConfig
from snnpar.core.errors import SnnparError
from snnpar.runs import devices
from snnpar.runs.jobs import status
from snnpar.runs.run import create_run, launch


def offer(config: TrainConfig | None, faults: list[str]) -> None:
    """The button, which says how many runs are ahead; off, with the reason, while the form has faults."""
    told = st.session_state.pop(state.STARTED, "")
    if told:
        st.toast(told, icon=":material/play_arrow:")
    ahead = _ahead(config) if config else []
    reason = "; ".join(faults)
    waits = f"It waits for {' and '.join(ahead[:2])}{', and more' * (len(ahead) > 2)}." if ahead else ""
    clicked = st.button(
        f"Queue ({len(ahead)} ahead)" if ahead else "Start training",
        key="start",
        type="primary",
        icon=":material/schedule:" if ahead else ":material/play_arrow:",
        disabled=config is None,
        help=f"Off until this is fixed: {reason}." if reason else waits or None,
    )
    if reason:
        st.caption(f"Start is off until this is fixed. {reason}.")
    elif ahead:
        st.caption(f"One run at a time trains on a device. {waits}")
    if clicked and config:
        _start(config)


def _ahead(config: TrainConfig) -> list[str]:
    """The names of the runs that have its device, or wait for it."""
    device = devices.device_key(config)
    return [place.run.name for place in devices.queue() if place.device == device]


def _start(config: TrainConfig) -> None:
    try:
        with st.spinner("Starting the run…"):
            run = create_run(config, root=snnpar.RUNS)
            launch(run)
    except (SnnparError, OSError) as error:
        st.error(sentence(error), icon=":material/error:")
        return
    now = status(run)
    st.session_state[state.RUN] = run.name
    st.session_state[state.STARTED] = f"{run.name} {now.message if now.state == 'queued' else 'is starting'}."
    st.rerun()
