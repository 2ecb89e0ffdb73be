"""Save or share what is seen: a link, and an evidence card as PNG and JSON."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from pages.ui import moment, picture, rows
from pages.ui.chrome import Selection
from pages.ui.looking import Seen
from pages.ui.maps import Maps
from snnpar.evidence import Evidence, Finding, evidence_json, evidence_png

NO_LINK = "A picture of your own is never in a link: whoever opens it sees the sample of the bar instead."


def share(selection: Selection, seen: dict[str, Seen], maps: Maps) -> None:
    """A popover with the link and the two files, which are made when they are asked for."""
    with st.popover("Share or save", icon=":material/ios_share:", width="content"):
        st.caption("The address of this page holds what you see:")
        st.code(_link(), language=None, wrap_lines=True)
        if not picture.is_sample():
            st.info(NO_LINK, icon=":material/lock:")
        st.caption("An evidence card holds this view with its numbers, conventions and checkpoint hashes:")
        evidence = _evidence(selection, seen, maps)
        with st.container(horizontal=True):
            for label, make, ending, mime in (("Card (PNG)", evidence_png, "png", "image/png"),
                                              ("Numbers (JSON)", evidence_json, "json", "application/json")):
                st.download_button(label, lambda make=make: make(evidence), f"evidence-{selection.attribute}.{ending}",
                                   mime, icon=":material/download:", on_click="ignore", key=f"evidence_{ending}")


def _evidence(selection: Selection, seen: dict[str, Seen], maps: Maps) -> Evidence:
    timesteps = rows.timesteps(seen)
    return Evidence(
        title=selection.picture.title, picture=selection.picture.image, attribute=selection.attribute,
        threshold=selection.threshold, truth=selection.picture.truth, link=_link() if picture.is_sample() else "",
        findings={role: Finding(one.analysis, maps.heats.get(role)) for role, one in seen.items()},
        timestep=moment.at(timesteps) if timesteps > 1 else None,
    )


def _link() -> str:
    """The query of the address; the rest of it is the server's."""
    return "?" + urlencode(st.query_params.to_dict(), doseq=True)
