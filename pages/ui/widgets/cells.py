"""Tables whose clicked cell is a choice of the page, which may change elsewhere too."""

from __future__ import annotations

import streamlit as st

from pages.ui import state


def key(table: str, shows: object) -> str:
    """The key of a table. A new one, and so a new table with another cell marked, when what it shows changed elsewhere.

    `shows` is all that decides what the table marks. While it stays the same, so does the table, with its sorting.
    """
    if st.session_state.get(state.marks(table)) != shows:
        st.session_state[state.marks(table)] = shows
        st.session_state[state.edition(table)] = st.session_state.get(state.edition(table), 0) + 1
    return _key(table)


def clicked(table: str) -> tuple[int, str] | None:
    """For the table's callback: row, as given, and column of the clicked cell; None if a click took the mark away."""
    cells = st.session_state[_key(table)]["selection"]["cells"]
    return tuple(cells[0]) if cells else None


def shown(table: str, shows: object) -> None:
    """For the table's callback: it shows this already, so that it stays."""
    st.session_state[state.marks(table)] = shows


def _key(table: str) -> str:
    return f"{table}_{st.session_state[state.edition(table)]}"
