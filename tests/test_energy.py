from __future__ import annotations

import numpy as np
import pytest
import tiny
import torch

from snnpar.energy import AC_PJ, MAC_PJ, estimate_energy
from snnpar.trace import LayerGeometry, SpikeTrace, record


def report_of(*layers: LayerGeometry):
    trace = SpikeTrace()
    trace.layers = layers
    return estimate_energy(trace)


def layer(macs: int, rates: tuple[float, ...], kind: str = "Conv2d") -> LayerGeometry:
    return LayerGeometry(name=f"{kind}-{macs}", kind=kind, macs=macs, input_rates=rates)


def test_a_network_counted_by_hand() -> None:
    """1,000 MACs on pixels, 2,000 on spikes at 1/4, q k v products of 800 at (0.1, 0.3, 0.9)."""
    report = report_of(layer(1000, ()), layer(2000, (0.25,)), layer(800, (0.1, 0.3, 0.9), "CoFire"))
    assert (report.macs, report.acs) == pytest.approx((1000, 500 + 160))
    assert report.energy_uj == pytest.approx((1000 * 4.6 + 660 * 0.9) * 1e-6)
    assert [part.input_rate for part in report.layers] == [None, 0.25, pytest.approx(0.2)]
    assert "45 nm" in report.convention and "no memory" in report.convention


def test_silence_costs_nothing_and_firing_always_costs_every_accumulate() -> None:
    assert report_of(layer(5000, (0.0,)), layer(70, (0.0, 0.0, 1.0), "CoFire")).energy_uj == 0
    assert report_of(layer(5000, (1.0,))).acs == 5000


def test_spikes_pay_off_below_the_break_even_rate() -> None:
    assert report_of(layer(100, (1.0,))).energy_uj / report_of(layer(100, ())).energy_uj == pytest.approx(
        AC_PJ / MAC_PJ)


def test_an_empty_trace_costs_nothing() -> None:
    assert (report_of().energy_uj, report_of().layers) == (0, ())


@pytest.mark.parametrize("shade", [-1.0, 0.0, 1.0])
def test_plain_images_do_not_make_the_first_convolution_free(shade: float) -> None:
    """An image of zeros is no array of silent spikes."""
    model = tiny.lively(tiny.STUDENT)
    with torch.no_grad(), record(model) as trace:
        model(torch.full((1, 3, *tiny.STUDENT.image_size), shade))
    first = estimate_energy(trace).layers[0]
    assert first.name == "patch_embed.proj_conv" and first.input_rate is None
    assert first.macs == 64 * 32 * 4 * 3 * 9 and first.energy_uj == pytest.approx(first.macs * 4.6e-6)


@torch.no_grad()
@pytest.mark.parametrize("config", [tiny.STUDENT, tiny.TEACHER])
def test_totals_are_the_sums_of_the_layers(config) -> None:
    model = tiny.lively(config)
    with record(model) as trace:
        model(tiny.random_images(1, config), *([torch.randn(26, 384)] if config is tiny.TEACHER else []))
    report = estimate_energy(trace)
    assert len(report.layers) == len(trace.layers) > 10
    for total in ("macs", "acs", "energy_uj"):
        assert getattr(report, total) == pytest.approx(sum(getattr(part, total) for part in report.layers))
    assert (report.acs > 0) == (config is tiny.STUDENT)
    assert report.macs + report.acs <= sum(part.macs for part in trace.layers)


@torch.no_grad()
def test_accumulates_of_a_pointwise_layer_are_its_spikes_times_its_fan_out() -> None:
    model = tiny.lively(tiny.STUDENT)
    with record(model) as trace:
        model(tiny.random_images(1, tiny.STUDENT))
    acs = {part.name: part.acs for part in estimate_energy(trace).layers}
    for conv, fan_out in (("block.0.mlp.mlp1_conv", 128), ("block.1.mlp.mlp2_conv", 32)):
        spikes = np.count_nonzero(trace.spikes(conv.replace("_conv", "_lif")))
        assert acs[conv] == pytest.approx(spikes * fan_out)
