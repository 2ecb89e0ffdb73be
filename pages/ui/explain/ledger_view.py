"""The student's logit as an exact sum of what its spikes said, beside what the teacher has instead."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.ui import state
from pages.ui.chrome import Selection, mark
from pages.ui.components import ledger_grid
from pages.ui.components.ledger_grid import Cell
from pages.ui.explain import gallery
from pages.ui.looking import CachedReading
from pages.ui.server.computing import computed
from pages.ui.widgets import hint
from pages.ui.widgets.literal import literal
from snnpar.explain import methods_of
from snnpar.explain.ledger import ChannelTerms, Ledger, channel_terms, entering_spikes, spike_ledger
from snnpar.figures import channel_bars
from snnpar.models.network import BRANCHES

LEDGERS_KEPT, CHANNELS_KEPT = 64, 128
CHANNELS_SHOWN = 8
NO_SPIKES = (
    "This student does not spike, so there is no spike ledger: its logit is not a sum over spikes. Its heatmaps and "
    "occlusion are in the other views; or pick a spiking student in the bar."
)
NO_BRANCHES = (
    "This student names no residual branches that its read-out sums up, so its logit cannot be taken apart exactly. "
    "Its heatmaps and occlusion are in the other views; how a network says what it is made of, the README tells."
)
WHAT = (
    "Since the read-out is linear, a logit is exactly the sum of what the spikes at each timestep t, branch s and "
    "token n say for (+, red) or against (−, blue) the attribute, and of constants that bias and batch norm add even "
    "where nothing fires."
)
FORMULA = r"z_a = b_a + \sum_{t,s,n} \frac{w_a \cdot \left(\gamma_s\, W_s\, \mathrm{spikes}_{t,s,n} + c_s\right)}{T N}"


def show(selection: Selection, seen: dict[str, CachedReading]) -> None:
    """The ledger of the bar's attribute, and the teacher's counterpart."""
    left, right = st.columns([7, 3], gap="medium")
    with left:
        _student(selection, seen)
    with right:
        _teacher(selection, seen)


def _student(selection: Selection, seen: dict[str, CachedReading]) -> None:
    hint.heading("Spike ledger", WHAT, FORMULA)
    if "student" not in seen:
        return  # told above
    student = seen["student"]
    if BRANCHES not in student.model.capabilities:
        st.info(NO_BRANCHES if student.model.timesteps else NO_SPIKES, icon=":material/info:")
        return
    if selection.attribute not in student.model.schema.attributes:
        st.info(f"The student does not know {literal(repr(selection.attribute))}.", icon=":material/info:")
        return
    _grid(selection, student)


@st.fragment
def _grid(selection: Selection, student: CachedReading) -> None:
    """Runs again, alone, when another cell is chosen."""
    ledger = _ledger(*_key(selection, student), selection.attribute, student)
    schema = student.model.schema
    label = schema.labels[schema.index(selection.attribute)]
    name = student.model.checkpoint.name
    _sum(ledger, label, name)
    cell = ledger_grid.chosen(ledger)
    spikes = None
    if cell.t and cell.branch:
        spikes = entering_spikes(student.model.module, student.analysis.trace, cell.branch)[cell.t - 1]
    ledger_grid.show(
        ledger, spikes, selection.image.small, student.model.geometry, f"Spike ledger of {name} for {label}"
    )
    _channels(selection, student, ledger, cell)


def _sum(ledger: Ledger, label: str, name: str) -> None:
    """The sum, said in one line, and whether it is the logit."""
    st.markdown(f"{mark('student')} {literal(name)}, “{literal(label)}”: {ledger}")
    if ledger.error > ledger.tolerance:
        st.error("The sum is not the logit: do not trust this ledger. The weights may have changed on disk; reload.")


def _channels(selection: Selection, student: CachedReading, ledger: Ledger, cell: Cell) -> None:
    labels = dict(zip(ledger.branches, ledger.labels, strict=True))
    where = labels[cell.branch] if cell.branch else "all branches"
    st.markdown(f"**Which channels of the read-out carry it: {where}, all t and tokens**")
    names = (cell.branch,) if cell.branch else ledger.branches
    parts = [_terms(*_key(selection, student), selection.attribute, name, student) for name in names]
    spikes, constants = sum(part.spikes for part in parts), sum(part.constants for part in parts)
    st.plotly_chart(
        channel_bars(spikes, constants, CHANNELS_SHOWN),
        key="channels",
        config={"displayModeBar": False},
        alt=f"Read-out channels, {where}",
    )
    st.caption(
        f"The {CHANNELS_SHOWN} strongest for and against of {len(spikes)}; all bars together are "
        f"{np.sum(spikes) + np.sum(constants):+.4f} logit.".replace("-", "−")
    )


def _teacher(selection: Selection, seen: dict[str, CachedReading]) -> None:
    st.subheader("Heatmap of the teacher", anchor=False)
    if "teacher" not in seen:
        return
    methods = methods_of(seen["teacher"].model)
    if not methods:
        return
    method = st.selectbox(
        "Teacher map",
        list(methods),
        key=state.heatmap("teacher"),
        bind="query-params",
        format_func=lambda key: methods[key].label,
    )
    gallery.one(selection, seen, "teacher", method)
    st.caption(
        f"{literal(seen['teacher'].model.checkpoint.name)} has no such exact sum: softmax and GELU mix all tokens "
        "before the read-out. This map says where it looked or what it was sensitive to, in its own unit, not what "
        "each place added to the logit."
    )


def _key(selection: Selection, student: CachedReading) -> tuple[str, str]:
    return student.version, selection.image.digest


@computed(max_entries=LEDGERS_KEPT, show_spinner="Taking the logit apart…")
def _ledger(version: str, digest: str, attribute: str, _student: CachedReading) -> Ledger:
    model = _student.model
    return spike_ledger(model.module, _student.analysis.trace, model.schema.index(attribute))


@computed(max_entries=CHANNELS_KEPT, show_spinner="Taking the branches apart by channel…")
def _terms(version: str, digest: str, attribute: str, branch: str, _student: CachedReading) -> ChannelTerms:
    model = _student.model
    return channel_terms(model.module, _student.analysis.trace, model.schema.index(attribute), branch)
