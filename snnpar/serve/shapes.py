"""What the endpoints answer with, as the API's documentation shows it."""

from __future__ import annotations

from typing import TypedDict


class Model(TypedDict):
    """What is loaded. image_size: rows and columns; timesteps: 0 without neurons; heatmaps: titles by method."""

    checkpoint: str
    role: str
    architecture: str
    image_size: list[int]
    timesteps: int
    attributes: list[str]
    heatmaps: dict[str, str]


class Group(TypedDict):
    """What is decided for a group of attributes, and the words for it."""

    group: str
    attributes: list[str]
    text: str


class Answer(TypedDict):
    """Probabilities by attribute; per_timestep: the answers after timesteps 1, 2, ..., of a student with timesteps."""

    checkpoint: str
    probabilities: dict[str, float]
    groups: list[Group]
    per_timestep: list[dict[str, float]]


class Firing(TypedDict):
    """One layer of neurons; spikes and rates (spikes per neuron) in each timestep."""

    layer: str
    neurons: int
    spikes: list[int]
    rates: list[float]


class Trace(TypedDict):
    """The student's spikes; mean_rate: all spikes / (all neurons x timesteps)."""

    checkpoint: str
    timesteps: int
    total_spikes: int
    mean_rate: float
    layers: list[Firing]


class Heat(TypedDict):
    """One heatmap: values by rows and columns of tokens, and a PNG over the image in base64.

    cell_edges: where a token's cell begins and ends on the image, as shares of its height (rows) and width (columns).
    """

    checkpoint: str
    attribute: str
    title: str
    unit: str
    hooked: str
    colours: str
    cell_edges: dict[str, list[float]]
    values: list[list[float]]
    png_base64: str


class LayerCost(TypedDict):
    """One layer's operations and energy for this image; updates: of its neurons, 0 for a layer of weights."""

    layer: str
    macs: float
    acs: float
    updates: int
    bytes: float
    energy_uj: float


class Energy(TypedDict):
    """Estimated microjoules for this image, the convention they were counted under, and what it leaves out.

    layers: first those with weights, then those of neurons; they sum up to the figures above them. neuron_uj: what the
    neurons have of energy_uj.
    """

    checkpoint: str
    energy_uj: float
    macs: float
    acs: float
    bytes: float
    updates: int
    neuron_uj: float
    convention: str
    leaves_out: str
    kind: str
    layers: list[LayerCost]
