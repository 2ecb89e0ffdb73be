"""What one image costs each network in total, under the chosen assumptions and under all conventions."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from pages.ui.chrome import mark, number
from pages.ui.looking import CachedReading
from pages.ui.widgets.hint import heading
from pages.ui.widgets.literal import literal
from snnpar.core import numbers
from snnpar.energy.conventions import CONVENTIONS, EIGHT_BIT_SUMS, NEURON_PRICES, WEIGHT_READS, Assumptions
from snnpar.energy.estimate import EnergyReport, estimate_energy
from snnpar.figures import LOOKS


def headline(seen: dict[str, CachedReading], assumptions: Assumptions) -> None:
    """Energy of each model, their ratio, operations and NASFR."""
    reports = {role: estimate_energy(one.analysis.trace, assumptions) for role, one in seen.items()}
    for role, report in reports.items():
        if report.lacks:
            told = f"{mark(role)} **{literal(seen[role].model.checkpoint.name)}**: {literal(report.lacks)}."
            st.warning(f"{told} Its figures on this page are too low.", icon=":material/warning:")
    with st.container(horizontal=True, gap="small"):
        for role, report in reports.items():
            number(
                ", estimate",
                f"≈ {numbers.energy(report.energy_uj)}",
                f"{literal(seen[role].model.checkpoint.name)}, this image. {report.convention}.",
                role,
            )
        for role, ratio in _ratios(seen, assumptions).items():
            number(
                _over(role),
                _times(ratio),
                f"Energy of the {role} over the student's: {assumptions}."
                + (" Below 1 the student costs more." if ratio < 1 else ""),
            )
        for role, report in reports.items():
            number(
                " MACs + ACs" if report.acs else " MACs",
                _operations(report),
                "Millions for this image. A MAC "
                "multiplies and adds numbers; an AC only adds, one for each weight a spike meets.",
                role,
            )
        trace = seen["student"].analysis.trace if "student" in seen else None
        if trace and trace.timesteps:
            number(
                " neuron updates",
                f"{numbers.figures(reports['student'].updates / 1e6)} M",
                "One per "
                f"neuron and timestep, billed {assumptions.update_pj:g} pJ each: "
                f"{reports['student'].neuron_share}.",
                "student",
            )
            number(
                "NASFR",
                f"{100 * trace.nasfr:.1f}%",
                "Network average spike firing rate of the student: all "
                f"spikes / (all neurons × T) = {trace.total_spikes:,} / ({sum(map(trace.neurons, trace.names)):,} "
                f"× {trace.timesteps}), this image.",
            )
    names = ", ".join(f"{mark(role)} {literal(one.model.checkpoint.name)}" for role, one in seen.items())
    share = "".join(f" {mark(role)}: {report.neuron_share}." for role, report in reports.items() if report.neurons)
    st.caption(
        f"{names}, this image. Estimate: {assumptions}; {_billing(assumptions)}.{share}  \n{assumptions.note} "
        "Not counted for anybody: softmax and activation functions, routing of spikes, idle hardware."
    )


def _operations(report: EnergyReport) -> str:
    return " + ".join(numbers.figures(count / 1e6) for count in (report.macs, report.acs) if count) + " M"


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}×" if ratio >= 100 else f"{ratio:.2g}×"


def _billing(assumptions: Assumptions) -> str:
    first = "at every timestep" if assumptions.first_every_timestep else "once"
    phrases = "with every image" if assumptions.phrases_every_image else "once for all images"
    padding = "billed" if assumptions.padding else "left out"
    return (
        f"first convolution billed {first}, phrase embedding {phrases}, products with padding {padding}, batch "
        f"norms {'billed' if assumptions.norms else 'folded'}"
    )


def conventions(seen: dict[str, CachedReading], assumptions: Assumptions) -> None:
    """One row for each convention, and one for changed assumptions; the chosen row is marked."""
    heading(
        "The same spikes under every convention",
        "Each row bills the same counts at other prices, so that the "
        "ratio shows how much of a claim is convention: where a weight is fetched only once, the student's fewer "
        "operations save little, and its neurons' states cost most.",
        r"E = \mathrm{MACs}\,E_\mathrm{MAC} + \mathrm{ACs}\,E_\mathrm{AC} + \mathrm{updates}\,E_\mathrm{neuron} "
        r"+ \mathrm{bytes}\,E_\mathrm{byte}",
    )
    named = dict(CONVENTIONS)
    if assumptions not in named.values():
        named = {"as changed above": assumptions, **named}
    st.markdown("  \n".join(filter(None, (_range(seen, role) for role in seen if role != "student"))))
    rows = [_bold(_row(seen, key, one)) if one == assumptions else _row(seen, key, one) for key, one in named.items()]
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True, alt="Energy of the models under each convention")
    st.caption(
        "Estimates for this image, µJ; neurons: their updates, and their states where memory is billed. What "
        "each convention leaves out, and for whom that is good:\n"
        + "\n".join(f"- **{key}**: {one.note}" for key, one in named.items())
        + "\n\nSources, and what none of them counts: docs/energy.md."
    )


def _range(seen: dict[str, CachedReading], role: str) -> str:
    """Between which ratios of a model to the student the conventions lie, and which turn against the student."""
    found = {key: ratio for key, one in CONVENTIONS.items() if (ratio := _ratios(seen, one).get(role))}
    if not found:
        return ""
    against = [key for key, ratio in found.items() if ratio < 1]
    turned = f"; under {' and '.join(against)} **the student costs more**" if against else ""
    return (
        f"By the choice of convention alone, the {role} costs {_times(min(found.values()))} to "
        f"{_times(max(found.values()))} what the student does{turned}."
    )


def _ratios(seen: dict[str, CachedReading], one: Assumptions) -> dict[str, float]:
    """The energy of each other model over the student's, by role; none where the student is missing or free."""
    energies = {role: estimate_energy(model.analysis.trace, one).energy_uj for role, model in seen.items()}
    student = energies.pop("student", 0.0)
    return {role: energy / student for role, energy in energies.items()} if student else {}


def _over(role: str) -> str:
    return f"{LOOKS[role].name} ÷ student"


def choices(seen: dict[str, CachedReading], assumptions: Assumptions) -> None:
    """What the total would be with one assumption changed, a row for each."""
    heading(
        "What each choice changes",
        "Every row changes one assumption of the first row and nothing else.",
        r"E(a_1, \dots, a_i', \dots, a_n) \quad \mathrm{beside} \quad E(a_1, \dots, a_i, \dots, a_n)",
    )
    rows = [_bold(_row(seen, "as it is", assumptions, "Choice"))]
    rows += [
        _row(seen, title, replace(assumptions, **change), "Choice") for title, change in _changes(assumptions).items()
    ]
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True, alt="Energy with one assumption changed")
    st.caption(
        f"Estimates for this image, µJ, from {assumptions.name}; change them for the whole page above. The "
        "price of a neuron update on one chip beside that of an addition on another mixes two machines."
    )


def _changes(assumptions: Assumptions) -> dict[str, dict]:
    """Titles, and what each changes."""
    switches = {
        "first_every_timestep": ("first convolution at every timestep", "first convolution once"),
        "phrases_every_image": ("phrase embedding with every image", "phrase embedding once for all images"),
        "padding": ("products with padding billed", "products with padding left out"),
        "norms": ("batch norms billed", "batch norms folded"),
        "activations": ("activations billed", "activations left out"),
    }
    has_memory = assumptions.byte_pj and not assumptions.buffers
    changes = {
        titles[getattr(assumptions, name)]: {name: not getattr(assumptions, name)}
        for name, titles in switches.items()
        if name != "activations" or has_memory
    }
    if has_memory:
        changes |= {
            words: {"weight_reads": one} for one, words in WEIGHT_READS.items() if one != assumptions.weight_reads
        }
    if (assumptions.mac_pj, assumptions.ac_pj) == (CONVENTIONS["int8"].mac_pj, CONVENTIONS["int8"].ac_pj):
        changes["sums of 8 bits instead of 32"] = EIGHT_BIT_SUMS
    changes |= {
        f"neuron update: {one.name}" + (f", {one.pj:,g} pJ" if one.pj else ""): {"neuron_pj": one.pj}
        for one in NEURON_PRICES
        if one.pj != assumptions.neuron_pj
    }
    return changes


def _row(seen: dict[str, CachedReading], title: str, one: Assumptions, first: str = "Convention") -> dict[str, str]:
    reports = {role: estimate_energy(model.analysis.trace, one) for role, model in seen.items()}
    cells = {first: title}
    for role, report in reports.items():
        cells[mark(role)] = numbers.figures(report.energy_uj)
        if role == "student" and report.neurons:
            cells["of it neurons"] = numbers.figures(report.neuron_uj)
    if "student" in seen:
        ratios = _ratios(seen, one)
        for role in seen:
            if role != "student":
                cells[_over(role)] = _ratio_words(ratios.get(role))
    return cells


def _ratio_words(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:,.0f}×" if ratio >= 1e3 else f"{ratio:.3g}×"


def _bold(row: dict[str, str]) -> dict[str, str]:
    """The row that the page goes by."""
    return {name: f"**{'' if i else '▸ '}{cell}**" for i, (name, cell) in enumerate(row.items())}
