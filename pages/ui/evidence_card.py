"""Save or share what is seen: a link, and an evidence card as PNG and JSON."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from pages.ui import moment, picture, rows
from pages.ui.chrome import ROLES, Selection
from pages.ui.looking import Seen
from pages.ui.maps import Maps
from snnpar.evidence import Evidence, Finding, evidence_json, evidence_png

NO_LINK = "The link holds all but your picture, which never leaves this computer: whoever opens it sees a sample."


def share(selection: Selection, seen: dict[str, Seen], maps: Maps) -> None:
    """A popover with the link and the two files, which are made when they are asked for."""
    with st.popover("Share or save", icon=":material/ios_share:", width="content"):
        st.caption("Put this behind the address of this page, and it opens with what you see:")
        st.code(_link(selection), language=None, wrap_lines=True)
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
        threshold=selection.threshold, truth=selection.picture.truth,
        link=_link(selection) if picture.is_sample() else "",
        findings={role: Finding(one.analysis, maps.heats.get(role)) for role, one in seen.items()},
        timestep=moment.at(timesteps) if timesteps > 1 else None,
    )


def _link(selection: Selection) -> str:
    """The query that restores the view; what stands at its default is named too, as defaults change with time."""
    labels = {name: label for c in selection.checkpoints.values()
              for name, label in zip(c.schema.attributes, c.schema.labels, strict=True)}
    choices = {role: st.session_state.get(role) or "" for role in ROLES}
    choices |= {"sample": picture.sample_label(), "attribute": labels.get(selection.attribute, selection.attribute),
                "threshold": f"{selection.threshold:g}"}
    query = {**choices, **st.query_params.to_dict()}
    return "?" + urlencode({name: value for name, value in query.items() if value}, doseq=True)
