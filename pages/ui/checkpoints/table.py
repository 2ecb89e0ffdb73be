"""The table of checkpoints on this computer, and which one is looked at."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from pages.ui import references, state
from pages.ui.checkpoints import evaluating_all
from pages.ui.chrome import sentence
from pages.ui.server.access import denied, signed
from pages.ui.widgets import frames
from pages.ui.widgets.literal import literal
from snnpar.core.errors import SnnparError
from snnpar.evaluation.evaluations import list_evaluations
from snnpar.evaluation.scores import ImageSet, Score, image_sets, known_scores
from snnpar.figures import LOOKS
from snnpar.metrics.defaults import CONVENTION
from snnpar.metrics.report import HEADINGS, SUPPORTED_HEADING
from snnpar.models import timesteps_of
from snnpar.runs.estimate import size
from snnpar.sharing import collection
from snnpar.sharing.collection import HUB, RUN, SHIPPED, SHORT, CheckpointEntry, collect

KINDS = {SHIPPED: "shipped", RUN: "run", HUB: "Hub"}


def listed() -> list[CheckpointEntry]:
    """All checkpoints that this visitor may see."""
    return collect(runs=denied("runs") is None, private=signed())


def scores(one: CheckpointEntry) -> list[Score]:
    """What is known of how good it is; read again when it or an evaluation changes."""
    complete = sum(evaluation.is_complete for evaluation in list_evaluations())
    return _scores(references.version(one.checkpoint), complete, one)


@st.cache_data(max_entries=256, ttl=60, show_spinner=False)
def _scores(version: str, complete: int, _one: CheckpointEntry) -> list[Score]:
    return known_scores(_one.checkpoint.path)


def show(there: list[CheckpointEntry]) -> CheckpointEntry | None:
    """Draw the table; the checkpoint that is picked below it, which is in the link."""
    st.subheader("On this computer", anchor=False)
    unreadable()
    if not there:
        st.info(
            "There is no checkpoint yet. Train one on the Train page, or download one from the Hub below.",
            icon=":material/info:",
        )
        return None
    found = {
        one.reference: {score.set.key: score for score in scores(one) if score.convention == CONVENTION}
        for one in there
    }
    images = _compared_on(image_sets([list(known.values()) for known in found.values()]), len(there))
    on_it = {name: known.get(images.key) if images else None for name, known in found.items()}
    st.dataframe(
        frames.texts(pd.DataFrame([_row(one, on_it[one.reference]) for one in there])),
        hide_index=True,
        column_config=_columns(images),
        key="checkpoints",
        placeholder="–",
    )
    st.caption(_disk(there))
    evaluating_all.under_way()
    evaluating_all.offer(there, [one for one in there if not on_it[one.reference]], images)
    references = [one.reference for one in there]
    if arrived := st.session_state.pop(state.ARRIVED, None):
        st.session_state[state.CHECKPOINT] = arrived
    if st.session_state.get(state.CHECKPOINT, references[0]) not in references:
        st.session_state[state.CHECKPOINT] = references[0]
    labels = {one.reference: one.label for one in there}
    chosen = st.selectbox(
        "Look at",
        references,
        key=state.CHECKPOINT,
        bind="query-params",
        persist_state="session",
        format_func=lambda one: labels.get(one, one),
    )
    return there[references.index(chosen)]


def _compared_on(sets: list[tuple[ImageSet, int]], of: int) -> ImageSet | None:
    """The set of images that the table's scores are on: one at a time, so that no order mixes two."""
    if not sets:
        st.caption("No checkpoint has a score yet.")
        return None
    by_key = {one.key: one for one, _ in sets}
    if st.session_state.get(state.SCORED_ON, sets[0][0].key) not in by_key:
        st.session_state[state.SCORED_ON] = sets[0][0].key
    key = st.selectbox(
        "Compare mA and F1 on",
        list(by_key),
        key=state.SCORED_ON,
        bind="query-params",
        width=480,
        persist_state="session",
        format_func=lambda key: by_key[key].title if key in by_key else key,
    )
    count = dict((one.key, count) for one, count in sets)[key]
    why = (
        ""
        if by_key[key].digest
        else (
            " No hash of these images was recorded, so that they are compared by name "
            "and number alone, and with no evaluation made here."
        )
    )
    st.caption(f"{count} of {of} have a score on these images, a dash: none.{why}")
    return by_key[key]


def _row(one: CheckpointEntry, score: Score | None) -> dict:
    model = one.checkpoint.model
    return {
        "Checkpoint": one.reference if one.kind != HUB else one.reference.partition("@")[0],
        "From": KINDS[one.kind],
        "Role": f"{LOOKS[one.checkpoint.role].mark} {one.checkpoint.role}",
        "Data": one.checkpoint.train.get("dataset") or "–",
        "T": str(timesteps_of(model) or "–"),
        HEADINGS["mean_accuracy"]: 100 * score.values["mean_accuracy"] if score else None,
        SUPPORTED_HEADING: 100 * score.supported if score and score.supported is not None else None,
        HEADINGS["f1"]: 100 * score.values["f1"] if score else None,
        "Disk": one.bytes / 1e6,
        "Revision": ", ".join((*one.revisions, one.commit[:SHORT])) if one.kind == HUB else one.commit[:SHORT] or "–",
    }


def _columns(images: ImageSet | None) -> dict:
    metric, words = "%.1f", f"Percent, {CONVENTION} convention" + (f", on {literal(images.title)}." if images else ".")
    column = st.column_config
    return {
        "Checkpoint": column.TextColumn(width="large"),  # names of runs differ in their last letters
        "T": column.TextColumn(help="Timesteps of a spiking network."),
        HEADINGS["mean_accuracy"]: column.NumberColumn(format=metric, help=words),
        SUPPORTED_HEADING: column.NumberColumn(
            format=metric,
            help="mA over the attributes that enough of these images "
            "have; how many, and which none has, is told below the table.",
        ),
        HEADINGS["f1"]: column.NumberColumn(format=metric, help=words),
        "Disk": column.NumberColumn(format="%.1f MB", help="A run's states to resume from included."),
        "Revision": column.TextColumn(
            help="Of a checkpoint of the Hub: branches and the commit it is pinned to. Of "
            "others: the commit of the code that trained it."
        ),
    }


def unreadable() -> None:
    """What lies in the Hub's cache and cannot be read here; whoever may delete can get rid of it."""
    found = collection.unreadable()
    if problem := st.session_state.pop(state.UNREADABLE_PROBLEM, None):
        st.error(problem, icon=":material/error:")
    if not found:
        return
    words = f"{len(found)} from the Hub cannot be read here, {size(sum(one.bytes for one in found))}"
    if denied("delete"):
        st.caption(f"{words}.")
        return
    with st.expander(words, icon=":material/folder_off:"):
        for one in found:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.button("Delete", key=f"unreadable_{one.id}", icon=":material/delete:", on_click=_delete, args=(one,))
                name = f"{one.id.repo}@{one.id.revision[:SHORT]}" if one.id.revision else one.id.repo
                st.markdown(f"**{literal(name)}**, {size(one.bytes)}: {sentence(one.why)}")


def _delete(one: collection.UnreadableEntry) -> None:
    if denied("delete"):
        return
    try:
        collection.delete_unreadable(one)
    except (SnnparError, OSError) as error:
        st.session_state[state.UNREADABLE_PROBLEM] = sentence(error)


def _disk(there: Iterable[CheckpointEntry]) -> str:
    """Disk: 20 MB shipped · 1.2 GB of 3 runs · 9 MB of 1 from the Hub"""
    parts = []
    for kind, words in ((SHIPPED, "shipped"), (RUN, "in runs"), (HUB, "from the Hub")):
        some = [one.bytes for one in there if one.kind == kind]
        if some:
            parts.append(f"{len(some)} {words}, {size(sum(some))}")
    return "Disk: " + " · ".join(parts)
