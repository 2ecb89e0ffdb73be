"""Lemaire's model by hand, and against spikingjelly's own counter where that meets no border."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from spikingjelly.activation_based.neuron import LIFNode
from spikingjelly.activation_based.op_counter.analytical_energy import LemaireEnergyProfiler
from torch import Tensor, nn

from snnpar.energy.conventions import CONVENTIONS
from snnpar.energy.estimate import EnergyReport, energy_over_time, estimate_energy
from snnpar.energy.lemaire import FIFO, access_pj
from snnpar.spikes.neurons import LIF
from snnpar.spikes.operations import Operations
from snnpar.spikes.trace import SpikeTrace, record

LEMAIRE = CONVENTIONS["lemaire"]
TIMESTEPS = 3


class Plain(nn.Module):
    """Weight layers with neurons between them: (1, T, ...) spikes, or (1, ...) numbers that all timesteps see."""

    config = SimpleNamespace(timesteps=TIMESTEPS)

    def __init__(self, *layers: nn.Module, real: bool = False) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.event_input = not real

    def forward(self, x: Tensor) -> SimpleNamespace:
        x = x[0] if self.event_input else x
        for layer in self.layers:
            if isinstance(layer, LIF):
                steps = x.expand(TIMESTEPS, *x.shape[1:]) if len(x) == 1 else x
                x = layer(steps.unsqueeze(1)).squeeze(1)
            else:
                x = layer(x)
        return SimpleNamespace(logits_per_timestep=None)


def ours(model: nn.Module, x: Tensor, **changes: object) -> tuple[EnergyReport, SpikeTrace]:
    with torch.no_grad(), record(model) as trace:
        model(x)
    return estimate_energy(trace, replace(LEMAIRE, **changes)), trace


def theirs(layers: list[nn.Module], inputs: list[Tensor]) -> tuple[float, dict[str, int]]:
    """Microjoules and counts of spikingjelly for the same layers, one forward for each timestep."""
    model = nn.Sequential(
        *(
            LIFNode(tau=layer.tau, v_threshold=layer.v_threshold, detach_reset=True)
            if isinstance(layer, LIF)
            else layer
            for layer in layers
        )
    )
    profiler = LemaireEnergyProfiler()
    profiler.bind_model(model)
    with profiler, torch.no_grad():
        for x in inputs:
            model(x)
    report = profiler.get_report()
    return report.total_pj * 1e-6, report.counts


def spikes(*shape: int) -> Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(1)) < 0.4).float()


def away_from_the_border(x: Tensor) -> Tensor:
    """Silence where a 3 x 3 kernel would reach into the padding: there spikingjelly counts additions to nothing."""
    quiet = torch.zeros_like(x)
    quiet[..., 1:-1, 1:-1] = x[..., 1:-1, 1:-1]
    return quiet


def convolutions() -> list[nn.Module]:
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(4, 8, 3, padding=1),
        LIF(2.0, 0.05),
        nn.Conv2d(8, 6, 1),
        LIF(2.0, 0.05),
        nn.Conv2d(6, 5, 1, bias=False),
    ]
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.uniform_(layer.weight, -0.1, 0.5)
    return layers


def linears() -> list[nn.Module]:
    torch.manual_seed(0)
    return [nn.Linear(30, 20), LIF(2.0, 0.05), nn.Linear(20, 7)]


@pytest.mark.parametrize(
    ("make", "x"),
    [(convolutions, away_from_the_border(spikes(1, TIMESTEPS, 4, 7, 6))), (linears, spikes(1, TIMESTEPS, 30))],
    ids=["convolutions", "linear"],
)
def test_a_spiking_network_costs_what_spikingjelly_says(make, x: Tensor) -> None:
    layers = make()
    (report, trace), (total, counts) = ours(Plain(*layers), x), theirs(layers, list(x[0].unsqueeze(1)))
    assert all(trace.counts(name).sum() > 0 for name in trace.names) and report.acs == counts["synop"] > 0
    assert report.energy_uj == pytest.approx(total, rel=1e-9)
    assert report.bytes == sum(count for name, count in counts.items() if name.endswith("_bytes"))
    assert energy_over_time(trace, LEMAIRE)[-1] == pytest.approx(total, rel=1e-9)


def test_at_the_border_a_spike_meets_fewer_weights_than_spikingjelly_counts() -> None:
    layers, x = convolutions(), torch.ones(1, TIMESTEPS, 4, 7, 6)
    (report, _), (total, counts) = ours(Plain(*layers), x), theirs(layers, list(x[0].unsqueeze(1)))
    first, missed = report.layers[0].acs, TIMESTEPS * 4 * 8 * (7 * 6 * 9 - (3 * 7 - 2) * (3 * 6 - 2))
    assert first == TIMESTEPS * 4 * 8 * (3 * 7 - 2) * (3 * 6 - 2)
    assert counts["synop"] - report.acs == missed and report.energy_uj < total


def test_numbers_as_input_are_multiplied_at_every_timestep_and_their_results_are_written() -> None:
    layers, x = convolutions(), torch.randn(1, 4, 7, 6)
    layers[0] = nn.Conv2d(4, 8, 3)  # no padding: products are counted alike
    report, _ = ours(Plain(*layers, real=True), x, first_every_timestep=True)
    total, counts = theirs(layers, [x] * TIMESTEPS)
    results = 8 * 5 * 4 * 4  # bytes of one timestep: spikingjelly leaves their writing out before neurons
    written = TIMESTEPS * results * access_pj(results) * 1e-6
    assert report.energy_uj == pytest.approx(total + written, rel=1e-9)
    assert report.layers[0].macs == counts["mac"] - report.updates


@torch.no_grad()
def test_a_dense_network_costs_what_spikingjelly_says() -> None:
    torch.manual_seed(0)
    layers, x = [nn.Conv2d(3, 5, 3), nn.Conv2d(5, 4, 1, bias=False), nn.Linear(4, 6)], torch.randn(1, 3, 8, 6)
    report, _ = ours(Plain(*layers, real=True), x)
    assert report.energy_uj == pytest.approx(theirs(layers, [x])[0], rel=1e-9)


@pytest.mark.parametrize(
    ("capacity", "pj"),
    [(0, 0), (4096, 1.25), (8192, 2.5), (20480, 3.75), (32768, 5.0), (1024**2, 25.0), (1024**3, 25.0)],
)
def test_a_larger_memory_costs_more_per_byte(capacity: int, pj: float) -> None:
    assert access_pj(capacity) == pytest.approx(pj)


def test_a_layer_of_each_kind_by_hand() -> None:
    """A convolution with bias: 2048 weights of 4 bytes fill 8 KiB, read at 2.5 pJ a byte; a spike finds its place."""
    memory = {"has_bias": True, "outputs": 1024, "inputs": 512, "weights": 2040, "biases": 8, "positions": 72}
    dense = Operations("dense", "Conv2d", 10_000, **memory)
    spiking = Operations("spiking", "Conv2d", 10_000, ac_map=np.array([[300.0]]), spikes=np.array([40.0]), **memory)
    trace = SpikeTrace()
    trace.layers = (dense, spiking)
    first, second = estimate_energy(trace, LEMAIRE).layers
    parameters, inputs, results = 2.5 * 4, access_pj(512 * 4) * 4, access_pj(1024 * 4) * 4
    assert first.energy_uj * 1e6 == pytest.approx(
        10_000 * 3.2
        + 1024 * 0.1
        + (512 + 1024 + 72) * 0.1
        + (10_000 + 1024) * parameters
        + 10_000 * inputs
        + 1024 * results
    )
    assert second.energy_uj * 1e6 == pytest.approx(
        300 * 0.1
        + 1024 * 0.1
        + 300 * 0.1
        + 2 * 40 * 3.2
        + (300 + 1024) * parameters
        + 40 * access_pj(FIFO) * 4
        + 2 * 300 * results
    )
