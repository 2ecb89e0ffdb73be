"""One checkpoint: where it came from, how good it is, its card, how it differs from another; use and delete it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import references, state
from pages.ui.checkpoints.table import scores
from pages.ui.chrome import COLOURS, mark, sentence, to_compare
from pages.ui.server.access import denied
from pages.ui.widgets import frames
from pages.ui.widgets.literal import literal
from snnpar.core.errors import SnnparError
from snnpar.evaluation.scores import SHORT, Score
from snnpar.figures import LOOKS
from snnpar.metrics.pedestrian import FIVE
from snnpar.metrics.report import HEADINGS, SUPPORTED_HEADING
from snnpar.runs.history import config_diff
from snnpar.sharing.collection import HUB, SHIPPED, Ancestor, CheckpointEntry, delete, lineage

SHOWN = 200  # letters of what a config says
RELATIONS = {
    "data": ":material/dataset: trained on",
    "teacher": ":material/school: taught by",
    "start": ":material/start: started from",
}


def show(one: CheckpointEntry, there: list[CheckpointEntry]) -> None:
    """All about a checkpoint."""
    with st.container(border=True, key="checkpoint_detail"):
        st.markdown(f"{mark(one.checkpoint.role)} **{literal(one.label)}**")
        st.caption(f"{references.describe(one.checkpoint)}.")
        _buttons(one)
        _scores(one)
        _lineage(one, there)
        _compare(one, there)
        text = references.card(one.checkpoint)
        if text:
            with st.expander("Card"):
                st.code(text, language="markdown", wrap_lines=True)  # anybody may have written it


def _buttons(one: CheckpointEntry) -> None:
    role = one.checkpoint.role
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        used = st.session_state.get(state.SELECTION)
        current = used.checkpoints.get(role) if used else None
        in_use = current is not None and current.path == one.checkpoint.path
        if st.button(
            f"Use as {role}",
            icon=":material/input:",
            key="use",
            type="primary",
            disabled=in_use,
            help="It is in the bar already." if in_use else "Puts it into the bar and compares it at once.",
        ):
            to_compare(**{role: one.reference})
        if one.kind == SHIPPED:
            st.button(
                "Delete…",
                icon=":material/delete:",
                key="ask_delete",
                disabled=True,
                help="It came with the program, which needs it to start with; it stays.",
            )
        elif denied("delete") is None:
            st.button("Delete…", icon=":material/delete:", key="ask_delete", on_click=_ask, args=(one.reference,))
    if one.kind != SHIPPED and denied("delete") is None and st.session_state.get(state.DELETE_ASKED) == one.reference:
        what = "It can be downloaded again." if one.kind == HUB else "Weights, curves and log go; there is no way back."
        _confirm(one, f"Delete **{literal(one.label)}**? {what}")
    if problem := st.session_state.pop(state.DELETE_PROBLEM, None):
        st.error(problem, icon=":material/error:")


def _ask(reference: str | None) -> None:
    st.session_state[state.DELETE_ASKED] = reference


def _confirm(one: CheckpointEntry, question: str) -> None:
    st.warning(question, icon=":material/help:")
    with st.container(horizontal=True, gap="small"):
        st.button("Delete for good", key="delete", type="primary", on_click=_delete, args=(one,))
        st.button("Keep it", key="keep", on_click=_ask, args=(None,))


def _delete(one: CheckpointEntry) -> None:
    """Before the script runs again, so that the bar can let go of it."""
    _ask(None)
    if denied("delete"):
        return
    try:
        delete(one)
    except (SnnparError, OSError) as error:
        st.session_state[state.DELETE_PROBLEM] = sentence(
            error if isinstance(error, SnnparError) else f"It cannot be deleted: {error.strerror or error}"
        )
        return
    if st.session_state.get(one.checkpoint.role) == one.reference:
        st.session_state[one.checkpoint.role] = next(iter(references.known(one.checkpoint.role)), None)


def _lineage(one: CheckpointEntry, there: list[CheckpointEntry]) -> None:
    st.markdown("**Where it came from**")
    found = lineage(one, there)
    if not found:
        st.caption("Its config does not say.")
        return
    st.markdown("\n".join(map(_ancestor, found)))


def _ancestor(one: Ancestor) -> str:
    """A line of a nested list."""
    said = literal(one.name[:SHOWN])
    known = "" if one.kept or one.relation == "data" else " :gray[(not on this computer)]"
    role = one.kept.checkpoint.role if one.kept else ""
    name = f":{COLOURS[role]}[{LOOKS[role].mark}] **{said}**" if role else f"**{said}**"
    return f"{'  ' * (one.depth - 1)}- {RELATIONS[one.relation]} {name}{known}"


def _scores(one: CheckpointEntry) -> None:
    st.markdown("**How good it is**")
    found = scores(one)
    if not found:
        st.caption("Nothing is measured here yet: the Evaluate page does it. Its card below may say more.")
        return
    rows = [
        {
            "images": score.words,
            "n": score.n,
            "hash": score.digest[:SHORT] or "–",
            "convention": f"{score.convention}, {score.threshold}",
            **{HEADINGS[name]: f"{100 * score.values[name]:.1f}" for name in FIVE},
            SUPPORTED_HEADING: support(score),
            "no positive": ", ".join(score.without_positives),
        }
        for score in found
    ]
    order = ["images", "n", "hash", "convention", HEADINGS["mean_accuracy"], SUPPORTED_HEADING]
    table = frames.texts(pd.DataFrame(rows))
    st.dataframe(
        table[[*order, *(name for name in table if name not in order)]],
        hide_index=True,
        key="known_scores",
        column_config={
            "no positive": st.column_config.TextColumn(
                help="Attributes that no image has. mA averages them all the same, which says little."
            )
        },
    )


def support(score: Score) -> str:
    """mA over the attributes with enough positives, and how many these are; a dash where that is not recorded."""
    if score.supported is None:
        return "–"
    return f"{100 * score.supported:.1f} ({score.supported_attributes} attributes)"


def _compare(one: CheckpointEntry, there: list[CheckpointEntry]) -> None:
    others = [other.reference for other in there if other.reference != one.reference]
    with st.expander("Compare its config with another"):
        if not others:
            st.caption("There is no other checkpoint on this computer.")
            return
        labels = {kept.reference: kept.label for kept in there}
        name = st.selectbox(
            "Other", others, key="compared", label_visibility="collapsed", format_func=lambda one: labels.get(one, one)
        )
        other = there[[kept.reference for kept in there].index(name)]
        found = config_diff({kept.label: _config(kept) for kept in (one, other)})
        if not found:
            st.caption("Their configs are the same.")
            return
        rows = {
            literal(field): {literal(kept): _worded(value) for kept, value in values.items()}
            for field, values in found.items()
        }
        st.table(pd.DataFrame.from_dict(rows, orient="index", columns=[literal(one.label), literal(other.label)]))


def _config(one: CheckpointEntry) -> dict:
    """Model and training settings side by side, by names that cannot clash."""
    return (
        {f"model.{name}": value for name, value in one.checkpoint.model.to_dict().items()}
        | {"attributes": one.checkpoint.schema.name}
        | one.checkpoint.train
    )


def _worded(value: object) -> str:
    if value is None or value == "":
        return "–"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else literal(str(value)[:SHOWN])
