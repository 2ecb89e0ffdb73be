"""The Hub on the page: ids that begin so, revisions and files of one, and its download, which can be cancelled.

Whatever asks the Hub runs beside the script, which looks at it every moment: a slow server never blocks the page.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pandas as pd
import streamlit as st

from pages.ui import downloads, state
from pages.ui.chrome import sentence
from pages.ui.server.access import signed
from pages.ui.widgets import frames
from pages.ui.widgets.literal import literal
from snnpar.core.errors import SnnparError
from snnpar.hub import Download, HubError, SearchResult, search
from snnpar.runs.estimate import size
from snnpar.sharing.collection import CheckpointEntry

_ASKING = ThreadPoolExecutor(4, "hub")


def show(there: list[CheckpointEntry]) -> None:
    """The search, what it found, and the download under way."""
    st.subheader("On the Hugging Face Hub", anchor=False)
    with st.form("hub_search", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            "Hub id",
            key="hub_text",
            placeholder="owner/name[@revision], or how it begins",
            max_chars=200,
            width=420,
            help="Checkpoints of this program only: safetensors and "
            "config.json. Pickled weights are never downloaded.  \n`python -m snnpar hub pull`",
        )
        if st.form_submit_button("Look up", icon=":material/search:") and text.strip():
            _ask(text)
    st.fragment(_live, run_every="0.5s" if _busy() else None)(_busy())
    if problem := st.session_state.get(state.HUB_PROBLEM):
        st.error(problem, icon=":material/cloud_off:")
    found: SearchResult | None = st.session_state.get(state.HUB_FOUND)
    if found and not st.session_state.get(state.HUB_ASKED):
        _found(found, there)


def _ask(text: str) -> None:
    for name in (state.HUB_FOUND, state.HUB_PROBLEM, state.HUB_REVISION):
        st.session_state.pop(name, None)
    st.session_state[state.HUB_ASKED] = _ASKING.submit(search, text, signed=signed())


def _forget() -> None:
    st.session_state.pop(state.HUB_ASKED, None)


def _busy() -> bool:
    return state.HUB_ASKED in st.session_state or state.DOWNLOAD in st.session_state


def _live(was_busy: bool) -> None:
    """One look at what is asked and downloaded; the whole page runs again when either is over, or cancelled."""
    if was_busy and not _busy():
        st.rerun()
    asked: Future | None = st.session_state.get(state.HUB_ASKED)
    if asked:
        if asked.done():
            _answered(asked)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(":material/hourglass: Asking the Hub…")
            st.button("Cancel", key="hub_forget", on_click=_forget, icon=":material/close:")
    download: Download | None = st.session_state.get(state.DOWNLOAD)
    if download:
        _downloading(download)


def _answered(asked: Future) -> None:
    _forget()
    try:
        st.session_state[state.HUB_FOUND] = asked.result()
    except SnnparError as error:
        st.session_state[state.HUB_PROBLEM] = sentence(error)
    st.rerun()


def _downloading(download: Download) -> None:
    try:
        folder = download.poll()
    except HubError as error:
        st.session_state[state.HUB_PROBLEM] = sentence(error)
        folder = error
    if folder is None:
        st.progress(downloads.share(download), downloads.words(download))
        st.button("Cancel the download", key="download_cancel", on_click=_cancel, icon=":material/close:")
        return
    del st.session_state[state.DOWNLOAD]
    if not isinstance(folder, HubError):
        st.session_state[state.ARRIVED] = f"{download.id.repo}@{folder.name}"  # to look at above
    st.rerun()


def _cancel() -> None:
    st.session_state.pop(state.DOWNLOAD).close()


def _found(found: SearchResult, there: list[CheckpointEntry]) -> None:
    if found.id is None:
        _matches(found)
        return
    repo, commit = found.id.repo, found.listing.commit
    with st.container(border=True, key="hub_found_box"):
        st.markdown(f"**{literal(repo)}** at `{found.id.revision}`, commit `{commit}`")
        names = [name for name in found.revisions or {} if name != found.id.revision]
        if names:
            other = st.selectbox(
                "Other revisions", names, index=None, key=state.HUB_REVISION, width=260, placeholder="look up another"
            )
            if other:
                _ask(f"{repo}@{other}")
                st.rerun()
        files = found.listing.used(("*",))
        rows = [
            {
                "file": name,
                "size": size(file.size) if file.size >= 1e6 else f"{file.size / 1e3:.1f} kB",
                "sha256": file.sha256[:12] or "–",
            }
            for name, file in sorted(files.items())
        ]
        st.dataframe(frames.texts(pd.DataFrame(rows)), hide_index=True, key="hub_files")
        _download_button(found, there)


def _matches(found: SearchResult) -> None:
    if not found.ids:
        st.info(
            f"The Hub has no model whose id begins with {literal(repr(found.asked))}.", icon=":material/search_off:"
        )
        return
    chosen = st.selectbox(
        f"{len(found.ids)} begin with {literal(found.asked)}",
        found.ids,
        index=None,
        key="hub_match",
        placeholder="pick one to see its files",
        width=420,
    )
    if chosen:
        _ask(chosen)
        st.rerun()


def _download_button(found: SearchResult, there: list[CheckpointEntry]) -> None:
    why = None
    if any(one.reference == f"{found.id.repo}@{found.listing.commit}" for one in there):
        why = "This commit is on this computer; it is in the table above."
    elif st.session_state.get(state.DOWNLOAD):
        why = "A download is under way; wait for it, or cancel it."
    else:
        why = downloads.hindrance()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Download",
            key="download_start",
            icon=":material/download:",
            type="primary",
            disabled=bool(why),
            on_click=_download,
            args=(str(found.id),),
        )
        if why:
            st.caption(why)


def _download(hub_id: str) -> None:
    st.session_state.pop(state.HUB_PROBLEM, None)
    try:
        st.session_state[state.DOWNLOAD] = downloads.begin(hub_id)
    except HubError as error:  # somebody else was faster
        st.session_state[state.HUB_PROBLEM] = sentence(error)
