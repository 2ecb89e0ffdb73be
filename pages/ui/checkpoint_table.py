"""The table of checkpoints on this computer, and which one is looked at."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from pages.ui import checkpoints
from pages.ui.access import denied
from snnpar.collection import HUB, RUN, SHIPPED, SHORT, Kept, collect
from snnpar.estimate import size
from snnpar.evaluations import list_evaluations
from snnpar.figures import LOOKS
from snnpar.report import HEADINGS, SUPPORTED_HEADING
from snnpar.scores import Score, known_scores

KINDS = {SHIPPED: "shipped", RUN: "run", HUB: "Hub"}


def listed() -> list[Kept]:
    """All checkpoints that this visitor may see."""
    return collect(runs=denied("runs") is None)


def scores(one: Kept) -> list[Score]:
    """What is known of how good it is; read again when it or an evaluation changes."""
    return _scores(checkpoints.version(one.checkpoint), len(list_evaluations()), one)


@st.cache_data(max_entries=256, ttl=60, show_spinner=False)
def _scores(version: str, evaluations: int, _one: Kept) -> list[Score]:
    return known_scores(_one.checkpoint.path)


def show(there: list[Kept]) -> Kept | None:
    """Draw the table; the checkpoint that is picked below it, which is in the link."""
    st.subheader("On this computer", anchor=False)
    if not there:
        st.info("There is no checkpoint yet. Train one on the Train page, or download one from the Hub below.",
                icon=":material/info:")
        return None
    st.dataframe(pd.DataFrame(map(_row, there)), hide_index=True, column_config=_columns(), key="checkpoints",
                 placeholder="–")
    st.caption(_disk(there))
    references = [one.reference for one in there]
    if arrived := st.session_state.pop("checkpoint_arrived", None):
        st.session_state["checkpoint"] = arrived
    if st.session_state.get("checkpoint", references[0]) not in references:
        st.session_state["checkpoint"] = references[0]
    labels = {one.reference: one.label for one in there}
    chosen = st.selectbox("Look at", references, key="checkpoint", bind="query-params", persist_state="session",
                          format_func=lambda one: labels.get(one, one))
    return there[references.index(chosen)]


def _row(one: Kept) -> dict:
    known, model = scores(one), one.checkpoint.model
    best = known[0] if known else None
    return {
        "Checkpoint": one.reference if one.kind != HUB else one.reference.partition("@")[0],
        "From": KINDS[one.kind],
        "Role": f"{LOOKS[one.checkpoint.role].mark} {one.checkpoint.role}",
        "Data": one.checkpoint.train.get("dataset") or "–",
        "T": str(model.timesteps) if model.architecture == "spikingformer" else "–",
        HEADINGS["mean_accuracy"]: 100 * best.values["mean_accuracy"] if best else None,
        SUPPORTED_HEADING: 100 * best.supported if best and best.supported is not None else None,
        HEADINGS["f1"]: 100 * best.values["f1"] if best else None,
        "On": on(best) if best else "–",
        "Disk": one.bytes / 1e6,
        "Revision": ", ".join((*one.revisions, one.commit[:SHORT])) if one.kind == HUB else one.commit[:SHORT] or "–",
    }


def on(score: Score) -> str:
    """val, n = 199"""
    return score.split + (f", n = {score.n:,}" if score.n is not None else "")


def _columns() -> dict:
    metric = "%.1f"
    column = st.column_config
    return {
        "Checkpoint": column.TextColumn(width="medium"),
        "T": column.TextColumn(help="Timesteps of a spiking network."),
        HEADINGS["mean_accuracy"]: column.NumberColumn(format=metric, help="Percent, published convention."),
        SUPPORTED_HEADING: column.NumberColumn(format=metric, help="mA over the attributes that enough of these images "
                                               "have; how many, and which none has, is told below the table."),
        HEADINGS["f1"]: column.NumberColumn(format=metric, help="Percent, published convention."),
        "On": column.TextColumn(help="The images of the two figures: those a run validated on, here or where a copy "
                                "was made, or of an evaluation made here. A dash: none is known here; the card below "
                                "may have some."),
        "Disk": column.NumberColumn(format="%.1f MB", help="A run's states to resume from included."),
        "Revision": column.TextColumn(help="Of a checkpoint of the Hub: branches and the commit it is pinned to. Of "
                                      "others: the commit of the code that trained it."),
    }


def _disk(there: Iterable[Kept]) -> str:
    """Disk: 20 MB shipped · 1.2 GB of 3 runs · 9 MB of 1 from the Hub"""
    parts = []
    for kind, words in ((SHIPPED, "shipped"), (RUN, "in runs"), (HUB, "from the Hub")):
        some = [one.bytes for one in there if one.kind == kind]
        if some:
            parts.append(f"{len(some)} {words}, {size(sum(some))}")
    return "Disk: " + " · ".join(parts)
