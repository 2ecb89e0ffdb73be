"""What an operation is assumed to cost, how layers are billed, and what each convention leaves out.

Horowitz: "Computing's energy problem (and what we can do about it)", ISSCC 2014, 45 nm. In picojoules: 32-bit floating
point, multiplication 3.7 and addition 0.9; 8-bit integers, 0.2 and 0.03; 32-bit integers, 3.1 and 0.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from snnpar.core.errors import SnnparError

WEIGHT_READS = {
    "operation": "a weight read for each operation, none ever reused",
    "timestep": "each weight read once per timestep",
    "forward": "each weight read once per forward",
}

_MEMORY_NOTES = {
    "": "All memory traffic is left out: good for the student, whose additions are cheap but fetch a weight each, and "
    "whose neurons keep a state.",
    "operation": "No weight is ever reused, every operation fetches its own: good for the student, which has fewer.",
    "timestep": "A weight serves all places but is fetched again at every timestep: good for the teacher, which has "
    "one.",
    "forward": "A weight serves all places and timesteps: good for the teacher, which uses each most often. The "
    "student must then keep a layer's spikes of all timesteps, which is not billed: good for the student.",
    "buffers": "Each layer has memories of its own, dearer the larger they are. No weight is ever reused, nor an input "
    "of a convolution: good for the student, which has fewer operations. Attention fetches no operands: good for the "
    "teacher, which has more of it.",
}


@dataclass(frozen=True)
class Assumptions:
    """What an operation costs, and how layers are billed. Picojoules; bits of a stored weight and of a neuron's state.

    `neuron_pj`: the update of one neuron at one timestep, None for one MAC. `norms`: bill batch norms, instead of
    folding them into the layer before. `first_every_timestep`: bill the student's first convolution, whose input never
    changes, once per timestep as most papers do. `phrases_every_image`: bill the teacher's phrase embedding, equal for
    all images, with every one. `padding`: bill products with the padding of convolutions, of both networks, and a
    spike's additions as if there were no border, as most papers do. `weight_reads`: how often memory gives a weight
    away, one of WEIGHT_READS. `activations`: bill the values that layers read and write, a bit for a spike. `buffers`:
    memory and addressing by `snnpar.energy.lemaire`, in place of `byte_pj`, bits and `weight_reads`.
    """

    name: str
    mac_pj: float
    ac_pj: float
    byte_pj: float = 0.0
    weight_bits: int = 32
    state_bits: int = 32
    norms: bool = False
    first_every_timestep: bool = False
    neuron_pj: float | None = None
    phrases_every_image: bool = False
    padding: bool = False
    weight_reads: str = "operation"
    activations: bool = False
    buffers: bool = False

    def __post_init__(self) -> None:
        for name in ("mac_pj", "ac_pj", "byte_pj", "neuron_pj"):
            value = getattr(self, name)
            if name == "neuron_pj" and value is None:
                continue
            if not (isinstance(value, int | float) and math.isfinite(value) and value >= 0):
                raise SnnparError(f"{name} must be a number of picojoules, at least 0; got {value!r}")
        for name in ("weight_bits", "state_bits"):
            if getattr(self, name) not in range(1, 65):
                raise SnnparError(f"{name} must be 1 to 64 bits; got {getattr(self, name)!r}")
        if self.weight_reads not in WEIGHT_READS:
            raise SnnparError(f"weight_reads must be one of {', '.join(WEIGHT_READS)}; got {self.weight_reads!r}")

    @property
    def update_pj(self) -> float:
        """Of one neuron at one timestep."""
        return self.mac_pj if self.neuron_pj is None else self.neuron_pj

    @property
    def note(self) -> str:
        """What this leaves out, and for whom that is good."""
        said = [_MEMORY_NOTES["buffers" if self.buffers else self.weight_reads if self.byte_pj else ""]]
        if self.byte_pj and not self.buffers and not self.activations:
            said.append("The neurons' states are billed, the teacher's activations are not: good for the teacher.")
        if not self.update_pj:
            said.append("Neuron updates are free: good for the student.")
        elif self.neuron_pj is not None:
            said.append(
                "A neuron update has a price of its own: one of another chip mixes two machines, and the "
                "teacher is not priced on it."
            )
        if self.norms:
            said.append("Batch norms are billed, the teacher's layer norms are not: good for the teacher.")
        if self.first_every_timestep:
            said.append("The student computes an unchanging convolution T times: good for the teacher.")
        if self.phrases_every_image:
            said.append("The teacher embeds unchanging phrases with every image: good for the student.")
        if all(getattr(self, name) == value for name, value in EIGHT_BIT_SUMS.items()):
            said.append("A sum of many products overflows 8 bits: good for the student, which mostly adds.")
        if self.weight_bits < 32:
            said.append("Neither network was run with so few bits: what they cost in accuracy is unknown.")
        return " ".join(said)

    def __str__(self) -> str:
        if self.buffers:
            memory = "memory by the size of what it holds"
        elif self.byte_pj:
            memory = f"{self.byte_pj:g} pJ per byte, {WEIGHT_READS[self.weight_reads]}"
        else:
            memory = "arithmetic only, no memory traffic"
        return (
            f"{self.name}: {self.mac_pj:g} pJ per MAC, {self.ac_pj:g} pJ per AC, {memory}, "
            f"{self.update_pj:g} pJ per neuron update"
        )


EIGHT_BIT_SUMS = {"mac_pj": 0.23, "ac_pj": 0.03, "state_bits": 8}  # of int8; spikingjelly's int8 preset
CONVENTIONS = {
    "arithmetic": Assumptions("45 nm, fp32", 4.6, 0.9),
    "memory": Assumptions("45 nm, fp32 with memory", 4.6, 0.9, 24.96),
    "weights-once": Assumptions("45 nm, fp32 with memory", 4.6, 0.9, 24.96, weight_reads="forward"),
    "weights-per-step": Assumptions("45 nm, fp32 with memory", 4.6, 0.9, 24.96, weight_reads="timestep"),
    # 8-bit multiplication and 32-bit addition, the latter for a spike too: a running sum, and a state, has 32 bits.
    "int8": Assumptions("45 nm, int8 in 32-bit sums", 0.3, 0.1, weight_bits=8),
    "lemaire": Assumptions("45 nm, int32 with local memories", 3.2, 0.1, buffers=True),
}


@dataclass(frozen=True)
class NeuronPrice:
    """What an update of one neuron at one timestep costs somewhere, picojoules, and who says so."""

    name: str
    pj: float | None
    source: str


NEURON_PRICES = (
    NeuronPrice("one MAC", None, "leak and sum are one multiplication and one addition; threshold and reset come free"),
    NeuronPrice("free", 0.0, "as most papers on spiking networks have it, silently; good for the student"),
    NeuronPrice(
        "Loihi",
        81.0,
        "Davies et al., IEEE Micro 38(1), 2018, table 2: an active neuron, 14 nm, from "
        "circuit simulation (an inactive one 52 pJ; a synaptic operation there costs 23.6 pJ)",
    ),
    NeuronPrice(
        "SpiNNaker 2",
        2190.0,
        "as in KerasSpiking's ModelEnergy, which cites Höppner et al., IEEE TCAS-I "
        "66(8), 2019 (arXiv 1903.08941), a 28 nm test chip whose processors run neurons as programs (a "
        "synaptic operation there costs 450 pJ); not checked against the paper's own table",
    ),
)
