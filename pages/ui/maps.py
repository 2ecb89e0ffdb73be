"""The picture and where each model looked, side by side."""

from __future__ import annotations

import streamlit as st

from pages.ui.chrome import Selection, mark
from pages.ui.looking import Seen, explain
from snnpar.explain import METHODS, Heatmap
from snnpar.figures import LOOKS, overlay

OWN, SHARED = "own scales", "one shared scale"
WIDTH = 168  # pixels of each picture; two fit side by side on a phone


def draw(selection: Selection, seen: dict[str, Seen]) -> None:
    """The picture, one heatmap per model, and below them the methods and the scale."""
    schema = list(seen.values())[-1].model.schema
    label = schema.labels[schema.index(selection.attribute)]
    st.subheader(f"Where they look for “{label}”", anchor=False)
    pictures = st.container(horizontal=True, gap="small")
    with st.container(horizontal=True, gap="small"):
        maps = {role: _method(selection, seen, role) for role in seen}
    maps = {role: heat for role, heat in maps.items() if heat}
    shared = _scale(maps)
    with pictures:
        with st.container(width=WIDTH, gap="xsmall"):
            st.markdown("Picture")
            st.image(selection.picture.small, width=WIDTH, output_format="PNG")
            st.caption(selection.picture.title)
        for role, heat in maps.items():
            with st.container(width=WIDTH, gap="xsmall"):
                st.markdown(mark(role))
                _map(selection, role, heat, list(maps.values()) if shared else [heat])


def _method(selection: Selection, seen: dict[str, Seen], role: str) -> Heatmap | None:
    """The method picker of one model, with what it hooks; a method that does not apply is told."""
    methods = METHODS[role]
    with st.container(width=260, gap="xsmall"):
        method = st.selectbox(
            f"{mark(role)} map",
            list(methods),
            key=f"{role}_map",
            bind="query-params",
            format_func=lambda key: methods[key].label,
        )
        try:
            heat = explain(seen, role, method, selection.picture, selection.attribute)
        except ValueError as error:
            st.info(str(error), icon=":material/info:")
            return None
        note = "" if methods[method].per_attribute else " The same for every attribute."
        st.caption(f"{heat.hooked[0].upper()}{heat.hooked[1:]}.{note}")
        return heat


def _map(selection: Selection, role: str, heat: Heatmap, scale_of: list[Heatmap]) -> None:
    figure = overlay(
        selection.picture.small,
        heat.values,
        heat.unit,
        width=WIDTH,
        low=min(float(one.values.min()) for one in scale_of),
        high=max(float(one.values.max()) for one in scale_of),
    )
    st.plotly_chart(
        figure,
        width=WIDTH,
        key=f"{role}_heatmap",
        config={"displayModeBar": False},
        alt=f"{LOOKS[role].name}: {heat.title}",
    )


def _scale(maps: dict[str, Heatmap]) -> bool:
    """Do both maps use one scale? Only maps of one unit can."""
    if len(maps) < 2:
        return False
    comparable = len({heat.unit for heat in maps.values()}) == 1
    picked = st.segmented_control(
        "Scale" if comparable else "Scale · a shared one needs maps of one unit, such as Grad-CAM of both",
        [OWN, SHARED],
        default=OWN,
        key="scale",
        bind="query-params",
        required=True,
        disabled=not comparable,
    )
    return comparable and picked == SHARED
