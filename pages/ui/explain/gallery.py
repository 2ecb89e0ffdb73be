"""All heatmaps of both models side by side, and a score for each: which map is to be believed."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages.ui import moment, state
from pages.ui.chrome import Selection, mark
from pages.ui.compare.maps import NO_MAP
from pages.ui.looking import CachedReading, explain
from pages.ui.server.computing import computed
from pages.ui.widgets import hint
from pages.ui.widgets.literal import literal
from snnpar.core.errors import SnnparError
from snnpar.explain import METHODS, Heatmap, methods_of
from snnpar.explain.probing import Faithfulness, faithfulness
from snnpar.figures import LOOKS, hiding_curves, overlay

WIDTH = 168  # pixels of each map; two fit side by side on a phone
SCORES_KEPT = 512
OWN, SHARED = "own scales", "one scale per unit"
WHAT = (
    "A map's score says whether what it calls hot matters: hiding its hottest places first should make the "
    "probability fall fast (deletion), uncovering them first should make it rise fast (insertion), and a map that "
    "knows no more than chance scores about 0."
)
FORMULA = r"\text{score} = \int_0^1 p_\text{insertion}(x)\,dx - \int_0^1 p_\text{deletion}(x)\,dx \in [-1, 1]"


@dataclass(frozen=True, eq=False)
class ScoredMap:
    """One map and, once asked for, its score."""

    method: str
    heat: Heatmap
    score: Faithfulness | None = None


def one(selection: Selection, seen: dict[str, CachedReading], role: str, method: str) -> None:
    """A single map with what it hooks; where the method does not apply, why."""
    try:
        heat = explain(seen, role, method, selection.image, selection.attribute)
    except SnnparError as error:
        st.info(str(error), icon=":material/info:")
        return
    _map(selection, role, ScoredMap(method, heat), [heat])


@st.fragment
def show(selection: Selection, seen: dict[str, CachedReading]) -> None:
    """Every method of both models; runs again, alone, when scores are asked for or the scale changes."""
    schema = list(seen.values())[-1].model.schema
    label = schema.labels[schema.index(selection.attribute)]
    hint.heading(f"Every heatmap for “{literal(label)}”", WHAT, FORMULA)
    scored = _scoring(selection, seen)
    maps = {role: _maps(selection, seen, role) for role in seen}
    if scored:
        maps = _scored(selection, seen, maps)
    st.segmented_control(
        "Colour scale",
        [OWN, SHARED],
        default=OWN,
        key=state.SCALES,
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )
    everything = [shown.heat for group in maps.values() for shown in group]
    for role, group in maps.items():
        heading = _heading(group, label) if scored else ""
        st.markdown(f"{mark(role)} **{literal(seen[role].model.checkpoint.name)}**{heading}")
        with st.container(horizontal=True, gap="small"):
            for shown in group:
                same = [heat for heat in everything if heat.unit == shown.heat.unit]
                with st.container(width=WIDTH, gap="xsmall"):
                    _map(selection, role, shown, same if st.session_state[state.SCALES] == SHARED else [shown.heat])
        if group:
            st.caption(group[0].heat.placed)
        if scored and group:
            _curves(role, group, label)


def _heading(group: list[ScoredMap], label: str) -> str:
    """What the scores were taken from: where a model sees no attribute, hiding it can take little away."""
    return f" · it says “{literal(label)}” with {group[0].score.deletion[0]:.0%}" if group else ""


def _scoring(selection: Selection, seen: dict[str, CachedReading]) -> bool:
    """The button that asks for scores, and the one that stops them; are they asked for?"""
    wanted = f"{'+'.join(one.version for one in seen.values())}:{selection.image.digest}:{selection.attribute}"

    def ask(what: str | None) -> None:
        st.session_state[state.SCORED] = what
        moment.keep("scores", "yes" if what else "")

    if moment.recall("scores") == "yes":
        st.session_state.setdefault(state.SCORED, wanted)  # by the link
    scored = st.session_state.get(state.SCORED) == wanted
    moment.keep("scores", "yes" if scored else "")
    with st.container(horizontal=True, vertical_alignment="center"):
        if scored:
            st.button(
                "Without scores",
                icon=":material/close:",
                key="unscore",
                on_click=ask,
                args=(None,),
                help="Stops scoring, too; what is scored is kept.",
            )
        else:
            st.button(
                "Score them",
                icon=":material/checklist:",
                key="score",
                on_click=ask,
                args=(wanted,),
                help="Runs each model on 34 half-hidden images per map.",
            )
            st.caption("Which of these maps is to be believed? Hide what each calls important, and see.")
    return scored


def _maps(selection: Selection, seen: dict[str, CachedReading], role: str) -> list[ScoredMap]:
    """The maps that apply; those that do not are told in one line."""
    maps, why_not = [], []
    methods = methods_of(seen[role].model)
    if not methods:
        st.info(NO_MAP.format(literal(seen[role].model.checkpoint.name)), icon=":material/info:")
    for method in methods:
        try:
            maps.append(ScoredMap(method, explain(seen, role, method, selection.image, selection.attribute)))
        except SnnparError as error:
            why_not.append(f"{methods[method].label}: {literal(error)}")
    if why_not:
        st.info("  \n".join(why_not), icon=":material/info:")
    return maps


def _scored(
    selection: Selection, seen: dict[str, CachedReading], maps: dict[str, list[ScoredMap]]
) -> dict[str, list[ScoredMap]]:
    """The maps with their scores, in their order: one image makes no ranking. Says what is being scored meanwhile."""
    total, done = sum(map(len, maps.values())), 0
    progress = st.progress(0.0, "Scoring…")
    scored = {}
    for role, group in maps.items():
        scored[role] = []
        for shown in group:
            progress.progress(
                done / total, f"Scoring {done + 1} of {total}: {LOOKS[role].name}, {literal(shown.heat.title)}…"
            )
            key = f"{seen[role].version}:{shown.method}:{selection.image.digest}:{selection.attribute}"
            others = "+".join(one.version for one in seen.values())  # a student's map may depend on the teacher
            score = _score(f"{others}:{key}", seen[role], selection, shown.heat)
            scored[role].append(ScoredMap(shown.method, shown.heat, score))
            done += 1
    progress.empty()
    return scored


@computed(max_entries=SCORES_KEPT)
def _score(key: str, _one: CachedReading, _selection: Selection, _heat: Heatmap) -> Faithfulness:
    return faithfulness(_one.model, _selection.image.image, _heat, _selection.attribute)


def _map(selection: Selection, role: str, shown: ScoredMap, scale_of: list[Heatmap]) -> None:
    heat = shown.heat
    st.markdown(f"**{literal(heat.title)}**")
    if shown.score:
        areas = shown.score.areas
        st.markdown(
            f"score **{shown.score.score:+.3f}**  \n"
            f":small[insertion {areas['insertion']:.3f}]  \n:small[deletion {areas['deletion']:.3f}]"
        )
    figure = overlay(
        selection.image.small,
        heat.values,
        heat.unit,
        geometry=heat.geometry,
        signed=heat.signed,
        bound=max(one.bound for one in scale_of),
        width=WIDTH,
    )
    st.plotly_chart(
        figure,
        width=WIDTH,
        key=f"{role}_{shown.method}_map",
        config={"displayModeBar": False},
        alt=f"{LOOKS[role].name}: {heat.title}",
    )
    note = "" if METHODS[shown.method].per_attribute else " The same for every attribute."
    st.caption(f"{heat.colours} {heat.hooked[0].upper()}{heat.hooked[1:]}.{note}")


def _curves(role: str, group: list[ScoredMap], label: str) -> None:
    curves = {
        shown.heat.title: {"deletion": shown.score.deletion, "insertion": shown.score.insertion} for shown in group
    }
    with st.expander(f"Curves: the {role}'s probability of “{literal(label)}” while the image is hidden and uncovered"):
        st.plotly_chart(
            hiding_curves(curves),
            key=f"{role}_curves",
            config={"displayModeBar": False},
            alt=f"Deletion and insertion curves of the {role}'s maps",
        )
        st.caption(
            "A good map makes the left curves drop early and the right ones rise early. Hidden places are "
            "filled with the image's mean colour. Scores of one image are noisy: look at "
            "several; and where the model gives the attribute a low probability, hiding can take little away."
        )
