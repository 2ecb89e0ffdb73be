"""The link that restores what is seen, as a whole address. An image of one's own is in it by its digest alone."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from pages.ui import state
from pages.ui.chrome import Selection
from pages.ui.image import choice, own_image
from pages.ui.looking import CachedReading
from pages.ui.server.computing import TURNS
from snnpar.config import ROLES
from snnpar.explain import METHODS
from snnpar.sharing.report import report
from snnpar.views.reading import Maps

BY_DIGEST = "Your image is not in the link, only its digest: whoever opens it is asked for the file."
BY_DATA = "The link names the image by hashes: it opens where this data has been evaluated, too."


def heading(title: str, selection: Selection, seen: dict[str, CachedReading]) -> None:
    """A page's title; at the right end the link, and a page to keep of what the models say."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(title, anchor=False, width="stretch")
        with st.container(width="content"):
            _popover(selection, seen)


@st.fragment
def _popover(selection: Selection, seen: dict[str, CachedReading]) -> None:
    """A popover with the link; opening it runs this again, as what is seen may have changed meanwhile."""
    with st.popover("Share", icon=":material/ios_share:", key="share", on_change="rerun"):
        say(selection)
        keep(selection, seen)


def say(selection: Selection) -> None:
    """The link, to copy, and what it does not hold."""
    st.caption("This address opens with what you see:")
    st.code(link(selection), language=None, wrap_lines=True)
    wanted = own_image.wanted()
    if wanted:
        is_file = wanted.startswith(own_image.FILE)
        st.info(BY_DIGEST if is_file else BY_DATA, icon=":material/lock:" if is_file else ":material/dataset:")


def keep(selection: Selection, seen: dict[str, CachedReading], maps: Maps | None = None) -> None:
    """A file with the views of this image, which is made when it is asked for; `maps` that were picked."""

    def page() -> str:
        with TURNS.taken(lambda _ahead: None, ""):
            return report(
                seen, selection.image, attribute=selection.attribute, threshold=selection.threshold, maps=maps
            )

    st.download_button(
        "Page to keep (HTML)",
        page,
        "report.html",
        "text/html",
        icon=":material/download:",
        on_click="ignore",
        key="report",
        help="Compare, Spikes and Explain of this image in one file that needs no server, with hashes and conventions.",
    )


def link(selection: Selection) -> str:
    """The address with all that is chosen; what stands at its default is named too, as defaults change with time."""
    labels = {
        name: label
        for c in selection.checkpoints.values()
        for name, label in zip(c.schema.attributes, c.schema.labels, strict=True)
    }
    choices = {role: st.session_state.get(role) or "" for role in ROLES}
    choices |= {
        "sample": choice.sample_label() if choice.is_sample() else "",
        "attribute": labels.get(selection.attribute, selection.attribute),
        "threshold": f"{selection.threshold:g}",
    }
    for role in ROLES:
        method = METHODS.get(st.session_state.get(state.heatmap(role)))
        choices[state.heatmap(role)] = method.label if method else ""
    query = {**choices, **{name: st.query_params.get_all(name) for name in st.query_params}}
    # As the browser has it, also behind a proxy; a page that is not in a browser has none.
    address = urlsplit(st.context.url or "")
    words = urlencode({name: value for name, value in query.items() if value}, doseq=True)
    return urlunsplit(address._replace(path=address.path or "/", query=words, fragment=""))
