"""The layers of a network, in order, with words for people: what each is, where it stands and what it reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from torch import nn

from snnpar.spikes.neurons import is_neuron
from snnpar.spikes.operations import rule_of

Kind = Literal["neuron", "weights", "attention", "norm"]
Reads = Literal["spikes", "numbers", "constants", ""]
TOKENIZER, READOUT, PHRASES = "tokenizer", "read-out", "phrases"  # stages that several networks have


@dataclass(frozen=True)
class Layer:
    """One module that computes, fires or normalises.

    `stage`: the part of the network that it stands in, as "block 1"; the same word in two networks puts their parts
    side by side. `part`: what it is within its stage, in a word or two. `label`: both in words; made of them if empty.
    `reads`: "spikes", "numbers", "constants" (the same for every image), "" where only a forward tells. `fed_by`: the
    neurons whose spikes it reads, if known. `grid`: rows and columns of its places, None where its shape tells.
    """

    name: str
    kind: Kind
    stage: str
    part: str = ""
    label: str = ""
    reads: Reads = ""
    fed_by: tuple[str, ...] = ()
    grid: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", ", ".join(filter(None, (self.stage, self.part))))


def derived(model: nn.Module) -> Iterator[Layer]:
    """The layers that can be told from a network's modules alone: neurons, modules with weights, counted by a rule.

    Stages come from the names of modules: "layers.0.conv" stands in "layers 1".
    """
    inside_of = ""
    for name, module in model.named_modules():
        if not name or (inside_of and name.startswith(inside_of)):
            continue  # of a neuron, all is the neuron
        if is_neuron(module):
            inside_of = f"{name}."
            yield _layer(name, "neuron")
        elif rule_of(module):
            yield _layer(name, "attention")
        elif any(True for _ in module.parameters(recurse=False)):
            yield _layer(name, "norm" if "Norm" in type(module).__name__ else "weights")


def _layer(name: str, kind: Kind) -> Layer:
    stage, part = stage_of(name)
    return Layer(name, kind, stage, part)


def stage_of(name: str) -> tuple[str, str]:
    """The stage and the part that a module's name tells: ("layers 1", "conv") of "layers.0.conv"."""
    words = name.split(".")
    number = next((i for i, word in enumerate(words) if word.isdecimal()), None)
    if number:
        return f"{' '.join(words[:number])} {int(words[number]) + 1}", " ".join(words[number + 1 :])
    return words[0], " ".join(words[1:])


def find(layers: Iterable[Layer], name: str) -> Layer:
    """The layer of an entry of a trace: of its module, of the one that holds it, or told from the name."""
    known = {layer.name: layer for layer in layers}
    module = re.sub(r"[#:]\d+", "", name)
    while module not in known and "." in module:
        module = module.rpartition(".")[0]
    if module in known:
        return known[module]
    return _layer(re.sub(r"[#:]\d+", "", name), "weights")


def merged(orders: Iterable[Iterable[str]]) -> list[str]:
    """Stages of several networks in one order: what a later network adds follows what stands before it there."""
    found: list[str] = []
    for order in orders:
        after = -1
        for stage in dict.fromkeys(order):
            if stage not in found:
                found.insert(after + 1, stage)
            after = found.index(stage)
    return found
