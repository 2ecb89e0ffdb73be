"""Firing of a student in training, on its pinned images: rates of blocks, and layers that no longer tell images apart.

A "firing" line of metrics.jsonl holds, by layer: rates (spikes per neuron and timestep), dead (share of the neurons
that never fired), saturated (share that fired at every timestep of every image), and neurons (how many there are).
"""

from __future__ import annotations

from dataclasses import dataclass

# In students that learn well, 10 to 65 % of a layer are silent on eight images, and next to none always fire.
LIMITS = {"dead": 0.9, "saturated": 0.1}
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


def block_rates(row: dict) -> dict[str, float]:
    """Spikes per neuron and timestep of the tokenizer, of each block and of the whole network ("all")."""
    spikes: dict[str, float] = {}
    neurons: dict[str, int] = {}
    for layer, rate in row["rates"].items():
        count = row["neurons"][layer]
        for block in (block_of(layer), "all"):
            spikes[block] = spikes.get(block, 0.0) + rate * count
            neurons[block] = neurons.get(block, 0) + count
    return {block: spikes[block] / neurons[block] for block in sorted(spikes, key=_place)}


def block_of(layer: str) -> str:
    """The part that a layer belongs to: "tokenizer" or, from block.0.attn.q_lif, "block 1"."""
    parts = layer.split(".")
    return f"block {int(parts[1]) + 1}" if parts[0] == "block" else "tokenizer"


def _place(block: str) -> tuple[int, int]:
    return (1, int(block.split()[1])) if block.startswith("block ") else (0 if block == "tokenizer" else 2, 0)
