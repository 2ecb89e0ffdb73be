"""What an operation is assumed to cost: one of the conventions, and any change to its numbers. All is in the link."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.ui import moment
from pages.ui.chrome import sentence
from snnpar.defaults import ENERGY
from snnpar.energy import CONVENTIONS, Assumptions

KEY = "energy"  # of the convention, here and in the link
LINKS = {
    "mac_pj": "e_mac", "ac_pj": "e_ac", "byte_pj": "e_byte", "weight_bits": "e_wbits", "state_bits": "e_sbits",
    "first_every_timestep": "e_first", "norms": "e_norms",
}
NUMBERS = {
    "mac_pj": ("MAC, pJ", "One multiplication and one addition, of numbers."),
    "ac_pj": ("AC, pJ", "One addition: what a spike costs at each weight it meets."),
    "byte_pj": ("Memory, pJ per byte", "A byte of a weight, a bias or a neuron's state. 0: not billed."),
    "weight_bits": ("Bits of a weight", "Billed with memory traffic, and for the equivalent quantised network."),
    "state_bits": ("Bits of a neuron's state", "The membrane potential, read and written once per timestep."),
}
SWITCHES = {
    "first_every_timestep": ("First convolution at every timestep", "The picture never changes, so that it can be "
                             "computed once; most papers bill it T times."),
    "norms": ("Bill batch norms", "They can be folded into the layer before, where they cost nothing."),
}


def pick() -> Assumptions:
    """Draw the choice and the drawer; what they say. An impossible number of the link is told and left out."""
    base = st.segmented_control(
        "Convention", list(CONVENTIONS), default=ENERGY, key=KEY, bind="query-params", persist_state="session",
        required=True, on_change=_change_convention,  # no format_func: a link holds the words shown
        help="45 nm, Horowitz (ISSCC 2014). arithmetic: operations only, as most papers on spiking networks; "
        "memory: a byte costs 24.96 pJ, too (spikingjelly's simple model); int8: operations of 8-bit integers.",
    )
    changes = _changes(CONVENTIONS[base])
    assumptions = _edited(CONVENTIONS[base], changes)
    begins_open = st.session_state.setdefault("assumptions_begin_open", bool(changes))  # then as the reader has it
    with st.expander("Assumptions: change them", icon=":material/tune:", expanded=begins_open):
        _drawer(base, assumptions)
        if changes:
            st.caption(f"Changed from {CONVENTIONS[base].name}: {', '.join(_words(name) for name in changes)}. "
                       "The changes are in the link.")
    return assumptions


def _changes(base: Assumptions) -> dict[str, float | int | bool]:
    """What the session or the link says that differs from the convention."""
    found = {}
    for name, link in LINKS.items():
        text = moment.recall(link)
        if not text:
            continue
        try:
            value = _parsed(name, text)
            replace(base, **{name: value})
        except ValueError as error:
            moment.keep(link, "")
            st.warning(f"{sentence(error)} The link's value is left out.", icon=":material/warning:")
            continue
        if value != getattr(base, name):
            found[name] = value
    return found


def _parsed(name: str, text: str) -> float | int | bool:
    try:
        return bool(int(text)) if name in SWITCHES else int(text) if name.endswith("bits") else float(text)
    except ValueError:
        raise ValueError(f"{_words(name)} must be a number; the link says {text[:20]!r}") from None


def _words(name: str) -> str:
    return (NUMBERS | SWITCHES)[name][0]


def _edited(base: Assumptions, changes: dict) -> Assumptions:
    return replace(base, name=f"{base.name}, changed", **changes) if changes else base


def _drawer(base: str, assumptions: Assumptions) -> None:
    columns = st.columns(len(NUMBERS), vertical_alignment="bottom")
    for (name, (label, help)), column in zip(NUMBERS.items(), columns, strict=True):
        whole = name.endswith("bits")
        limits = {"min_value": 1, "max_value": 64, "step": 1} if whole else {
            "min_value": 0.0, "max_value": 1e6, "step": 0.1, "format": "%.4g"}
        key = _key(base, name)
        st.session_state[key] = getattr(assumptions, name) if whole else float(getattr(assumptions, name))
        column.number_input(label, key=key, help=help, on_change=_keep, args=(base, name), **limits)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        for name, (label, help) in SWITCHES.items():
            key = _key(base, name)
            st.session_state[key] = getattr(assumptions, name)
            st.toggle(label, key=key, help=help, on_change=_keep, args=(base, name))
        st.button("Reset", icon=":material/restart_alt:", key="reset_assumptions", on_click=_reset,
                  disabled=assumptions == CONVENTIONS[base], help="Back to the convention's own numbers.")


def _key(base: str, name: str) -> str:
    return f"assume_{base}_{name}"


def _keep(base: str, name: str) -> None:
    value = st.session_state[_key(base, name)]
    is_own = value is None or value == getattr(CONVENTIONS[base], name)
    moment.keep(LINKS[name], "" if is_own else f"{int(value)}" if name in SWITCHES else f"{value:.10g}")


def _change_convention() -> None:
    _reset()
    moment.keep("budget", "")  # says nothing at other prices


def _reset() -> None:
    for link in LINKS.values():
        moment.keep(link, "")
