"""The analytical model of Lemaire et al. ("An Analytical Estimation of Spiking Neural Networks Energy Efficiency",
ICONIP 2022, arXiv 2210.13107), as spikingjelly 2.0.0 reads it: operations, their addresses, and local memories.

Each layer has a memory of its own for parameters, potentials, and inputs and outputs; a byte of it costs more the
larger it is. Spikes pass through FIFOs. Words have 32 bits. Where this differs from spikingjelly:
additions are counted place by place, so that a spike at a border or before a stride meets only the weights it meets;
dense layers of a spiking network write their results too; attention is billed, as a linear layer without weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snnpar.energy.conventions import Assumptions
from snnpar.spikes.operations import Operations

WORD = 4  # bytes
FIFO = 1000 * WORD  # bytes of a queue of spikes, as in the paper's experiments
CAPACITIES = (0, 8 * 1024, 32 * 1024, 1024 * 1024)  # bytes of an SRAM
ACCESS_PJ = (0.0, 2.5, 5.0, 25.0)  # of one of its bytes: Horowitz's 10, 20, 100 pJ (for 64 bits) as if for one word


@dataclass(frozen=True, eq=False)
class LayerWork:
    """What a layer does in each timestep, arrays (T,): operations, values read, results, spikes that came in."""

    macs: np.ndarray
    acs: np.ndarray
    inputs: np.ndarray
    outputs: np.ndarray
    spikes: np.ndarray


def access_pj(capacity: float) -> float:
    """Picojoules to read or write a byte of a memory of so many bytes, interpolated; at most that of 1 MiB."""
    return float(np.interp(capacity, CAPACITIES, ACCESS_PJ))


def layer_cost(layer: Operations, work: LayerWork, timesteps: int, assumptions: Assumptions) -> tuple[np.ndarray, ...]:
    """(T,) picojoules and (T,) bytes of a layer: its operations, addresses and memory accesses."""
    biases = work.outputs * layer.has_bias
    parameters = (work.macs + work.acs) * layer.has_weights + biases
    accesses = [(parameters, layer.weights + layer.biases)]
    if layer.ac_map is None:
        addresses, located = work.inputs + work.outputs + layer.positions * (work.outputs > 0), 0.0
        read = work.macs if layer.positions else work.inputs  # a convolution reads an input for each product
        accesses += [(read, layer.inputs / layer.runs), (work.outputs, layer.outputs / layer.runs)]
    else:
        addresses, located = work.acs, 2 * work.spikes * (layer.positions > 0)  # of a spike's first output
        accesses += [(work.spikes, FIFO / WORD), (2 * work.acs, layer.outputs / timesteps)]  # potentials, both ways
    pj = (work.macs + located) * assumptions.mac_pj + (work.acs + biases + addresses) * assumptions.ac_pj
    return _with_memory(pj, accesses)


def neuron_cost(neurons: int, fired: np.ndarray, assumptions: Assumptions) -> tuple[np.ndarray, ...]:
    """(T,) picojoules and (T,) bytes of a layer of neurons: update, reset of those that `fired` (T,), state, spikes."""
    updates = np.full(len(fired), float(neurons))
    pj = updates * assumptions.update_pj + fired * assumptions.ac_pj
    return _with_memory(pj, [(2 * updates, neurons), (fired, FIFO / WORD)])


def _with_memory(pj: np.ndarray, accesses: list[tuple[np.ndarray, float]]) -> tuple[np.ndarray, ...]:
    """Add accesses: how many words in each timestep, of a memory of how many words."""
    words = np.asarray(sum(count for count, _ in accesses))
    return pj + sum(count * WORD * access_pj(words_held * WORD) for count, words_held in accesses), words * WORD
