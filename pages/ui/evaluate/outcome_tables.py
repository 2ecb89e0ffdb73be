"""Tables of outcomes by attribute, four columns each: which model is right, and what more timesteps change.

A clicked cell picks the attribute of the bar and the outcome; both are in the link. Its images follow below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui.chrome import mark
from pages.ui.evaluate import outcome_images
from pages.ui.evaluate.evaluated import EvaluationGroup, pick_attribute
from pages.ui.widgets import cells, frames
from pages.ui.widgets.literal import literal
from snnpar.figures import LOOKS
from snnpar.metrics.outcomes import FIRST_ONLY, UNKNOWN, count_outcomes, images_with, outcomes

ROW_HEIGHT = 28
ROWS_SHOWN = 26
HEAT = "128, 136, 148"  # grey, as both models' colours mean the models
TRUTH = {1: "yes", 0: "no"}  # no image with an unknown label has an outcome
STRONGEST = 0.55  # opacity of the largest cell of a column


@dataclass(frozen=True)
class OutcomeTable:
    """One table: its key, its columns in the order of snnpar.metrics.outcomes, each (name, title, sentence), and how
    its images are ordered.
    """

    key: str
    columns: tuple[tuple[str, str, str], ...]
    order: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _, _ in self.columns)


def kind_of(pair: tuple[str, str]) -> OutcomeTable:
    """Two models against each other, by their roles."""
    return OutcomeTable(
        "outcome",
        (
            ("both right", "Both right", "both are right"),
            *((f"{one} only", f"{LOOKS[one].mark} {LOOKS[one].name} only", f"only the {one} is right") for one in pair),
            ("both wrong", "Both wrong", "both are wrong"),
        ),
        "The images on which they differ most come first.",
    )


TIME = OutcomeTable(
    "change",
    (
        ("stays right", "Stays right", "the student is right at both times"),
        ("fixed", "Fixed", "more timesteps fixed the answer"),
        ("broken", "Broken", "more timesteps broke the answer"),
        ("stays wrong", "Stays wrong", "the student is wrong at both times"),
    ),
    "The images whose answer moves most come first.",
)


def who(shown: EvaluationGroup, threshold: float, attribute: str) -> None:
    """Two models against each other: who is right, attribute by attribute."""
    st.subheader("Disagreements", anchor=False)
    pair = _pair(shown.pairs)
    st.caption(
        f"Every image counts in one of four columns: both right, one of them, neither. {literal(shown.title)}, "
        f"threshold {threshold:g} (the bar's), images with an unknown label left out. Click a cell to see its images, "
        "a column's name to sort by it."
    )
    kind = kind_of(pair)
    if st.session_state.get(kind.key) not in (None, *kind.names):
        st.session_state[kind.key] = kind.names[FIRST_ONLY]  # of another pair
    show(kind, shown, {mark(role): shown.probs[role][-1] for role in pair}, threshold, attribute)


def _pair(pairs: list[tuple[str, str]]) -> tuple[str, str]:
    """The one to show."""
    if len(pairs) == 1:
        return pairs[0]
    words = {f"{LOOKS[first].name} and {second}": (first, second) for first, second in pairs}
    return words[
        st.segmented_control(
            "Models to hold against each other",
            list(words),
            default=next(iter(words)),
            key="against",
            bind="query-params",
            required=True,
            label_visibility="collapsed",
        )
    ]


def show(
    kind: OutcomeTable, shown: EvaluationGroup, pair: dict[str, np.ndarray], threshold: float, attribute: str
) -> None:
    """The table of two answers (n, A) by name, and the images of the picked cell, the largest difference first."""
    codes = outcomes(shown.truth, *pair.values(), threshold)
    counts = count_outcomes(codes)
    order = np.lexsort((np.arange(len(counts)), -counts[:, FIRST_ONLY]))
    left, right = st.columns([5, 6], gap="medium")
    with right:
        outcome = _outcome(kind)
    with left:
        _table(kind, shown, counts[order], tuple(shown.attributes[i] for i in order), (attribute, outcome))
    with right:
        _images(shown, codes, pair, shown.attributes.index(attribute), kind, kind.names.index(outcome))


def _images(
    shown: EvaluationGroup,
    codes: np.ndarray,
    pair: dict[str, np.ndarray],
    column: int,
    kind: OutcomeTable,
    outcome: int,
) -> None:
    """Those of the picked cell, a page of them."""
    known = int((codes[:, column] != UNKNOWN).sum())
    indices = images_with(codes, column, outcome)
    first, second = (probs[indices, column] for probs in pair.values())
    indices = indices[np.argsort(-np.abs(first - second), kind="stable")]
    sentence = kind.columns[outcome][2]
    st.markdown(
        f"**{literal(shown.labels[column])}**: {sentence} in **{len(indices):,}** of {known:,} images with a "
        "known label"
    )
    if len(indices):
        st.caption(kind.order)
        key = f"{kind.key}_{outcome}_{column}"
        outcome_images.show(shown, indices, key, lambda index: _said(shown, pair, index, column))


def _said(shown: EvaluationGroup, pair: dict[str, np.ndarray], index: int, column: int) -> str:
    """Truth and both probabilities of one image."""
    answers = [f"{name} {100 * probs[index, column]:.1f}%" for name, probs in pair.items()]
    return "  \n".join([f"truth: {TRUTH[int(shown.truth[index, column])]}", *answers])


def _outcome(kind: OutcomeTable) -> str:
    """The outcome picked by a click in the table or with these buttons. No counts: a link holds the words shown."""
    # A default beside a value that a click has set would be a warning in the terminal.
    default = None if kind.key in st.session_state else kind.names[FIRST_ONLY]
    return st.segmented_control(
        "Images to show",
        kind.names,
        default=default,
        key=kind.key,
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )


def _table(
    kind: OutcomeTable, shown: EvaluationGroup, counts: np.ndarray, names: tuple[str, ...], marked: tuple[str, str]
) -> None:
    """Rows of `counts` (A, 4) by the attributes `names`; the cell of an attribute and outcome is marked."""
    labels = dict(zip(shown.attributes, shown.labels, strict=True))
    data = pd.DataFrame({"attribute": [labels[name] for name in names], "known": counts.sum(1)})
    for name, values in zip(kind.names, counts.T, strict=True):
        data[name] = values
    shows = (names, counts.tobytes(), *marked)
    st.dataframe(
        frames.texts(data).style.apply(_heat, subset=list(kind.names)).format("{:,}", subset=["known", *kind.names]),
        key=cells.key(kind.key, shows),
        hide_index=True,
        row_height=ROW_HEIGHT,
        height=ROW_HEIGHT * (min(len(names), ROWS_SHOWN) + 1) + 12,
        on_select=lambda: _pick(kind, names, shows),
        selection_mode="single-cell",
        column_config=_columns(kind),
        selection_default={"selection": {"cells": [(names.index(marked[0]), marked[1])]}},
    )


def _heat(column: pd.Series) -> list[str]:
    """Background of each cell, the stronger the more images."""
    strength = STRONGEST * column / max(column.max(), 1)
    return [f"background-color: rgba({HEAT}, {value:.3f})" for value in strength]


def _pick(kind: OutcomeTable, names: tuple[str, ...], shows: tuple) -> None:
    """Make the clicked cell the attribute of the bar and the outcome; the table itself stays, with its sorting."""
    cell = cells.clicked(kind.key)
    if not cell:
        return
    row, column = cell
    outcome = column if column in kind.names else shows[3]
    st.session_state[kind.key] = outcome
    pick_attribute(names[row])
    cells.shown(kind.key, (*shows[:2], names[row], outcome))


def _columns(kind: OutcomeTable) -> dict:
    column = st.column_config
    return {
        "attribute": column.TextColumn("Attribute", width=130, pinned=True),
        "known": column.NumberColumn("Known", width=60, help="Images whose label for the attribute is known."),
        **{name: column.NumberColumn(title, width=95) for name, title, _ in kind.columns},
    }
