"""Energy of one forward, estimated from its trace: a pure function of what fired and of stated assumptions.

A layer that reads numbers is billed its dense multiply-accumulates (MACs), a layer that reads spikes the accumulates
(ACs) that those spikes cause. Memory, where a convention bills it: one weight per operation (attention products have
none), one bias per result, and each neuron's state read and written once per timestep (spikingjelly's simple model).
Constants: Horowitz, ISSCC 2014, 45 nm. Nothing here was measured on a chip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from snnpar.defaults import ENERGY
from snnpar.operations import NORMS, Operations
from snnpar.trace import SpikeTrace


@dataclass(frozen=True)
class Assumptions:
    """What an operation costs, and how layers are billed. Picojoules; bits of a stored weight and of a neuron's state.

    `norms`: bill batch norms, instead of folding them into the layer before. `first_every_timestep`: bill the
    student's first convolution, whose input never changes, once per timestep as most papers do.
    """

    name: str
    mac_pj: float
    ac_pj: float
    byte_pj: float = 0.0
    weight_bits: int = 32
    state_bits: int = 32
    norms: bool = False
    first_every_timestep: bool = False

    def __post_init__(self) -> None:
        for name in ("mac_pj", "ac_pj", "byte_pj"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be a number of picojoules, at least 0; got {value!r}")
        for name in ("weight_bits", "state_bits"):
            if getattr(self, name) not in range(1, 65):
                raise ValueError(f"{name} must be 1 to 64 bits; got {getattr(self, name)!r}")

    def __str__(self) -> str:
        memory = f"{self.byte_pj:g} pJ per byte" if self.byte_pj else "arithmetic only, no memory traffic"
        return f"{self.name}: {self.mac_pj:g} pJ per MAC, {self.ac_pj:g} pJ per AC, {memory}"


CONVENTIONS = {
    "arithmetic": Assumptions("45 nm, fp32", 4.6, 0.9),
    "memory": Assumptions("45 nm, fp32 with memory", 4.6, 0.9, 24.96),
    "int8": Assumptions("45 nm, int8", 0.23, 0.03, weight_bits=8, state_bits=8),
}


@dataclass(frozen=True)
class LayerEnergy:
    """Operations, bytes and energy of one layer for one image; rates are None where the input is real-valued."""

    name: str
    macs: float
    acs: float
    bytes: float
    energy_uj: float
    input_rate: float | None
    spikes_per_synapse: float | None


@dataclass(frozen=True)
class EnergyReport:
    """Totals for one image and the layers they are the sum of; every figure is an estimate under `assumptions`.

    `state_bytes`: the neurons' states, which belong to no weight layer; `energy_uj` includes them.
    """

    macs: float
    acs: float
    bytes: float
    state_bytes: float
    energy_uj: float
    assumptions: Assumptions
    layers: tuple[LayerEnergy, ...]

    @property
    def convention(self) -> str:
        """The assumptions in words."""
        return str(self.assumptions)


def estimate_energy(trace: SpikeTrace, assumptions: Assumptions = CONVENTIONS[ENERGY]) -> EnergyReport:
    """Bill every weight layer, attention product and, if so assumed, batch norm of a trace."""
    billed = [layer for layer in trace.layers if assumptions.norms or layer.kind not in NORMS]
    layers = tuple(_layer_energy(layer, trace.timesteps, assumptions) for layer in billed)
    neurons = sum(trace.neurons(name) for name in trace.names)
    state_bytes = 2 * neurons * trace.timesteps * assumptions.state_bits / 8
    macs, acs, read = (sum(getattr(layer, name) for layer in layers) for name in ("macs", "acs", "bytes"))
    energy = sum(layer.energy_uj for layer in layers) + state_bytes * assumptions.byte_pj * 1e-6
    return EnergyReport(macs, acs, read + state_bytes, state_bytes, energy, assumptions, layers)


def _layer_energy(layer: Operations, timesteps: int, assumptions: Assumptions) -> LayerEnergy:
    repeats = timesteps if assumptions.first_every_timestep and timesteps and layer.runs == 1 else 1
    macs = 0.0 if layer.acs is not None else float(layer.macs * repeats)
    acs = layer.acs or 0.0
    words = (macs + acs if layer.has_weights else 0.0) + (layer.outputs * repeats if layer.has_bias else 0)
    read = words * assumptions.weight_bits / 8
    energy = (macs * assumptions.mac_pj + acs * assumptions.ac_pj + read * assumptions.byte_pj) * 1e-6
    return LayerEnergy(layer.name, macs, acs, read, energy, layer.input_rate, layer.spikes_per_synapse)


def energy_over_time(trace: SpikeTrace, assumptions: Assumptions = CONVENTIONS[ENERGY]) -> np.ndarray:
    """(T,) microjoules spent by the end of each timestep: what stopping there would cost. The last is the total.

    What runs once is spent in the first timestep; the read-out and other dense layers in equal parts. Raises
    ValueError for the trace of a model without neurons, which has no timesteps.
    """
    if not trace.timesteps:
        raise ValueError("energy over time needs a spiking model; this one answers once")
    spent = np.zeros(trace.timesteps)
    billed = {layer.name: layer for layer in estimate_energy(trace, assumptions).layers}
    for layer in trace.layers:
        if layer.name not in billed:
            continue
        energy, even = billed[layer.name].energy_uj, np.full(trace.timesteps, 1 / trace.timesteps)
        if layer.ac_map is None:
            once = layer.runs == 1 and not assumptions.first_every_timestep
            spent += energy * (np.eye(trace.timesteps)[0] if once else even)
        else:
            biases = layer.outputs * assumptions.weight_bits / 8 * assumptions.byte_pj * 1e-6 if layer.has_bias else 0.0
            acs = layer.ac_map.reshape(trace.timesteps, -1).sum(1)
            spent += (energy - biases) * acs / max(1.0, acs.sum()) + biases * even
    neurons = sum(trace.neurons(name) for name in trace.names)
    spent += 2 * neurons * assumptions.state_bits / 8 * assumptions.byte_pj * 1e-6
    return spent.cumsum()


def timesteps_within(spent_uj: np.ndarray, budget_uj: float) -> int:
    """The largest T whose energy, of `energy_over_time`, stays within a budget; 0 if not even one timestep does."""
    return int((np.asarray(spent_uj) <= budget_uj).sum())


def accumulates_by_token(trace: SpikeTrace, grid: tuple[int, int]) -> np.ndarray:
    """(T, rows, columns) accumulates that the spikes at each token's place cause, over all layers that read spikes."""
    rows, columns = grid
    total = np.zeros((trace.timesteps, rows, columns))
    for layer in trace.layers:
        if layer.ac_map is None:
            continue
        places = layer.ac_map if layer.ac_map.ndim == 3 else layer.ac_map.reshape(-1, rows, columns)
        fine = places.reshape(len(places), rows, places.shape[1] // rows, columns, places.shape[2] // columns)
        total += fine.sum((2, 4))
    return total


def total_mj(macs: float, acs: float, assumptions: Assumptions) -> float:
    """Millijoules of so many operations, arithmetic only; for published operation counts."""
    return (macs * assumptions.mac_pj + acs * assumptions.ac_pj) * 1e-9


def bits_for(timesteps: int) -> int:
    """Bits of an activation that tells as many values apart as T timesteps of spikes: ceil(log2(T + 1))."""
    return math.ceil(math.log2(timesteps + 1))


def quantised_mac(timesteps: int, assumptions: Assumptions) -> float:
    """Picojoules of a MAC whose activations have `bits_for(T)` bits, where nothing better is known of it.

    The addition costs an AC; the multiplication, MAC - AC, shrinks with the bits of the activation, as an array
    multiplier has a row for each of them: AC + (MAC - AC) * bits / bits of a weight, at most the MAC itself.
    """
    multiplication = max(0.0, assumptions.mac_pj - assumptions.ac_pj)
    return assumptions.ac_pj + multiplication * min(1.0, bits_for(timesteps) / assumptions.weight_bits)


def break_even_rate(timesteps: int, assumptions: Assumptions, quantised_mac_pj: float) -> float:
    """The firing rate at which a spiking layer costs as much as the same layer with `bits_for(T)`-bit activations.

    rate * T * (AC + weight) = quantised MAC + weight, so that below this rate the spikes are cheaper. The comparison
    is that of arXiv 2409.08290; the costs are the assumptions', `quantised_mac_pj` that of the quantised network.
    """
    weight = assumptions.byte_pj * assumptions.weight_bits / 8
    spiking = timesteps * (assumptions.ac_pj + weight)
    return math.inf if spiking == 0 else (quantised_mac_pj + weight) / spiking
