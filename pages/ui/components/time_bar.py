"""One bar over the student's timesteps that drives everything Compare shows, in the browser.

Python computes what is shown for every t beforehand (`payload`), so that nothing runs here while the bar is dragged or
playing. The browser tells where it came to rest, which attribute was picked and which filter is on.
"""

from __future__ import annotations

import streamlit as st

from pages.ui import moment, state
from pages.ui.components import adapter
from snnpar.views.time_bar.payload import payload

__all__ = ["payload", "show"]

_mount = adapter.component("time_bar")


def show(data: dict) -> None:
    """Mount the bar on a `payload`, at the timestep and with the filter that the link or another page says."""
    _bar(data | {"t": moment.at(data["timesteps"]), "show": moment.recall("show")})


@st.fragment
def _bar(data: dict) -> None:
    """A bar that came to rest runs this again and nothing else; the data, being the same, is not sent again."""
    for name in ("t", "show"):
        moment.recall(name)  # this run may have begun before the browser had the link of the one before
    _mount(
        key=state.TIME_BAR,
        data=data,
        on_moved_change=lambda: _move(data["timesteps"]),
        on_filtered_change=lambda: _filter(data["filters"]),
        on_picked_change=lambda: _pick([row["attribute"] for row in data["rows"]]),
    )
    # Compared with what is drawn, and not with what the browser says: it may say the same for ever.
    if st.session_state.get(state.ATTRIBUTE, data["attribute"]) != data["attribute"]:
        st.rerun()


# A browser can send anything: what the bar cannot have sent changes nothing.


def _said(what: str) -> object:
    return st.session_state[state.TIME_BAR][what]


def _move(timesteps: int) -> None:
    moment.move(_said("moved"), timesteps)


def _filter(filters: list[str]) -> None:
    show = _said("filtered")
    if show in ("", *filters):
        moment.keep("show", show)


def _pick(attributes: list[str]) -> None:
    """Make the attribute of the chosen row the one of the bar above."""
    picked = _said("picked")
    if picked in attributes:
        st.session_state[state.ATTRIBUTE] = picked
