"""Headline, attribute table, decided labels and provenance of the Compare page."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import cells, checkpoints
from pages.ui.chrome import mark
from pages.ui.looking import Seen
from pages.ui.rows import FILTERS, UNSURE, Row, right
from snnpar.figures import LOOKS

ROW_HEIGHT = 34


def headline(rows: list[Row], seen: dict[str, Seen], truth: frozenset[str] | None) -> None:
    """The answer in numbers: agreement, who is right, energy and time."""
    with st.container(horizontal=True, gap="small"):
        if len(seen) == 2:
            agree = sum("disagree" not in row.kinds for row in rows)
            _number("They agree", f"{agree} of {len(rows)}", "Both above or both below the threshold.")
        for role in seen if truth is not None else ():
            _number(
                f"{mark(role)} right",
                f"{right(rows, role)} of {len(rows)}",
                "Decisions that equal the label of this sample.",
            )
        for role, one in seen.items():
            _number(
                f"{mark(role)} energy",
                f"≈ {one.analysis.energy.energy_uj:,.0f} µJ",
                f"An estimate for one picture: {one.analysis.energy.convention}.",
            )
        for role, one in seen.items():
            _number(
                f"{mark(role)} time",
                f"{one.analysis.latency_ms:.0f} ms",
                "One picture on this computer, measured once, the recording of its layers included.",
            )


def _number(label: str, value: str, help: str) -> None:
    st.metric(label, value, border=True, width=165, help=help)


def attributes(rows: list[Row], truth: frozenset[str] | None) -> None:
    """Filters and the table; a click on a row picks the attribute."""
    st.subheader("Attribute by attribute", anchor=False)
    counts = {kind: sum(kind in row.kinds for row in rows) for kind in FILTERS}
    kinds = [kind for kind in FILTERS if kind != "wrong" or truth is not None]
    with st.container(horizontal=True, vertical_alignment="center"):
        kind = st.segmented_control(
            "Show",
            kinds,
            default="all",
            key="show",
            bind="query-params",
            required=True,
            format_func=lambda k: f"{k} {counts[k]}",
            label_visibility="collapsed",
        )
        wanted = st.text_input(
            "Search",
            type="search",
            placeholder="search",
            key="search",
            live=True,
            width=170,
            label_visibility="collapsed",
        ).casefold()
    shown = [row for row in rows if kind in row.kinds and wanted in f"{row.label} {row.attribute}".casefold()]
    if not shown:
        st.info("No attribute passes this filter.", icon=":material/filter_alt:")
        return
    _table(shown)
    known = "" if truth is not None else " The truth is not known for your own picture."
    st.caption(
        f"Probabilities in percent; a click on a row shows where the models look for it. Unsure: within "
        f"{100 * UNSURE:.0f} points of the threshold.{known}"
    )


def _table(shown: list[Row]) -> None:
    roles = list(shown[0].probs)
    data = pd.DataFrame(
        {
            "attribute": [row.label for row in shown],
            "truth": [{True: "yes", False: "no", None: "not known"}[row.truth] for row in shown],
            **{role: [100 * row.probs[role] for row in shown] for role in roles},
            "difference": [None if row.difference is None else round(100 * row.difference) for row in shown],
            "verdict": [row.verdict for row in shown],
        }
    )
    names = tuple(row.attribute for row in shown)
    current = st.session_state["attribute"]
    marked = [(names.index(current), "attribute")] if current in names else []
    st.dataframe(
        data,
        key=cells.key("table", (names, current)),
        hide_index=True,
        height=ROW_HEIGHT * (len(shown) + 1) + 4,
        row_height=ROW_HEIGHT,
        on_select=lambda: _pick(names),
        selection_mode="single-cell",
        selection_default={"selection": {"cells": marked}},
        column_config=_columns(roles),
    )


def _pick(names: tuple[str, ...]) -> None:
    """Make the attribute of the clicked cell the one of the bar; the table itself stays, with its sorting."""
    cell = cells.clicked("table")
    if cell:
        st.session_state["attribute"] = names[cell[0]]
        cells.shown("table", (names, names[cell[0]]))


def _columns(roles: list[str]) -> dict:
    column = st.column_config
    bar = {"min_value": 0, "max_value": 100, "format": "%.0f", "width": 112}
    bars = {
        role: column.ProgressColumn(f"{LOOKS[role].mark} {LOOKS[role].name}", color=LOOKS[role].colour, **bar)
        for role in roles
    }
    return {
        "attribute": column.TextColumn("Attribute", width=165),
        "truth": column.TextColumn("Truth", width=80),
        **bars,
        "difference": column.NumberColumn("Diff.", format="%+.0f", width=60, help="Student minus teacher, in points."),
        "verdict": column.TextColumn("Agreement", width=160),
    }


def decided(groups: list[dict[str, str]]) -> None:
    """The label each model settles on, group by group."""
    st.subheader("What they decide", anchor=False)
    names = {
        "group": "Group",
        "truth": "Truth",
        "teacher": mark("teacher"),
        "student": mark("student"),
        "same": "",
    }
    table = pd.DataFrame([{names[key]: group[key] for key in names if key in group} for group in groups])
    st.table(table, border="horizontal", hide_index=True)


def provenance(seen: dict[str, Seen]) -> None:
    """Where the models and the figures come from."""
    lines = [
        f"{mark(role)} **{one.model.checkpoint.name}**: {checkpoints.describe(one.model.checkpoint)}."
        for role, one in seen.items()
    ]
    convention = next(iter(seen.values())).analysis.energy.convention
    lines.append(
        f"Energy is an estimate for one picture: {convention}. Latency is one pass on this computer, measured "
        "while recording."
    )
    st.caption("  \n".join(lines))
    for one in seen.values():
        text = checkpoints.card(one.model.checkpoint)
        if text:
            with st.expander(f"Card of {one.model.checkpoint.name}"):
                st.markdown(text)
