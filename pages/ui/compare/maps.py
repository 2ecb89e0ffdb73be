"""Which heatmap of each model is shown, and on which scale."""

from __future__ import annotations

import streamlit as st

from pages.ui import state
from pages.ui.chrome import Selection
from pages.ui.looking import CachedReading, explain
from pages.ui.widgets.literal import literal
from snnpar.core.errors import SnnparError
from snnpar.explain import METHODS, Heatmap, methods_of
from snnpar.figures import LOOKS
from snnpar.views.reading import Maps
from snnpar.views.time_bar import rows

NO_MAP = "{} names no part to make a heatmap of: see “A model” in the README."
OWN, SHARED = "own scales", "one shared scale"


def pick(selection: Selection, seen: dict[str, CachedReading]) -> Maps:
    """The pickers and the maps they pick; a method that does not apply is told and left out."""
    schema = rows.leading(seen).model.schema
    label = schema.labels[schema.index(selection.attribute)]
    told = st.container()
    with told.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        with st.container(width="stretch"):
            st.subheader(f"Heatmaps for “{literal(label)}”", anchor=False)
        with st.container(
            horizontal=True, vertical_alignment="bottom", gap="small", width="content", key="map_choices"
        ):
            methods = {role: _method(role, one) for role, one in seen.items()}
            scale = st.container(width="content")
    heats = {}
    for role, method in methods.items():
        if method is None:
            told.info(NO_MAP.format(literal(seen[role].model.checkpoint.name)), icon=":material/info:")
            continue
        try:
            heats[role] = explain(seen, role, method, selection.image, selection.attribute)
        except SnnparError as error:
            told.info(str(error), icon=":material/info:")
    with scale:
        shared = _scale(heats)
    return Maps(heats, frozenset(role for role in heats if not METHODS[methods[role]].per_attribute), shared)


def _method(role: str, one: CachedReading) -> str | None:
    methods = methods_of(one.model)
    if not methods:
        return None
    if st.session_state.get(state.heatmap(role)) not in methods:
        st.session_state.pop(state.heatmap(role), None)  # of another model
    return st.selectbox(
        f"{LOOKS[role].name} map",
        list(methods),
        key=state.heatmap(role),
        bind="query-params",
        width=220,
        format_func=lambda key: methods[key].label,
    )


def _scale(heats: dict[str, Heatmap]) -> bool:
    """Do the maps use one scale? Only maps of one unit can."""
    if len(heats) < 2:
        return False
    comparable = len({heat.unit for heat in heats.values()}) == 1
    picked = st.segmented_control(
        "Scale" if comparable else "Scale: sharing needs one unit",
        [OWN, SHARED],
        default=OWN,
        key="scale",
        bind="query-params",
        required=True,
        disabled=not comparable,
        help="Colours of the maps on their own scales, or on one: possible for maps of one unit, such as Grad-CAM of "
        "each.",
    )
    return comparable and picked == SHARED
