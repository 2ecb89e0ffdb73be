"""The table of runs: those that the filter lets through, sorted by a click on a heading, marked by a click on a row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pandas as pd
import streamlit as st

from pages.ui import state
from pages.ui.widgets import frames
from pages.ui.widgets.badges import WORDS
from snnpar.metrics.report import HEADINGS, SUPPORTED_HEADING
from snnpar.runs.run import STATES
from snnpar.runs.table import RunRow, matching, to_csv

ROW_PX, ROWS_SHOWN = 35, 8


def filtered(rows: list[RunRow]) -> list[RunRow]:
    """Draw the filter, which is in the link; the rows that it lets through."""
    tags = sorted({tag for row in rows for tag in row.tags}, key=str.casefold)
    kept = st.session_state.get(state.RUNS_TAG)
    if kept:
        st.session_state[state.RUNS_TAG] = [tag for tag in kept if tag in tags]
    bound = {"bind": "query-params", "persist_state": "session"}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            "Filter",
            key="runs_text",
            placeholder="words of name, note, …",
            live=True,
            type="search",
            width=190,
            **bound,
        )
        states = st.multiselect(
            "State", STATES, key="runs_state", placeholder="any", format_func=WORDS.get, width=160, **bound
        )
        # Always there: a choice that comes and goes would lose what the link says.
        chosen = st.multiselect(
            "Tag",
            tags,
            key=state.RUNS_TAG,
            placeholder="any" if tags else "none yet",
            width=160,
            help="Runs that have all of these. Tags are given below, to the marked runs.",
            **bound,
        )
        found = matching(rows, text=text or "", states=states, tags=chosen)
        st.download_button(
            "CSV",
            lambda: to_csv(found),
            "runs.csv",
            "text/csv",
            key="runs_csv",
            on_click="ignore",
            icon=":material/download:",
            disabled=not found,
            help="The runs of the table with all that is known of them, for a spreadsheet.",
        )
    return found


def draw(rows: list[RunRow], total: int, marked: tuple[str, ...], pick: Callable[[tuple[str, ...]], None]) -> None:
    """The table of the filtered rows, of `total` in all; pick(names) is called when other rows are marked."""
    if not rows:
        st.info(f"None of {total} runs matches the filter.", icon=":material/filter_alt_off:")
        return
    names = tuple(row.name for row in rows)
    wanted = [position for position, name in enumerate(names) if name in marked]
    marks = {"selection": {"rows": wanted, "columns": [], "cells": []}}
    if state.RUNS_TABLE in st.session_state and sorted(_marked()) != wanted:
        st.session_state[state.RUNS_TABLE] = marks
    st.session_state[state.RUNS_DRAWN] = names
    st.dataframe(
        frames.texts(pd.DataFrame(map(_cells, rows))),
        key=state.RUNS_TABLE,
        hide_index=True,
        column_config=_columns(),
        placeholder="–",
        on_select=lambda: pick(tuple(st.session_state[state.RUNS_DRAWN][position] for position in _marked())),
        selection_mode="multi-row",
        selection_default=marks,
        height=ROW_PX * (min(len(rows), ROWS_SHOWN) + 1) + 3,
        alt="All runs",
    )


def _marked() -> list[int]:
    return list(st.session_state.get(state.RUNS_TABLE, {}).get("selection", {}).get("rows", []))


def _cells(row: RunRow) -> dict:
    return {
        "State": WORDS[row.state],
        "Run": row.name,
        HEADINGS["mean_accuracy"]: _percent(row.mean_accuracy),
        SUPPORTED_HEADING: _percent(row.supported),
        HEADINGS["f1"]: _percent(row.f1),
        "n": row.val_images,
        "Epoch": row.epoch or 0,
        "of": row.epochs,
        "Tags": list(row.tags),
        "Created": datetime.fromisoformat(row.created).replace(tzinfo=None),
        "Model": row.model,
        "Data": row.dataset,
        "Teacher": row.teacher,
        "Minutes": None if row.seconds is None else row.seconds / 60,
        "Note": row.note,
    }


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _columns() -> dict:
    column = st.column_config
    score = (
        "Percent on the validation images of the best epoch, published convention. Runs with other images or "
        "another number of them cannot be compared by it."
    )
    return {
        "State": column.TextColumn(width=118),
        "Run": column.TextColumn(width=265),
        HEADINGS["mean_accuracy"]: column.NumberColumn(format="%.1f", width=55, help=score),
        SUPPORTED_HEADING: column.NumberColumn(
            format="%.1f",
            width=80,
            help="mA over the attributes that enough of these images have; the run's view names those that none has.",
        ),
        HEADINGS["f1"]: column.NumberColumn(format="%.1f", width=55, help=score),
        "n": column.NumberColumn(width=50, help="Validation images of the two figures."),
        "Epoch": column.NumberColumn(width=60, help="That of the last step; 0 is before the first."),
        "of": column.NumberColumn(width=40, help="Epochs of the whole run."),
        "Tags": column.ListColumn(width=130),
        "Created": column.DatetimeColumn(format="YYYY-MM-DD HH:mm", width=130, help="In the time of the server."),
        "Model": column.TextColumn(width=170),
        "Data": column.TextColumn(width=90),
        "Teacher": column.TextColumn(width=150, help="Of a distilled run."),
        "Minutes": column.NumberColumn(
            format="%.1f", width=80, help="Training and validation, pauses left out, from the speed that was logged."
        ),
        "Note": column.TextColumn(width=260),
    }
