"""Save or share what Compare shows: a link, and an evidence card as PNG and JSON."""

from __future__ import annotations

import streamlit as st

from pages.ui import moment, sharing
from pages.ui.chrome import Selection
from pages.ui.compare.maps import Maps
from pages.ui.looking import CachedReading
from snnpar.sharing.evidence import Evidence, ModelEvidence, evidence_json, evidence_png
from snnpar.views.time_bar import rows


@st.fragment
def share(selection: Selection, seen: dict[str, CachedReading], maps: Maps) -> None:
    """A popover with the link and the two files, which are made when they are asked for.

    Opening it runs this again: the time bar and the table move without the rest of the page.
    """
    with st.popover("Share or save", icon=":material/ios_share:", width="content", key="share", on_change="rerun"):
        sharing.say(selection)
        st.caption("An evidence card holds this view with its numbers, conventions and checkpoint hashes:")
        evidence = _evidence(selection, seen, maps)
        with st.container(horizontal=True):
            for label, make, ending, mime in (
                ("Card (PNG)", evidence_png, "png", "image/png"),
                ("Numbers (JSON)", evidence_json, "json", "application/json"),
            ):
                st.download_button(
                    label,
                    lambda make=make: make(evidence),
                    f"evidence-{selection.attribute}.{ending}",
                    mime,
                    icon=":material/download:",
                    on_click="ignore",
                    key=f"evidence_{ending}",
                )
            sharing.keep(selection, seen, maps)


def _evidence(selection: Selection, seen: dict[str, CachedReading], maps: Maps) -> Evidence:
    timesteps = rows.timesteps(seen)
    return Evidence(
        title=selection.image.title,
        image=selection.image.image,
        attribute=selection.attribute,
        threshold=selection.threshold,
        truth=selection.image.truth,
        link=sharing.link(selection),
        findings={role: ModelEvidence(one.analysis, maps.heats.get(role)) for role, one in seen.items()},
        timestep=moment.at(timesteps) if timesteps > 1 else None,
    )
