"""What an operation is assumed to cost: one of the conventions, and any change to its numbers. All is in the link."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.ui import moment, state
from pages.ui.chrome import sentence
from snnpar.core.errors import SnnparError
from snnpar.energy.conventions import CONVENTIONS, EIGHT_BIT_SUMS, NEURON_PRICES, WEIGHT_READS, Assumptions
from snnpar.metrics.defaults import ENERGY

LINKS = {
    "mac_pj": "e_mac",
    "ac_pj": "e_ac",
    "neuron_pj": "e_neuron",
    "byte_pj": "e_byte",
    "weight_bits": "e_wbits",
    "state_bits": "e_sbits",
    "weight_reads": "e_reads",
    "first_every_timestep": "e_first",
    "norms": "e_norms",
    "phrases_every_image": "e_phrases",
    "padding": "e_pad",
    "activations": "e_act",
}
NUMBERS = {
    "mac_pj": ("MAC, pJ", "One multiplication and one addition, of numbers."),
    "ac_pj": ("AC, pJ", "One addition to a running sum: what a spike costs at each weight it meets."),
    "neuron_pj": ("Neuron update, pJ", "One neuron at one timestep: leak, sum, threshold. Empty: one MAC."),
    "byte_pj": ("Memory, pJ per byte", "A byte of a weight, a bias or a neuron's state. 0: not billed."),
    "weight_bits": ("Bits of a weight", "Billed with memory traffic, and for the equivalent quantised network."),
    "state_bits": ("Bits of a neuron's state", "The membrane potential, read and written once per timestep."),
}
SWITCHES = {
    "first_every_timestep": (
        "First convolution at every timestep",
        "The student's. The image never changes, so that it can be computed once; most papers bill it T times.",
    ),
    "phrases_every_image": (
        "Phrase embedding with every image",
        "The teacher's. Its phrases never change, so that it "
        "can be computed once for all images, and then costs one of them nothing.",
    ),
    "padding": (
        "Products with padding",
        "The zeros around an image cause no work in either network; most papers bill "
        "them in both, as if every input lay inside.",
    ),
    "norms": ("Batch norms", "They can be folded into the layer before, where they cost nothing."),
    "activations": (
        "Activations in memory",
        "With a price per byte: the values that layers read and write, a bit for "
        "a spike. The teacher's counterpart of the neurons' states.",
    ),
}
READS = dict(zip(WEIGHT_READS, ("per operation", "per timestep", "per forward"), strict=True))
BY_SIZE = ("byte_pj", "state_bits")  # have no say where memories are priced by their size


def pick() -> Assumptions:
    """Draw the choice and the drawer; what they say. An impossible number of the link is told and left out."""
    base = st.segmented_control(
        "Convention",
        list(CONVENTIONS),
        default=ENERGY,
        key=state.CONVENTION,
        bind="query-params",
        persist_state="session",
        required=True,
        on_change=_change_convention,  # no format_func: a link holds the words shown
        help="45 nm, Horowitz (ISSCC 2014). arithmetic: operations only, as most papers on spiking networks; "
        "memory: a byte costs 24.96 pJ, too (spikingjelly's simple model), and every operation fetches its weight; "
        "weights-once, weights-per-step: a weight is fetched once per forward or per timestep; int8: operations of "
        "8-bit integers; lemaire: addresses and local memories, too (Lemaire et al., 2022).",
    )
    changes = _changes(CONVENTIONS[base])
    assumptions = _edited(CONVENTIONS[base], changes)
    begins_open = st.session_state.setdefault(state.BEGIN_OPEN, bool(changes))  # then as the reader has it
    with st.expander("Assumptions: change them", icon=":material/tune:", expanded=begins_open):
        _drawer(base, assumptions)
        if changes:
            st.caption(
                f"Changed from {CONVENTIONS[base].name}: {', '.join(_words(name) for name in changes)}. "
                "The changes are in the link."
            )
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
        except SnnparError as error:
            moment.keep(link, "")
            st.warning(f"{sentence(error)} The link's value is left out.", icon=":material/warning:")
            continue
        if value != getattr(base, name):
            found[name] = value
    return found


def _parsed(name: str, text: str) -> float | int | bool:
    try:
        if name == "weight_reads":
            return text
        return bool(int(text)) if name in SWITCHES else int(text) if name.endswith("bits") else float(text)
    except ValueError:
        raise SnnparError(f"{_words(name)} must be a number; the link says {text[:20]!r}") from None


def _words(name: str) -> str:
    return "Weights are read" if name == "weight_reads" else (NUMBERS | SWITCHES)[name][0]


def _edited(base: Assumptions, changes: dict) -> Assumptions:
    return replace(base, name=f"{base.name}, changed", **changes) if changes else base


def _drawer(base: str, assumptions: Assumptions) -> None:
    columns = st.columns(len(NUMBERS), vertical_alignment="bottom")
    for (name, (label, help)), column in zip(NUMBERS.items(), columns, strict=True):
        whole = name.endswith("bits")
        limits = (
            {"min_value": 1, "max_value": 64, "step": 1}
            if whole
            else {"min_value": 0.0, "max_value": 1e6, "step": 0.1, "format": "%.4g"}
        )
        key, value = (
            state.assumption(base, name),
            assumptions.update_pj if name == "neuron_pj" else getattr(assumptions, name),
        )
        st.session_state[key] = value if whole else float(value)
        column.number_input(
            label,
            key=key,
            help=help,
            on_change=_keep,
            args=(base, name),
            disabled=assumptions.buffers and name in BY_SIZE,
            **limits,
        )
    _choices(base, assumptions)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        for name, (label, help) in SWITCHES.items():
            key = state.assumption(base, name)
            st.session_state[key] = getattr(assumptions, name)
            st.toggle(
                label,
                key=key,
                help=help,
                on_change=_keep,
                args=(base, name),
                disabled=assumptions.buffers and name == "activations",
            )
        st.button(
            "Reset",
            icon=":material/restart_alt:",
            key="reset_assumptions",
            on_click=_reset,
            disabled=assumptions == CONVENTIONS[base],
            help="Back to the convention's own numbers.",
        )


def _choices(base: str, assumptions: Assumptions) -> None:
    """Prices that somebody has published, and how often a weight is read; the numbers above follow."""
    price = next((one for one in NEURON_PRICES if one.pj == assumptions.neuron_pj), None)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.session_state[state.NEURON_PRICE] = price.name if price else None
        st.segmented_control(
            "A neuron update costs",
            [one.name for one in NEURON_PRICES],
            key=state.NEURON_PRICE,
            on_change=_keep_price,
            help="One per neuron and timestep; its source stands below.",
        )
        key = state.assumption(base, "weight_reads")
        st.session_state[key] = assumptions.weight_reads
        st.segmented_control(
            "Weights are read",
            list(READS),
            format_func=READS.get,
            key=key,
            required=True,
            on_change=_keep,
            args=(base, "weight_reads"),
            disabled=assumptions.buffers,
            help="With a price per byte; biases likewise.",
        )
        if base == "int8":
            small = all(getattr(assumptions, name) == value for name, value in EIGHT_BIT_SUMS.items())
            st.session_state[state.SUMS] = "8 bits" if small else "32 bits"
            st.segmented_control(
                "Products are summed in",
                ["32 bits", "8 bits"],
                key=state.SUMS,
                required=True,
                on_change=_keep_sums,
                help="8 bits cost 0.03 pJ to add instead of 0.1, as in "
                "spikingjelly's int8 preset, on both sides; a sum of many products would "
                "overflow.",
            )
    if price:
        st.caption(f"Neuron update, {price.name}: {price.source}.")


def _keep(base: str, name: str) -> None:
    value = st.session_state[state.assumption(base, name)]
    is_own = value is None or value == getattr(CONVENTIONS[base], name)
    moment.keep(
        LINKS[name],
        "" if is_own else value if name == "weight_reads" else f"{int(value)}" if name in SWITCHES else f"{value:.10g}",
    )


def _keep_price() -> None:
    prices = {one.name: one.pj for one in NEURON_PRICES}
    pj = prices.get(st.session_state[state.NEURON_PRICE])
    moment.keep(LINKS["neuron_pj"], "" if pj is None else f"{pj:g}")


def _keep_sums() -> None:
    for name, value in EIGHT_BIT_SUMS.items():
        moment.keep(LINKS[name], f"{value:g}" if st.session_state[state.SUMS] == "8 bits" else "")


def _change_convention() -> None:
    _reset()
    moment.keep("budget", "")  # says nothing at other prices


def _reset() -> None:
    for link in LINKS.values():
        moment.keep(link, "")
