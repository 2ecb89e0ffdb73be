"""What can be done with the marked runs, one or many: tags, a note, and deleting them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from pages.ui import state
from pages.ui.train import run_controls
from snnpar.core.errors import SnnparError
from snnpar.runs.jobs import ACTIVE
from snnpar.runs.notes import MOST_LETTERS, NotesError, change_tags, set_note
from snnpar.runs.run import Run, delete_runs
from snnpar.runs.table import RunRow


def labels(marked: tuple[RunRow, ...], known: list[str]) -> None:
    """The tags of the marked runs, and the note of one. `known`: the tags of all runs, to pick from."""
    tags = [tag for tag in marked[0].tags if all(tag in row.tags for row in marked)]
    with st.container(horizontal=True, gap="small"):
        key = _key("tags", marked, tags)
        st.multiselect(
            "Tags" if len(marked) == 1 else f"Tags of all {len(marked)}",
            sorted({*known, *tags}),
            tags,
            key=key,
            accept_new_options=True,
            placeholder="type one and press Enter",
            width=260,
            on_change=_retag,
            args=(key, marked, tags),
        )
        if len(marked) == 1:
            key = _key("note", marked, marked[0].note)
            st.text_area(
                "Note",
                marked[0].note,
                key=key,
                placeholder="what you tried, what you saw",
                height=68,
                width="stretch",
                max_chars=MOST_LETTERS,
                on_change=_renote,
                args=(key, marked[0]),
            )


def _key(what: str, marked: tuple[RunRow, ...], saved: object) -> str:
    """Of a widget that shows what is saved: another one once that is another, or was not taken; else what is being
    typed stays."""
    shows = repr((saved, [row.name for row in marked], st.session_state.get(state.LABELS_REFUSED, 0)))
    return state.label(what, shows)


def _retag(key: str, marked: tuple[RunRow, ...], before: list[str]) -> None:
    wanted = st.session_state[key]
    add, remove = [tag for tag in wanted if tag not in before], [tag for tag in before if tag not in wanted]
    _write(lambda: [change_tags(_run(row), add=add, remove=remove) for row in marked])


def _renote(key: str, row: RunRow) -> None:
    _write(lambda: set_note(_run(row), st.session_state[key]))


def _write(action: Callable[[], object]) -> None:
    try:
        action()
    except NotesError as error:
        st.session_state[state.LABELS_REFUSED] = st.session_state.get(state.LABELS_REFUSED, 0) + 1
        run_controls.refuse(str(error))


def deletion(marked: tuple[RunRow, ...]) -> None:
    """Delete many with one question, which names them, and those that stay with the reason."""
    names = tuple(row.name for row in marked)
    stay = [row for row in marked if row.state in ACTIVE]
    gone = [row for row in marked if row not in stay]
    run_controls.ask_button(f"Delete {len(marked)} runs…", "delete_many", names, icon=":material/delete:")
    if not run_controls.asked("delete_many", names):
        return
    if stay:
        st.caption("These stay, as they are at work; stop them first:")
        st.code("\n".join(f"{row.name}  {row.state}" for row in stay), language=None)
    if not gone:
        st.button("Close", key="keep_delete_many", on_click=run_controls.ask, args=("", None))
        return
    question = f"Delete these {len(gone)} runs with their weights, curves, logs and notes? It cannot be undone."
    run_controls.confirm(
        "delete_many",
        question,
        f"Delete {len(gone)} for good",
        lambda: _delete(gone),
        "Deleting…",
        names=[row.name for row in gone],
    )


def _delete(rows: list[RunRow]) -> None:
    refused = delete_runs(map(_run, rows))
    if refused:
        raise SnnparError("Some stay. " + ". ".join(refused.values()) + ".")


def _run(row: RunRow) -> Run:
    return Run(Path(row.path))
