"""What one picture costs each network in total, under the chosen assumptions and under all conventions."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from pages.ui.chrome import mark
from pages.ui.hint import heading
from pages.ui.looking import Seen
from snnpar.energy import CONVENTIONS, Assumptions, EnergyReport, estimate_energy


def headline(seen: dict[str, Seen], assumptions: Assumptions) -> None:
    """Energy of each model, their ratio, operations and NASFR."""
    reports = {role: estimate_energy(one.analysis.trace, assumptions) for role, one in seen.items()}
    with st.container(horizontal=True, gap="small"):
        for role, report in reports.items():
            _number(f"{mark(role)}, estimate", microjoules(report.energy_uj),
                    f"{seen[role].model.checkpoint.name}, this picture. {report.convention}.")
        if len(reports) == 2 and reports["student"].energy_uj:
            ratio = reports["teacher"].energy_uj / reports["student"].energy_uj
            _number("Teacher ÷ student", f"{ratio:.2g}×", f"Energy of the teacher over the student's: {assumptions}.")
        for role, report in reports.items():
            _number(f"{mark(role)} {'MACs + ACs' if report.acs else 'MACs'}", _operations(report), "Millions for this "
                    "picture. A MAC multiplies and adds numbers; an AC only adds, one for each weight a spike meets.")
        trace = seen["student"].analysis.trace if "student" in seen else None
        if trace and trace.timesteps:
            _number("NASFR", f"{100 * trace.nasfr:.1f}%", "Network average spike firing rate of the student: all "
                    f"spikes / (all neurons × T) = {trace.total_spikes:,} / ({sum(map(trace.neurons, trace.names)):,} "
                    f"× {trace.timesteps}), this picture.")
    names = " and ".join(f"{mark(role)} {one.model.checkpoint.name}" for role, one in seen.items())
    st.caption(f"{names}, this picture. Estimate: {assumptions}; {_billing(assumptions)}. Not counted: the neurons' "
               "own arithmetic, softmax and activation functions, routing of spikes, idle hardware.")


def _number(label: str, value: str, help: str) -> None:
    st.metric(label, value, border=True, width="content", help=help)


def microjoules(energy: float) -> str:
    """"≈ 72.2 µJ", or millijoules where these read better."""
    return f"≈ {energy / 1e3:.3g} mJ" if energy >= 1e5 else f"≈ {_digits(energy)} µJ"


def _digits(number: float) -> str:
    return f"{number:,.0f}" if number >= 1e3 else f"{number:.3g}"


def _operations(report: EnergyReport) -> str:
    return " + ".join(_digits(count / 1e6) for count in (report.macs, report.acs) if count) + " M"


def _billing(assumptions: Assumptions) -> str:
    first = "at every timestep" if assumptions.first_every_timestep else "once"
    return f"first convolution billed {first}, batch norms {'billed' if assumptions.norms else 'folded'}"


def conventions(seen: dict[str, Seen], assumptions: Assumptions) -> None:
    """One row for each convention and way to bill, and one for changed assumptions; the chosen row is marked."""
    heading("The same spikes under every convention", "Each row bills the same counts at other prices, so that the "
            "ratio shows how much of a claim is convention: with memory traffic the advantage of spikes shrinks, as "
            "they still fetch weights.", r"E = \mathrm{MACs}\,E_\mathrm{MAC} + \mathrm{ACs}\,E_\mathrm{AC} + "
            r"\mathrm{bytes}\,E_\mathrm{byte}")
    rows = [_row(seen, key, replace(one, first_every_timestep=first, norms=norms), assumptions)
            for key, one in CONVENTIONS.items() for first in (False, True) for norms in (False, True)]
    if not any(row["Convention"].startswith("**▸") for row in rows):
        rows.insert(0, _row(seen, "as changed above", assumptions, assumptions))
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True,
             alt="Energy of both models under each convention")
    st.caption("Estimates for this picture, µJ. Sources and what is not counted: docs/energy.md.")


def _row(seen: dict[str, Seen], title: str, one: Assumptions, chosen: Assumptions) -> dict[str, str]:
    energies = {role: estimate_energy(model.analysis.trace, one).energy_uj for role, model in seen.items()}
    cells = {"Convention": title, "First convolution": "every t" if one.first_every_timestep else "once",
             "Batch norms": "billed" if one.norms else "folded"}
    cells |= {f"{mark(role)} {seen[role].model.checkpoint.name}": _digits(energy) for role, energy in energies.items()}
    if len(energies) == 2:
        cells["Teacher ÷ student"] = f"{energies['teacher'] / energies['student']:.3g}×" if energies["student"] else "–"
    return {name: f"**{'▸ ' if name == 'Convention' else ''}{cell}**" for name, cell in cells.items()} \
        if one == chosen else cells
