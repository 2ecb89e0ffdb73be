"""Energy of one forward, estimated from its trace: a pure function of what fired and of stated assumptions.

A layer that reads numbers is billed its dense multiply-accumulates (MACs), a layer that reads spikes the accumulates
(ACs) that those spikes cause, and each neuron an update per timestep. Memory, where a convention bills it: weights and
biases, as often as it says (attention products have none), and each neuron's state read and written once per timestep.
Nothing here was measured on a chip.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from snnpar.core import numbers
from snnpar.energy import lemaire
from snnpar.energy.conventions import CONVENTIONS, Assumptions
from snnpar.energy.lemaire import LayerWork
from snnpar.metrics.defaults import ENERGY
from snnpar.spikes.operations import Operations
from snnpar.spikes.trace import SpikeTrace

PUBLISHED_BREAK_EVEN = 0.057  # arXiv 2409.08290v4: T = 5, data movement included, "typical neuromorphic hardware"


@dataclass(frozen=True)
class LayerEnergy:
    """One line of a bill, for one image: a layer's operations, or a layer of neurons and its `updates`, their bytes and
    energy. Rates are None where the input is real-valued.
    """

    name: str
    macs: float
    acs: float
    bytes: float
    energy_uj: float
    input_rate: float | None = None
    spikes_per_synapse: float | None = None
    updates: int = 0


@dataclass(frozen=True)
class EnergyReport:
    """Totals for one image and the lines they are the sum of; every figure is an estimate under `assumptions`.

    `layers` do the operations, `neurons` are updated once per timestep and have a state, of `state_bytes`. `uncounted`:
    what the trace did not understand, and no figure has.
    """

    macs: float
    acs: float
    bytes: float
    state_bytes: float
    energy_uj: float
    assumptions: Assumptions
    layers: tuple[LayerEnergy, ...]
    neurons: tuple[LayerEnergy, ...] = ()
    uncounted: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[LayerEnergy, ...]:
        """All lines; their energies, operations and bytes sum up to the totals."""
        return self.layers + self.neurons

    @property
    def updates(self) -> int:
        """Neuron updates: one per neuron and timestep."""
        return sum(line.updates for line in self.neurons)

    @property
    def neuron_uj(self) -> float:
        """Microjoules of the neurons, states included."""
        return sum((line.energy_uj for line in self.neurons), 0.0)

    @property
    def neuron_share(self) -> str:
        """What the neurons have of the energy, in words; "" for a model without neurons."""
        if not self.neurons:
            return ""
        states = " and states" if self.assumptions.byte_pj or self.assumptions.buffers else ""
        return f"{numbers.energy(self.neuron_uj)} of it for {self.updates:,} neuron updates{states}"

    @property
    def convention(self) -> str:
        """The assumptions in words, and what the figures lack."""
        return "; ".join(filter(None, (str(self.assumptions), self.lacks)))

    @property
    def lacks(self) -> str:
        """What is in no figure, though the network computes it, in words; "" if nothing."""
        return f"INCOMPLETE, not counted: {', '.join(self.uncounted)}" if self.uncounted else ""

    @property
    def note(self) -> str:
        """What the assumptions leave out and for whom that is good, and what the figures lack."""
        return " ".join(filter(None, (self.assumptions.note, self.lacks and f"{self.lacks}.")))


@dataclass(frozen=True, eq=False)
class _Line:
    """A line timestep by timestep, arrays (T,); `layer` is None for neurons."""

    name: str
    layer: Operations | None
    macs: np.ndarray
    acs: np.ndarray
    updates: np.ndarray
    bytes: np.ndarray
    pj: np.ndarray

    def total(self) -> LayerEnergy:
        return LayerEnergy(
            self.name,
            float(self.macs.sum()),
            float(self.acs.sum()),
            float(self.bytes.sum()),
            float((self.pj * 1e-6).sum()),
            self.layer.input_rate if self.layer else None,
            self.layer.spikes_per_synapse if self.layer else None,
            round(self.updates.sum()),
        )


def estimate_energy(trace: SpikeTrace, assumptions: Assumptions = CONVENTIONS[ENERGY]) -> EnergyReport:
    """Bill every weight layer, attention product and neuron and, if so assumed, batch norm of a trace."""
    lines = list(_lines(trace, assumptions))
    layers = tuple(line.total() for line in lines if line.layer)
    neurons = tuple(line.total() for line in lines if not line.layer)
    macs, acs, moved, energy = (
        sum(getattr(line, name) for line in layers + neurons) for name in ("macs", "acs", "bytes", "energy_uj")
    )
    states = sum((line.bytes for line in neurons), 0.0)
    return EnergyReport(macs, acs, moved, states, energy, assumptions, layers, neurons, trace.uncounted)


def energy_over_time(trace: SpikeTrace, assumptions: Assumptions = CONVENTIONS[ENERGY]) -> np.ndarray:
    """(T,) microjoules spent by the end of each timestep: what stopping there would cost. The last is the total.

    What runs once is spent in the first timestep; the read-out and other dense layers in equal parts. Raises
    ValueError for the trace of a model without neurons, which has no timesteps.
    """
    if not trace.timesteps:
        raise ValueError("energy over time needs a spiking model; this one answers once")
    return np.asarray(sum(line.pj for line in _lines(trace, assumptions))).cumsum() * 1e-6


def _lines(trace: SpikeTrace, assumptions: Assumptions) -> Iterator[_Line]:
    """Layers, then neurons."""
    for layer in trace.layers:
        if assumptions.norms or not layer.is_norm:
            yield _layer_line(layer, trace.timesteps, assumptions)
    for name in trace.names:
        yield _neuron_line(name, trace, assumptions)


def _layer_line(layer: Operations, timesteps: int, assumptions: Assumptions) -> _Line:
    steps = max(1, timesteps)
    first, always = np.eye(steps)[0], np.ones(steps)
    runs = first if layer.runs == 1 and not assumptions.first_every_timestep else always * max(1, layer.runs // steps)
    if layer.constant and not assumptions.phrases_every_image:
        runs = 0 * runs
    work = _work(layer, runs, assumptions)
    if assumptions.buffers:
        pj, moved = lemaire.layer_cost(layer, work, steps, assumptions)
    else:
        moved = _bytes(layer, work, runs, assumptions)
        pj = work.macs * assumptions.mac_pj + work.acs * assumptions.ac_pj + moved * assumptions.byte_pj
    return _Line(layer.name, layer, work.macs, work.acs, 0 * always, moved, pj)


def _work(layer: Operations, runs: np.ndarray, assumptions: Assumptions) -> LayerWork:
    """A layer's operations, spread over time by how often it `runs` (T,) in each timestep."""
    nothing = np.zeros(len(runs))
    dense = layer.macs + layer.padding * assumptions.padding
    spikes = nothing if layer.spikes is None else layer.spikes
    if layer.ac_map is None:
        macs, acs = dense / layer.runs * runs, nothing
    elif layer.padding and assumptions.padding:
        macs, acs = nothing, spikes * dense / layer.inputs
    else:
        macs, acs = nothing, layer.ac_map.reshape(len(runs), -1).sum(1)
    return LayerWork(macs, acs, layer.inputs / layer.runs * runs, layer.outputs / layer.runs * runs, spikes)


def _bytes(layer: Operations, work: LayerWork, runs: np.ndarray, assumptions: Assumptions) -> np.ndarray:
    """(T,) bytes of weights and biases and, if so assumed, of the values that a layer reads and writes."""
    runs_at = (runs > 0).astype(float)
    if assumptions.weight_reads == "operation":
        words = (work.macs + work.acs) * layer.has_weights + work.outputs * layer.has_bias
    else:
        reads = runs_at if assumptions.weight_reads == "timestep" else np.eye(len(runs))[0] * runs_at
        words = (layer.weights + layer.biases) * reads
    bits = words * assumptions.weight_bits
    if assumptions.activations and layer.ac_map is None:
        kept = layer.outputs if runs.sum() == 1 < len(runs) else 0  # computed once, read at every timestep
        bits = bits + (work.inputs + work.outputs + kept) * assumptions.weight_bits
    elif assumptions.activations:
        bits = bits + work.inputs  # a spike's result goes into a state, which is billed
    return bits / 8


def _neuron_line(name: str, trace: SpikeTrace, assumptions: Assumptions) -> _Line:
    neurons, nothing = trace.neurons(name), np.zeros(trace.timesteps)
    updates = nothing + neurons
    if assumptions.buffers:
        pj, moved = lemaire.neuron_cost(neurons, trace.rates(name) * neurons, assumptions)
    else:
        moved = 2 * updates * assumptions.state_bits / 8
        pj = updates * assumptions.update_pj + moved * assumptions.byte_pj
    return _Line(name, None, nothing, nothing, updates, moved, pj)


def timesteps_within(spent_uj: np.ndarray, budget_uj: float) -> int:
    """The largest T whose energy, of `energy_over_time`, stays within a budget; 0 if not even one timestep does."""
    return int((np.asarray(spent_uj) <= budget_uj).sum())


def accumulates_by_token(trace: SpikeTrace, grid: tuple[int, int]) -> np.ndarray:
    """(T, rows, columns) accumulates that the spikes at each token's place cause, over all layers that read spikes.

    Those of layers that have no places on the image, such as a read-out's, are left out.
    """
    rows, columns = grid
    total = np.zeros((trace.timesteps, rows, columns))
    for layer in trace.layers:
        places = layer.ac_map
        if places is not None and places.ndim == 2 and places.shape[1] == rows * columns:
            places = places.reshape(-1, rows, columns)
        if places is None or places.ndim != 3:
            continue
        down, across = (np.arange(size) * cells // size for size, cells in zip(places.shape[1:], grid, strict=True))
        for t, now in enumerate(places):
            np.add.at(total[t], (down[:, None], across), now)
    return total


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
    Where weights are not read for each operation, their price does not depend on the rate and is left out. Raises
    ValueError where each layer has memories of its own (`buffers`): there is no one rate for all.
    """
    if assumptions.buffers:
        raise ValueError(f"{assumptions.name}: each layer has memories, and so a break-even, of its own")
    weight = assumptions.byte_pj * assumptions.weight_bits / 8 if assumptions.weight_reads == "operation" else 0.0
    spiking = timesteps * (assumptions.ac_pj + weight)
    return math.inf if spiking == 0 else (quantised_mac_pj + weight) / spiking
