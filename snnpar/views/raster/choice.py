"""What of the spikes is looked at: layer, box of tokens, channel, neuron."""

from __future__ import annotations

from dataclasses import dataclass

from snnpar.spikes.raster import Box


@dataclass(frozen=True)
class NeuronPosition:
    """A neuron of a channel: row and column of its map, from 0."""

    row: int
    column: int


@dataclass(frozen=True)
class Choice:
    """What is looked at; None where nothing is chosen.

    `side`: neurons along a cell of the raster, None for what fits best; `page`: of the raster, None for the first
    one or that of the chosen neuron.
    """

    layer: str
    box: Box | None = None
    channel: int | None = None
    place: NeuronPosition | None = None
    side: int | None = None
    page: int | None = None
