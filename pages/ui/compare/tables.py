"""Headline and provenance of the Compare page."""

from __future__ import annotations

import streamlit as st

from pages.ui import looking, references
from pages.ui.chrome import mark, number
from pages.ui.looking import CachedReading
from pages.ui.widgets.literal import literal
from snnpar.config import OPPONENT
from snnpar.core import numbers
from snnpar.views.time_bar.rows import AttributeRow, right, timesteps

WIDTH = 165  # of a number, pixels; with an opponent the words are longer, and the line is full anyway
WIDER = 185
WHY_NOT_FASTER = (
    "Fewer operations can still take longer here: a CPU multiplies by a zero as slowly as by any number and runs the "
    "student once for each timestep; what silence saves, only hardware made for spikes can skip."
)


def headline(rows: list[AttributeRow], seen: dict[str, CachedReading], truth: frozenset[str] | None) -> None:
    """The student's last answer and the teacher's in numbers: agreement, who is right, energy and time."""
    steps, width = timesteps(seen), WIDER if OPPONENT in seen else WIDTH
    when = f" After all {steps} timesteps; the time bar below shows the others." if steps > 1 else ""
    with st.container(horizontal=True, gap="small"):
        if len(seen) > 1:
            agree = sum("disagree" not in row.kinds for row in rows)
            number(
                "They agree",
                f"{agree} of {len(rows)}",
                f"All above or all below the threshold.{when}",
                width=width,
            )
        for role in seen if truth is not None else ():
            number(
                " right",
                f"{right(rows, role)} of {len(rows)}",
                "Decisions that equal the label of this sample." + (when if role == "student" else ""),
                role,
                width=width,
            )
        for role, one in seen.items():
            report = one.analysis.energy
            number(
                " energy",
                f"≈ {numbers.energy(report.energy_uj)}",
                f"An estimate for one image: {report.convention}.",
                role,
                f"{numbers.figures(one.analysis.energy.neuron_uj)} for neurons"
                if one.analysis.energy.neurons
                else None,
                width,
            )
        for role, one in seen.items():
            latency = looking.latency(one)
            number(
                " time",
                str(latency),
                f"One image on this computer: {latency.spread}, nothing recorded.",
                role,
                width=width,
            )
    times(seen)


def times(seen: dict[str, CachedReading]) -> None:
    """How long each model takes, with the spread of the passes, and why that need not follow its operations."""
    found = {role: looking.latency(one) for role, one in seen.items()}
    said = "; ".join(f"{mark(role)} {latency} ({latency.spread})" for role, latency in found.items())
    st.caption(f"Time for one image on this computer: {said}. {WHY_NOT_FASTER}")


def provenance(seen: dict[str, CachedReading]) -> None:
    """Where the models and the figures come from."""
    lines = [
        f"{mark(role)} **{literal(one.model.checkpoint.name)}**: {references.describe(one.model.checkpoint)}."
        for role, one in seen.items()
    ]
    energy = next(iter(seen.values())).analysis.energy
    neurons = "".join(
        f" {mark(role)}: {one.analysis.energy.neuron_share}."
        for role, one in seen.items()
        if one.analysis.energy.neurons
    )
    lines.append(
        f"Energy is an estimate for one image: {energy.convention}. {energy.note}{neurons} "
        "Time is that of bare passes of one image on this computer."
    )
    st.caption("  \n".join(lines))
    for one in seen.values():
        text = references.card(one.model.checkpoint)
        if text:
            with st.expander(f"Card of {literal(one.model.checkpoint.name)}"):
                st.code(text, language="markdown", wrap_lines=True)  # anybody may have written it
