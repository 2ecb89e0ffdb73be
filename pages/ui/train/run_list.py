"""All runs: the one looked at and those that lie over it, which are in the link, and all that are marked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages.ui import state
from pages.ui.train import run_table
from pages.ui.widgets.badges import WORDS
from snnpar.figures import RUN_LOOKS
from snnpar.runs.run import Run
from snnpar.runs.table import RunRow

OTHERS = len(RUN_LOOKS) - 1  # runs beside the picked one: each has a look of its own


@dataclass(frozen=True)
class ChosenRuns:
    """The run looked at and those that lie over it; and all rows that are marked in the table, the run's first."""

    run: Run
    others: tuple[Run, ...]
    marked: tuple[RunRow, ...]


def choose(rows: list[RunRow]) -> ChosenRuns:
    """Draw the table and, below it, the boxes that say the same, for keyboards, phones and links."""
    there = {row.name: row for row in rows}
    _settle(there)
    above = st.container()  # drawn last: what the link says is known once the boxes are there
    with st.container(horizontal=True, gap="small"):
        name = st.selectbox(
            "Run",
            list(there),
            key=state.RUN,
            bind="query-params",
            persist_state="session",
            width=320,
            help="All runs in checkpoints/runs, newest first; those started in a terminal too.",
        )
        beside = _beside(list(there)) if len(there) > 1 else []
    with above:
        visible = run_table.filtered(rows)
        run_table.draw(visible, len(rows), _marks(), _pick)
        counts = " · ".join(f"{n} {WORDS[one]}" for one, n in Counter(row.state for row in rows).items())
        st.caption(f"{len(visible)} of {len(rows)} runs · {counts}")
    others = tuple(Run(Path(there[one].path)) for one in beside if one != name)
    shown = {row.name for row in visible} | {name, *beside}
    marked = tuple(there[one] for one in _marks() if one in shown)
    return ChosenRuns(Run(Path(there[name].path)), others, marked)


def _settle(there: dict[str, RunRow]) -> None:
    """Forget runs that are gone; the newest one is looked at until another is picked."""
    if st.session_state.get(state.RUN, next(iter(there))) not in there:
        left = [one for one in st.session_state.get(state.BESIDE) or () if one in there]
        st.session_state[state.RUN] = (left or list(there))[0]
    kept = st.session_state.get(state.BESIDE)
    if kept is not None:
        st.session_state[state.BESIDE] = [one for one in kept if one in there]
    st.session_state[state.MARKED] = tuple(one for one in st.session_state.get(state.MARKED, ()) if one in there)


def _marks() -> tuple[str, ...]:
    """The marked runs. More than can be shown may be; else the boxes, which may have changed since, say which."""
    shown = (st.session_state.get(state.RUN, ""), *(one for one in st.session_state.get(state.BESIDE) or ()))
    marked = st.session_state.get(state.MARKED, ())
    return marked if marked[: len(shown)] == shown and len(shown) > OTHERS else tuple(dict.fromkeys(shown))


def _pick(names: tuple[str, ...]) -> None:
    """Rows were marked: the run looked at stays while it is one of them. For callbacks."""
    before = _marks()
    kept = [one for one in before if one in names]
    marked = (*kept, *(one for one in names if one not in kept))
    st.session_state[state.MARKED] = marked
    if marked:
        st.session_state[state.RUN], st.session_state[state.BESIDE] = marked[0], list(marked[1 : 1 + OTHERS])
    else:
        st.session_state[state.BESIDE] = []


def _beside(names: list[str]) -> list[str]:
    return st.multiselect(
        "Compare with",
        names,  # with the picked one: options that change would lose what the link says
        key=state.BESIDE,
        bind="query-params",
        persist_state="session",
        max_selections=OTHERS,
        placeholder="other runs, to see their curves over this one's",
    )
