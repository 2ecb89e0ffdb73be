"""Where the energy goes: both networks part by part, every layer in a table, firing rates against break-even."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui import moment
from pages.ui.chrome import mark
from pages.ui.hint import heading
from pages.ui.looking import Seen
from snnpar.energy import Assumptions, LayerEnergy, bits_for, break_even_rate, estimate_energy, quantised_mac
from snnpar.figures.energy import Bars, LayerRate, part_bars, rates_against_break_even

LIKE_PLOT = {"config": {"displayModeBar": False}}
SCALES = ("operations", "energy")
EDGES = {"patch_embed": "picture to tokens", "word_embed": "phrases", "head": "read-out"}


def part_of(name: str) -> str:
    """The part of a network that a layer belongs to: "block 2" for "vit.blocks.1.attn.qkv" or "block.1.attn.q_conv"."""
    parts = name.removeprefix("vit.").split(".")
    if parts[0] in ("block", "blocks"):
        return f"block {int(parts[1]) + 1}"
    return EDGES.get(parts[0], "read-out")


def parts(seen: dict[str, Seen], assumptions: Assumptions) -> None:
    """Bars by part, and every layer in a table."""
    heading("Where the operations are", "Solid orange is what the spikes really caused, hatched what the same layers "
            "would cost if every input were a number; the teacher, blue, multiplies everywhere.",
            r"\mathrm{ACs} = \sum_{\mathrm{spikes}} \mathrm{fan\text{-}out}, \qquad "
            r"\mathrm{spikes\ per\ synapse} = \frac{\mathrm{ACs}\,T}{\mathrm{MACs}}")
    scale = st.segmented_control("Bars show", SCALES, default="operations", key="energy_bars", bind="query-params",
                                 persist_state="session", required=True)
    layers = {role: estimate_energy(one.analysis.trace, assumptions).layers for role, one in seen.items()}
    names = _in_order({part_of(layer.name) for some in layers.values() for layer in some})
    draw = _operation_bars if scale == "operations" else _share_bars
    bars = [bar for role in layers for bar in draw(role, seen[role], layers[role], names)]
    title = "operations, log scale" if scale == "operations" else "share of the model's own energy, %"
    st.plotly_chart(part_bars(names, bars, title, log=scale == "operations"), key="parts", **LIKE_PLOT)
    scale_note = " On the log scale compare where bars end: a step is a factor of ten." if scale == "operations" else (
        " Neurons' states belong to no layer and are left out." if assumptions.byte_pj else "")
    st.caption(f"{_whose(seen)}, this picture. Estimate: {assumptions}.{scale_note}")
    with st.expander("Every layer in numbers"):
        for role, one in seen.items():
            st.markdown(f"{mark(role)} **{one.model.checkpoint.name}**")
            st.dataframe(_table(one, layers[role]), hide_index=True, key=f"layers_{role}")


def _whose(seen: dict[str, Seen]) -> str:
    return " and ".join(f"{mark(role)} {one.model.checkpoint.name}" for role, one in seen.items())


def _in_order(names: set[str]) -> list[str]:
    """Picture, blocks, phrases, read-out."""
    blocks = sorted((name for name in names if name.startswith("block ")), key=lambda name: int(name.split()[1]))
    return [name for name in ("picture to tokens", *blocks, "phrases", "read-out") if name in names]


def _sums(layers: tuple[LayerEnergy, ...], names: list[str], values: list[float]) -> np.ndarray:
    """(P,) sums over the layers of each part, NaN where there is none or nothing."""
    total = dict.fromkeys(names, 0.0)
    for layer, value in zip(layers, values, strict=True):
        total[part_of(layer.name)] += value
    return np.array([total[name] or math.nan for name in names])


def _operation_bars(role: str, one: Seen, layers: tuple[LayerEnergy, ...], names: list[str]) -> list[Bars]:
    name, kinds = one.model.checkpoint.name, {layer.name: layer for layer in one.analysis.trace.layers}
    dense = _sums(layers, names, [layer.macs or kinds[layer.name].macs for layer in layers])
    if role == "teacher" or not one.analysis.trace.timesteps:
        return [Bars(f"{name}: MACs", role, dense)]
    done = _sums(layers, names, [layer.acs + layer.macs for layer in layers])
    return [Bars(f"{name}: ACs, and MACs of numbers", role, done),
            Bars(f"{name}: MACs if all were numbers", role, dense, dense=True)]


def _share_bars(role: str, one: Seen, layers: tuple[LayerEnergy, ...], names: list[str]) -> list[Bars]:
    total = sum(layer.energy_uj for layer in layers) or 1.0
    energy = _sums(layers, names, [layer.energy_uj for layer in layers])
    return [Bars(f"{one.model.checkpoint.name}: {total:,.4g} µJ = 100%", role, 100 * energy / total)]


def _table(one: Seen, layers: tuple[LayerEnergy, ...]) -> pd.DataFrame:
    total = sum(layer.energy_uj for layer in layers) or 1.0
    kinds = {layer.name: layer for layer in one.analysis.trace.layers}
    columns = {
        "layer": [layer.name for layer in layers],
        "kind": [kinds[layer.name].kind for layer in layers],
        "dense MACs": [kinds[layer.name].macs for layer in layers],
        "MACs": [round(layer.macs) for layer in layers],
    }
    if one.analysis.trace.timesteps:
        columns |= {
            "ACs": [round(layer.acs) for layer in layers],
            "rate, %": [None if layer.input_rate is None else round(100 * layer.input_rate, 2) for layer in layers],
            "spikes per synapse": [None if layer.spikes_per_synapse is None else round(layer.spikes_per_synapse, 3)
                                   for layer in layers],
        }
    columns |= {"bytes": [round(layer.bytes) for layer in layers],
                "µJ": [round(layer.energy_uj, 4) for layer in layers],
                "share, %": [round(100 * layer.energy_uj / total, 1) for layer in layers]}
    return pd.DataFrame(columns)


def break_even(student: Seen, assumptions: Assumptions) -> None:
    """The rates of the student's layers, and the rate below which spikes beat a quantised network."""
    heading("When are spikes cheaper than few bits?", "A network whose activations have b bits tells as many values "
            "apart as T timesteps of spikes; a layer left of the line costs less with spikes than that network's.",
            r"r\,T\,(E_\mathrm{AC} + E_\mathrm{weight}) < E_{\mathrm{MAC},\,b\ \mathrm{bits}} + E_\mathrm{weight}, "
            r"\quad b = \lceil \log_2(T + 1) \rceil")
    trace = student.analysis.trace
    bits = bits_for(trace.timesteps)
    default = quantised_mac(trace.timesteps, assumptions)
    cost = _quantised_cost(default, bits)
    rate = break_even_rate(trace.timesteps, assumptions, cost)
    # The cost of an attention product follows coincidences, not a rate.
    weighted = {layer.name for layer in trace.layers if layer.has_weights and layer.input_rate is not None}
    layers = [LayerRate(layer.name, layer.input_rate, layer.spikes_per_synapse, layer.energy_uj)
              for layer in estimate_energy(trace, assumptions).layers if layer.name in weighted]
    cheaper = sum(layer.rate <= rate for layer in layers)
    said = "never crossed: spikes cost less at any rate" if rate > 1 else f"**{100 * rate:.1f}%**"
    st.markdown(f"Break-even at {said}; {cheaper} of {len(layers)} layers whose weights read spikes fire less.")
    st.plotly_chart(rates_against_break_even(layers, rate), key="break_even", **LIKE_PLOT)
    st.caption(
        f"{mark('student')} {student.model.checkpoint.name}, T = {trace.timesteps}, this picture; a rate counts the "
        "spikes that enter a layer, after max pooling; attention products have no weights and are left out. The other "
        f"network: {bits}-bit activations, {cost:.4g} pJ per MAC. Estimate: {assumptions}. The comparison is that of "
        "arXiv 2409.08290."
    )


def _quantised_cost(default: float, bits: int) -> float:
    """Picojoules of the quantised network's MAC: what was typed or linked, else the default."""
    try:
        cost = float(moment.recall("e_q") or default)
        cost = cost if math.isfinite(cost) and cost >= 0 else default
    except ValueError:
        cost = default
    st.session_state["quantised_mac"] = cost
    st.number_input(
        f"MAC of the quantised network ({bits}-bit activations), pJ", 0.0, 1e6, key="quantised_mac", step=0.01,
        format="%.4g", width=330, on_change=_keep_quantised, args=(default,),
        help=f"By default {default:.4g}: an AC, and of the multiplication (MAC − AC) the share bits / bits of a "
        "weight, as an array multiplier has a row for each bit. Empty: the default again.",
    )
    return cost


def _keep_quantised(default: float) -> None:
    value = st.session_state["quantised_mac"]
    moment.keep("e_q", "" if value is None or math.isclose(value, default) else f"{value:g}")
