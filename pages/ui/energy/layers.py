"""Where the energy goes: both networks part by part, every layer in a table, firing rates against break-even."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui import moment, state
from pages.ui.chrome import mark
from pages.ui.looking import CachedReading
from pages.ui.widgets import frames
from pages.ui.widgets.hint import heading
from pages.ui.widgets.literal import literal
from snnpar.core import numbers
from snnpar.energy.conventions import Assumptions
from snnpar.energy.estimate import (
    PUBLISHED_BREAK_EVEN,
    EnergyReport,
    LayerEnergy,
    bits_for,
    break_even_rate,
    estimate_energy,
    quantised_mac,
)
from snnpar.figures.energy import Bars, LayerRate, part_bars, rates_against_break_even
from snnpar.models.topology import TOKENIZER, merged

LIKE_PLOT = {"config": {"displayModeBar": False}}
SCALES = ("operations", "energy")
WORDS = {TOKENIZER: "image to tokens"}  # of stages that say more here than beside a strip of neurons
NEURONS = "neurons"


def parts(seen: dict[str, CachedReading], assumptions: Assumptions) -> None:
    """Bars by part, and every layer in a table."""
    heading(
        "Where the operations are",
        "Solid orange is what the spikes really caused, hatched what the same layers "
        "would cost if every input were a number; the teacher, blue, multiplies everywhere.",
        r"\mathrm{ACs} = \sum_{\mathrm{spikes}} \mathrm{fan\text{-}out}, \qquad "
        r"\mathrm{spikes\ per\ synapse} = \frac{\mathrm{ACs}\,T}{\mathrm{MACs}}",
    )
    scale = st.segmented_control(
        "Bars show",
        SCALES,
        default="operations",
        key="energy_bars",
        bind="query-params",
        persist_state="session",
        required=True,
    )
    reports = {role: estimate_energy(one.analysis.trace, assumptions) for role, one in seen.items()}
    names = _in_order(
        {
            _part(seen[role], line)
            for role, report in reports.items()
            for line in report.lines
            if line.macs or line.updates or line.input_rate is not None
        },
        seen,
    )  # phrases may cost nothing
    draw = _operation_bars if scale == "operations" else _share_bars
    bars = [bar for role, report in reports.items() for bar in draw(role, seen[role], report, names)]
    title = "operations, log scale" if scale == "operations" else "share of the model's own energy, %"
    st.plotly_chart(part_bars(names, bars, title, log=scale == "operations"), key="parts", **LIKE_PLOT)
    scale_note = (
        (" On the log scale compare where bars end: a step is a factor of ten. Neurons count one update per timestep.")
        if scale == "operations"
        else ""
    )
    st.caption(f"{_whose(seen)}, this image. Estimate: {assumptions}.{scale_note}")
    with st.expander("Every layer in numbers"):
        for role, one in seen.items():
            st.markdown(f"{mark(role)} **{literal(one.model.checkpoint.name)}**")
            st.dataframe(frames.texts(_table(one, reports[role])), hide_index=True, key=f"layers_{role}")


def _part(one: CachedReading, line: LayerEnergy) -> str:
    if line.updates:
        return NEURONS
    stage = one.model.anatomy.layer(line.name).stage
    return WORDS.get(stage, stage)


def _whose(seen: dict[str, CachedReading]) -> str:
    return ", ".join(f"{mark(role)} {literal(one.model.checkpoint.name)}" for role, one in seen.items())


def _in_order(names: set[str], seen: dict[str, CachedReading]) -> list[str]:
    """The parts of all networks, in the order that each of them has, then the neurons."""
    stages = merged([layer.stage for layer in one.model.anatomy.layers] for one in seen.values())
    known = [WORDS.get(stage, stage) for stage in stages]
    return [name for name in dict.fromkeys((*known, *sorted(names - {NEURONS}), NEURONS)) if name in names]


def _sums(one: CachedReading, lines: tuple[LayerEnergy, ...], names: list[str], values: list[float]) -> np.ndarray:
    """(P,) sums over the lines of each part, NaN where there is none or nothing."""
    total = dict.fromkeys(names, 0.0)
    for line, value in zip(lines, values, strict=True):
        if value:
            total[_part(one, line)] += value
    return np.array([total[name] or math.nan for name in names])


def _operation_bars(role: str, one: CachedReading, report: EnergyReport, names: list[str]) -> list[Bars]:
    name, lines = one.model.checkpoint.name, report.lines
    done = _sums(one, lines, names, [line.acs + line.macs + line.updates for line in lines])
    if role == "teacher" or not one.analysis.trace.timesteps:
        return [Bars(f"{name}: MACs", role, done)]
    kinds = {layer.name: layer for layer in one.analysis.trace.layers}
    dense = _sums(one, report.layers, names, [layer.macs or kinds[layer.name].macs for layer in report.layers])
    return [
        Bars(f"{name}: ACs, MACs, updates", role, done),
        Bars(f"{name}: MACs if all were numbers", role, dense, dense=True),
    ]


def _share_bars(role: str, one: CachedReading, report: EnergyReport, names: list[str]) -> list[Bars]:
    energy = _sums(one, report.lines, names, [line.energy_uj for line in report.lines])
    return [
        Bars(
            f"{one.model.checkpoint.name}: {numbers.energy(report.energy_uj)} = 100%",
            role,
            100 * energy / (report.energy_uj or 1.0),
        )
    ]


def _table(one: CachedReading, report: EnergyReport) -> pd.DataFrame:
    """A row for each layer and for each layer of neurons; they sum up to the total."""
    lines, kinds = report.lines, {layer.name: layer for layer in one.analysis.trace.layers}
    columns = {
        "layer": [line.name for line in lines],
        "kind": [kinds[line.name].kind if line.name in kinds else "neurons" for line in lines],
        "dense MACs": [kinds[line.name].macs if line.name in kinds else None for line in lines],
        "MACs": [round(line.macs) for line in lines],
    }
    if one.analysis.trace.timesteps:
        columns |= {
            "ACs": [round(line.acs) for line in lines],
            "updates": [line.updates for line in lines],
            "rate, %": [None if line.input_rate is None else round(100 * line.input_rate, 2) for line in lines],
            "spikes per synapse": [
                None if line.spikes_per_synapse is None else round(line.spikes_per_synapse, 3) for line in lines
            ],
        }
    columns |= {
        "bytes": [round(line.bytes) for line in lines],
        "µJ": [round(line.energy_uj, 4) for line in lines],
        "share, %": [round(100 * line.energy_uj / (report.energy_uj or 1.0), 1) for line in lines],
    }
    return pd.DataFrame(columns)


def break_even(student: CachedReading, assumptions: Assumptions) -> None:
    """The rates of the student's layers, and the rate below which spikes beat a quantised network."""
    heading(
        "When are spikes cheaper than few bits?",
        "A network whose activations have b bits tells as many values "
        "apart as T timesteps of spikes; a layer left of the line costs less with spikes than that network's.",
        r"r\,T\,(E_\mathrm{AC} + E_\mathrm{weight}) < E_{\mathrm{MAC},\,b\ \mathrm{bits}} + E_\mathrm{weight}, "
        r"\quad b = \lceil \log_2(T + 1) \rceil",
    )
    trace = student.analysis.trace
    bits = bits_for(trace.timesteps)
    default = quantised_mac(trace.timesteps, assumptions)
    cost = _quantised_cost(default, bits)
    rate = None if assumptions.buffers else break_even_rate(trace.timesteps, assumptions, cost)
    # The cost of an attention product follows coincidences, not a rate.
    weighted = {layer.name for layer in trace.layers if layer.has_weights and layer.input_rate is not None}
    layers = [
        LayerRate(layer.name, layer.input_rate, layer.spikes_per_synapse, layer.energy_uj)
        for layer in estimate_energy(trace, assumptions).layers
        if layer.name in weighted
    ]
    cheaper, published = (sum(layer.rate <= line for layer in layers) for line in (rate or 0, PUBLISHED_BREAK_EVEN))
    fire = f"{cheaper} of {len(layers)} layers whose weights read spikes fire less."
    said = (
        "**No break-even for all layers**: here each has memories, and so a break-even, of its own."
        if rate is None
        else f"Break-even never crossed: spikes cost less at any rate; {fire}"
        if rate > 1
        else f"Break-even at **{100 * rate:.1f}%**; {fire}"
    )
    st.markdown(
        f"{said} Published with data movement: **{100 * PUBLISHED_BREAK_EVEN:.1f}%** (arXiv 2409.08290, "
        f"T = 5); {published} of {len(layers)} fire less."
    )
    st.plotly_chart(rates_against_break_even(layers, rate, PUBLISHED_BREAK_EVEN), key="break_even", **LIKE_PLOT)
    fetches = (
        "with a fetch of a weight for each operation"
        if assumptions.byte_pj and assumptions.weight_reads == "operation"
        else "arithmetic only"
    )
    ours = (
        ""
        if rate is None
        else (
            f"The other network: {bits}-bit activations, {cost:.4g} pJ per MAC. The dashed line: {fetches}, neuron "
            f"updates left out, {assumptions.name}. "
        )
    )
    st.caption(
        f"{mark('student')} {literal(student.model.checkpoint.name)}, T = {trace.timesteps}, this image; a rate "
        "counts the spikes that enter a layer, after max pooling; attention products have no weights and are left out. "
        f"{ours}The dotted line is the paper's own, from its model of a neuromorphic chip whose memories "
        "and network move weights, activations and spikes: it counts more, at other prices, and at T = 5."
    )


def _quantised_cost(default: float, bits: int) -> float:
    """Picojoules of the quantised network's MAC: what was typed or linked, else the default."""
    try:
        cost = float(moment.recall("e_q") or default)
        cost = cost if math.isfinite(cost) and cost >= 0 else default
    except ValueError:
        cost = default
    st.session_state[state.QUANTISED_MAC] = cost
    st.number_input(
        f"MAC of the quantised network ({bits}-bit activations), pJ",
        0.0,
        1e6,
        key=state.QUANTISED_MAC,
        step=0.01,
        format="%.4g",
        width=330,
        on_change=_keep_quantised,
        args=(default,),
        help=f"By default {default:.4g}: an AC, and of the multiplication (MAC − AC) the share bits / bits of a "
        "weight, as an array multiplier has a row for each bit. Empty: the default again.",
    )
    return cost


def _keep_quantised(default: float) -> None:
    value = st.session_state[state.QUANTISED_MAC]
    moment.keep("e_q", "" if value is None or math.isclose(value, default) else f"{value:g}")
