"""What the toys are there for: what their forwards leave, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
import torch
import toys
from torch import nn

from snnpar.energy.estimate import estimate_energy
from snnpar.models import Network
from snnpar.spikes.neurons import LIF

pytestmark = pytest.mark.usefixtures("registered")


def traced(name: str):
    model = tiny.lively(toys.SIZES[name])
    return model, analyze_bare(model)


@torch.no_grad()
def analyze_bare(model: Network):
    from snnpar.spikes.trace import record

    with record(model) as trace:
        model(images=tiny.random_images(2, model.config))  # by keyword
    return trace


def test_a_module_used_twice_is_two_entries() -> None:
    model, trace = traced("toy_shared")
    assert trace.names == ("fire", "fire#2")
    layers = {layer.name: layer for layer in trace.layers}
    once = 3 * 16 * 16 * (3 * 4 - 2) * (3 * 2 - 2)  # T, channels in and out, kernel positions on 4 x 2 places
    assert layers["shared"].macs == layers["shared#2"].macs == once
    for layer, neurons in (("shared", "fire"), ("shared#2", "fire#2")):
        assert layers[layer].spikes.sum() * 2 == trace.spikes(neurons).sum() > 0  # mean over two images


def test_integer_spikes_are_kept_and_counted() -> None:
    model, trace = traced("toy_integer")
    fired = trace.spikes("count")
    assert fired.dtype == np.uint8 and fired.max() > 1 and trace.counts("count").sum() == fired.sum()
    mix = next(layer for layer in trace.layers if layer.name == "mix")
    pooled = model.pool(torch.from_numpy(fired).float().flatten(0, 1)).unflatten(0, (3, 2))
    np.testing.assert_array_equal(mix.ac_map, pooled.sum(2).mean(1).numpy() * 16)
    assert mix.fed_by == ("count",) and mix.input_rate == pytest.approx(pooled.mean().item())


def test_a_network_stepped_through_time_is_one_entry_per_layer() -> None:
    """Neurons and layers that are called once for each timestep; what is called once runs once."""
    model, trace = traced("toy_lif")
    assert trace.names == ("fire1", "fire2") and trace.shape("fire1") == (3, 2, 8, 16)
    layers = {layer.name: layer for layer in trace.layers}
    assert set(layers) == {"layers.0", "layers.1", "hidden", "head"}
    assert (layers["layers.0"].runs, layers["hidden"].runs, layers["head"].runs) == (1, 3, 3)
    assert layers["hidden"].fed_by == ("fire1",) and layers["hidden"].ac_map.shape == (3, 8)
    expected = trace.spikes("fire1").sum((2, 3)).mean(1) * 16
    assert np.allclose(layers["hidden"].ac_map.sum(1), expected)


class Odd(nn.Module):
    """What nobody here knows: weights used by an operation without a count."""

    def __init__(self) -> None:
        super().__init__()
        self.fire, self.bilinear = LIF(), nn.Bilinear(4, 4, 2)
        self.weight = nn.Parameter(torch.rand(4, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spikes = self.fire(x[None])[0]
        return torch.cdist(spikes, self.weight) + nn.functional.linear(spikes, self.weight)


def test_functions_are_counted_and_the_unknown_is_named() -> None:
    from snnpar.spikes.trace import record

    model = Odd()
    with torch.no_grad(), record(model) as trace:
        model(torch.full((2, 4), 3.0))
    (layer,) = trace.layers
    assert (layer.name, layer.macs, layer.fed_by) == ("forward", 16, ("fire",)) and layer.acs == 16
    assert len(trace.uncounted) == 1 and "cdist" in trace.uncounted[0]
    report = estimate_energy(trace)
    assert "INCOMPLETE" in report.convention and "cdist" in report.note
