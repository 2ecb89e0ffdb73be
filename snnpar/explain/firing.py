"""Firing of a student in training, on its pinned images: rates of blocks, and layers that no longer tell images apart.

A "firing" line of metrics.jsonl holds, by layer: rates (spikes per neuron and timestep), dead (share of the neurons
that never fired), saturated (share that fired at every timestep of every image), and neurons (how many there are).
"""

from __future__ import annotations

from dataclasses import dataclass

from snnpar.models import Layer
from snnpar.models.topology import find

# In students that learn well, 10 to 65 % of a layer are silent on eight images, and next to none always fire.
LIMITS = {"dead": 0.9, "saturated": 0.1}
WHOLE = "all"  # stages together
MEANING = {"dead": "never fire", "saturated": "fire at every timestep"}


@dataclass(frozen=True)
class Alarm:
    """A layer with too many neurons of one kind, "dead" or "saturated"; share is of its neurons, 0 to 1."""

    layer: str
    kind: str
    share: float


def alarms(row: dict) -> list[Alarm]:
    """The layers of a firing line that are over a limit, the worst of each kind first."""
    return [
        Alarm(layer, kind, share)
        for kind, limit in LIMITS.items()
        for layer, share in sorted(row[kind].items(), key=lambda item: -item[1])
        if share > limit
    ]


def block_rates(row: dict, layers: tuple[Layer, ...]) -> dict[str, float]:
    """Spikes per neuron and timestep of each stage of the network, in order, and of the whole of it ("all")."""
    spikes: dict[str, float] = {}
    neurons: dict[str, int] = {}
    for name, rate in row["rates"].items():
        count = row["neurons"][name]
        for stage in (find(layers, name).stage, WHOLE):
            spikes[stage] = spikes.get(stage, 0.0) + rate * count
            neurons[stage] = neurons.get(stage, 0) + count
    rates = {stage: spikes[stage] / neurons[stage] for stage in spikes}
    return {stage: rates[stage] for stage in sorted(rates, key=WHOLE.__eq__)}
