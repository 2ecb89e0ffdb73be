"""The bar on every page: the models, image, attribute, threshold. All but an own image is in the link."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from pages.ui import references, state
from pages.ui.image import choice
from pages.ui.server import access
from pages.ui.widgets import back_button
from pages.ui.widgets.literal import literal, names_only
from snnpar.checkpoint import Checkpoint
from snnpar.config import OPPONENT, PAIR, ROLES
from snnpar.core.errors import SnnparError
from snnpar.figures import LOOKS
from snnpar.metrics.defaults import THRESHOLD, first_attribute
from snnpar.schema.attributes import AttributeSchema, load_schema

COLOURS = dict(zip(ROLES, ("blue", "orange", "violet"), strict=True))  # of LOOKS in Streamlit's words, see config.toml
STYLE = Path(__file__).parent / "page.css"
CHOICES = (*ROLES, "image", "attribute", "threshold")
BOUND = (*ROLES, "attribute", "threshold")  # their widgets write the link
PAGES = {  # by title, and what each uses of the bar; add a page with a file pages/TITLE.py and a line here
    "Compare": CHOICES,
    "Spikes": (*PAIR, "image", "threshold"),
    "Explain": (*PAIR, "image", "attribute", "threshold"),
    "Energy": (*ROLES, "image", "threshold"),
    "Evaluate": (*ROLES, "attribute", "threshold"),
    "Train": ("teacher",),
    "Checkpoints": (),
}


@dataclass(frozen=True, eq=False)
class Selection:
    """What the bar says; a role without any checkpoint is left out of `checkpoints`, as is an opponent not chosen."""

    checkpoints: dict[str, Checkpoint]
    image: choice.InputImage
    attribute: str
    threshold: float


def navigation() -> Page:
    """The pages of the app, in the order of PAGES; returns the one to run."""
    return st.navigation(
        [st.Page(f"{title.lower()}.py", title=title, default=not i) for i, title in enumerate(PAGES)],
        position="top",
    )


def bar(page: Page) -> None:
    """Draw what the page uses of the bar, and keep what the whole bar says for it, see `selection`."""
    st.html(STYLE)
    back_button.fix()
    st.session_state.update(st.session_state.pop(state.CARRIED, {}))
    for name in [name for name, value in st.query_params.items() if not value]:
        del st.query_params[name]  # no page writes such a link, and it would leave a choice that needs one without
    used = PAGES[page.title]
    _hide([name for name in CHOICES if name not in used])  # first, so that nothing shows and goes
    if used:
        words = dict.fromkeys("models" if name in ROLES and len(used) > 1 else name for name in used)
        told = ", ".join(words)
        st.toggle(f"Choose {told}", key="bar_open")  # seen on a phone, where it opens the bar, see page.css
    chosen = {}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="bar"):
        for role in ROLES:
            with st.container(width=_width(role), key=f"bar_{role}"):
                _checkpoint_picker(role)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", width="content", key="bar_image"):
            choice.picker()
        attribute_slot = st.container(width=150, key="bar_attribute")
        with st.container(width=120, key="bar_threshold"):
            _threshold_picker()
    access.banner()
    for role in ROLES:
        checkpoint = _resolve(role)
        if checkpoint:
            chosen[role] = checkpoint
    shown = choice.chosen()
    main = chosen.get("student") or next(iter(chosen.values()), None)
    schema = main.schema if main else load_schema("pa100k")
    with attribute_slot:
        attribute = _attribute_picker(schema)
    st.session_state[state.SELECTION] = Selection(chosen, shown, attribute, st.session_state[state.THRESHOLD])


def _hide(names: list[str]) -> None:
    """Hide choices that the page does not use. They are drawn all the same: what Streamlit does not draw it forgets,
    and takes out of the link."""
    keys = [f"bar_{name}" for name in names] + (["bar"] if len(names) == len(CHOICES) else [])
    if keys:
        wrappers = ", ".join(f":has(> .st-key-{key})" for key in keys)  # which leave a gap if they stay
        st.html(f"<style>{wrappers} {{ display: none; }}</style>")


def mark(role: str) -> str:
    """A role as coloured mark and name, for Streamlit text."""
    return f":{COLOURS[role]}[{LOOKS[role].mark}] {LOOKS[role].name}"


def number(
    label: str,
    value: str,
    help: str,
    role: str = "",
    part: str | None = None,
    width: int | str = "content",
) -> None:
    """A number in a frame, with a part of it in small print. One of a model has its role before the label, and by
    page.css its mark: the label is read aloud as it is written."""
    label = f"{LOOKS[role].name}{label}" if role else label
    with st.container(width=width, height="stretch", key=f"{role}_{label}" if role else None):
        st.metric(label, value, part, delta_color="off", delta_arrow="off", border=True, height="stretch", help=help)


def selection() -> Selection:
    """What the bar says in this run of the script."""
    return st.session_state[state.SELECTION]


def to_compare(**choices: str) -> None:
    """Go to the Compare page: the bar says there what it says now but for these choices, by role.

    They are put into the bar when the page opens: a page that polls may meanwhile have sent what the bar said before.
    """
    kept = {name: st.session_state[name] for name in BOUND if name in st.session_state}
    st.session_state[state.CARRIED] = kept | choices
    st.switch_page("compare.py", query_params={})  # left out, Streamlit refuses: widgets hold some of them


def _checkpoint_picker(role: str) -> None:
    options = list(references.known(role))
    current = st.session_state.get(role) or st.query_params.get(role)
    if current and current not in options:
        options.append(current)  # a Hub id typed before, or a broken one: said below the bar, not lost
    optional = role == OPPONENT
    st.selectbox(
        LOOKS[role].name,  # read aloud as it is written: page.css draws the mark
        options,
        key=role,
        bind="query-params",
        accept_new_options=True,
        placeholder="none" if optional else "none yet: type a Hub id",
        index=None if optional or not options else 0,
        help=("A third model beside the two, of either kind, to hold a claim against: " if optional else "")
        + "Shipped checkpoints and your own runs; or type a Hugging Face Hub id, owner/name[@revision].",
    )


def _width(role: str) -> int:
    """Of a picker, pixels, such that the shipped names and the whole bar fit on a line of 1280; an opponent's is small
    while there is none."""
    chosen = role != OPPONENT or st.session_state.get(role) or st.query_params.get(role)
    return {"teacher": 184, "student": 208}.get(role, 208 if chosen else 112)


def _resolve(role: str) -> Checkpoint | None:
    """The checkpoint picked for a role; one that cannot be had is told, and the first shipped one stays."""
    reference = st.session_state.get(role)
    if reference:
        try:
            return references.find(reference, role)
        except SnnparError as error:
            return _fall_back(role, error)
    return None if role == OPPONENT else next(iter(references.known(role).values()), None)


def _fall_back(role: str, error: SnnparError) -> Checkpoint | None:
    stays = None if role == OPPONENT else next(iter(references.known(role).values()), None)
    rest = f"The {role} shown is {stays.name}." if stays else ""
    st.error(f"{sentence(error)} {rest}")
    return stays


def sentence(error: object) -> str:
    """What an error or a status says, letter by letter and with a full stop; strangers see no folder of the server."""
    text = str(error).strip()
    text = names_only(text) if access.denied("paths") else text
    return literal(text if not text or text.endswith((".", "!", "?")) else f"{text}.")


def _threshold_picker() -> None:
    st.slider(
        "Threshold",
        0.05,
        0.95,
        THRESHOLD,
        0.01,
        key=state.THRESHOLD,
        bind="query-params",
        help="An attribute with a higher probability than this counts as present.",
    )


def _attribute_picker(schema: AttributeSchema) -> str:
    labels = dict(zip(schema.attributes, schema.labels, strict=True))
    return st.selectbox(
        "Attribute",
        schema.attributes,
        schema.index(first_attribute(schema.attributes)),
        key=state.ATTRIBUTE,
        bind="query-params",
        format_func=lambda name: labels.get(name, name),
        help="The attribute explained by the heatmaps and followed over time.",
    )
