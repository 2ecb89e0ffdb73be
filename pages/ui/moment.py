"""The timestep looked at, one for all pages, and other choices that no Streamlit widget holds. All are in the link."""

from __future__ import annotations

import streamlit as st

from pages.ui import state

LONGEST = 4096  # characters of one choice


def at(timesteps: int) -> int:
    """The timestep looked at, 1 to T: the last, unless the link or a time bar says otherwise."""
    kept = whole(recall("t"))
    return timesteps if kept is None else min(max(1, kept), timesteps)


def whole(text: str) -> int | None:
    """A whole number of at most 9 digits, or None: a link can say anything."""
    return int(text) if text.isdecimal() and len(text) < 10 else None


def is_whole(said: object) -> bool:
    """Is this a whole number from 0 of at most 9 digits? A browser can send anything."""
    return type(said) is int and 0 <= said < 10**9


def move(t: object, timesteps: int) -> None:
    """Look at timestep t, 1 to T, from now on; anything else changes nothing.

    The last one is not kept as a number: another student may have another T.
    """
    if is_whole(t) and 1 <= t <= timesteps:
        keep("t", "" if t == timesteps else str(t))


def recall(name: str, *, linked: bool = True) -> str:
    """What was kept under a short name, or what the link says; "" if neither.

    Puts it into the link of this page, or with `linked` False takes it out: it is kept, but not on now.
    """
    value = st.session_state.setdefault(state.kept(name), st.query_params.get(name, ""))
    _link(name, value if linked else "")
    return value


def keep(name: str, value: str) -> None:
    """Keep a choice for all pages and in the link; "" forgets it. What no link can hold is not kept."""
    if not isinstance(value, str) or len(value) > LONGEST:
        return
    st.session_state[state.kept(name)] = value
    _link(name, value)


def _link(name: str, value: str) -> None:
    if st.query_params.get(name, "") == value:
        return
    if value:
        st.query_params[name] = value
    else:
        del st.query_params[name]
