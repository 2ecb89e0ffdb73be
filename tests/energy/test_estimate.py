from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch

from snnpar.config import ModelConfig
from snnpar.energy.conventions import CONVENTIONS, NEURON_PRICES, Assumptions
from snnpar.energy.estimate import bits_for, break_even_rate, estimate_energy, quantised_mac
from snnpar.models import build_model
from snnpar.spikes.operations import Operations
from snnpar.spikes.trace import SpikeTrace, record

ARITHMETIC, MEMORY = CONVENTIONS["arithmetic"], CONVENTIONS["memory"]


def report_of(*layers: Operations, assumptions: Assumptions = ARITHMETIC):
    trace = SpikeTrace()
    trace.layers = layers
    return estimate_energy(trace, assumptions)


def spiking(macs: int, acs: int, **values: object) -> Operations:
    ac_map = np.array([[float(acs)]])
    return Operations(f"conv-{macs}", "Conv2d", macs, runs=4, ac_map=ac_map, input_rate=0.25, **values)


REAL = Operations("first", "Conv2d", 1000, outputs=10, has_bias=True)
ATTENTION = Operations("attn", "Attention", 700, has_weights=False)
NORM = Operations("norm", "BatchNorm2d", 50, outputs=50, is_norm=True)


def test_a_network_counted_by_hand() -> None:
    report = report_of(REAL, spiking(2000, 500), ATTENTION, NORM)
    assert (report.macs, report.acs) == (1700, 500)
    assert report.energy_uj == pytest.approx((1700 * 4.6 + 500 * 0.9) * 1e-6)
    assert [part.input_rate for part in report.layers] == [None, 0.25, None]
    assert [part.spikes_per_synapse for part in report.layers] == [None, 1.0, None]
    assert "45 nm" in report.convention and "no memory" in report.convention


def test_memory_is_a_weight_per_operation_a_bias_per_result_and_the_state_of_each_neuron() -> None:
    report = report_of(REAL, spiking(2000, 500), ATTENTION, assumptions=MEMORY)
    assert [part.bytes for part in report.layers] == [4 * (1000 + 10), 4 * 500, 0]
    assert report.energy_uj == pytest.approx((1700 * 4.6 + 500 * 0.9 + 4 * 1510 * 24.96) * 1e-6)
    small = replace(MEMORY, weight_bits=8)
    assert report_of(spiking(2000, 500), assumptions=small).bytes == 500


@torch.no_grad()
def test_each_neuron_is_read_and_written_once_per_timestep() -> None:
    model = tiny.lively(tiny.STUDENT)
    with record(model) as trace:
        model(tiny.random_images(1, tiny.STUDENT))
    neurons = sum(trace.neurons(name) for name in trace.names)
    report = estimate_energy(trace, replace(MEMORY, state_bits=16))
    assert report.state_bytes == neurons * 3 * 2 * 2
    assert report.bytes == pytest.approx(report.state_bytes + sum(layer.bytes for layer in report.layers))
    assert report.energy_uj == pytest.approx(estimate_energy(trace).energy_uj + report.bytes * 24.96e-6)


def test_batch_norms_cost_only_when_they_are_not_folded() -> None:
    assert report_of(REAL, NORM).macs == 1000
    assert report_of(REAL, NORM, assumptions=replace(ARITHMETIC, norms=True)).macs == 1050


@torch.no_grad()
@pytest.mark.parametrize("timesteps", [1, 4])
def test_the_first_convolution_is_billed_once_or_every_timestep(timesteps: int) -> None:
    model = tiny.lively(replace(tiny.STUDENT, timesteps=timesteps))
    with record(model) as trace:
        model(tiny.random_images(1, tiny.STUDENT))
    once = estimate_energy(trace)
    each = estimate_energy(trace, replace(ARITHMETIC, first_every_timestep=True))
    first = (3 * 64 - 2) * (3 * 32 - 2) * 4 * 3  # without the padding
    assert once.layers[0].name == "patch_embed.proj_conv" and once.layers[0].macs == first
    assert each.macs - once.macs == (timesteps - 1) * first and each.acs == once.acs


@torch.no_grad()
def test_a_teacher_is_billed_the_same_whatever_is_assumed_of_timesteps() -> None:
    model = tiny.lively(tiny.TEACHER)
    with record(model) as trace:
        model(tiny.random_images(1, tiny.TEACHER), torch.randn(26, 384))
    report = estimate_energy(trace, replace(MEMORY, first_every_timestep=True))
    assert (report.acs, report.state_bytes) == (0, 0)
    assert report.macs == estimate_energy(trace).macs > 0


ONCE, PER_STEP = CONVENTIONS["weights-once"], CONVENTIONS["weights-per-step"]
HELD = {"weights": 90, "biases": 6, "has_bias": True, "inputs": 48, "outputs": 24}


def three_steps(*layers: Operations, neurons: int = 5) -> SpikeTrace:
    """A trace of 3 timesteps with one layer of silent neurons."""
    trace = SpikeTrace()
    trace.layers = layers
    trace._shapes["lif"] = (3, 1, neurons)
    trace._packed["lif"] = np.packbits(np.zeros(3 * neurons, bool))
    return trace


DENSE = Operations("first", "Conv2d", 1000, padding=200, **HELD)
SPIKES = Operations(
    "second",
    "Conv2d",
    3000,
    3,
    ac_map=np.array([[10.0], [0.0], [20.0]]),
    input_rate=0.1,
    padding=600,
    spikes=np.array([1.0, 0.0, 2.0]),
    **HELD,
)


@pytest.mark.parametrize(
    ("assumptions", "dense", "spiking"),
    [
        (MEMORY, 1000 + 24, 30 + 24),
        (ONCE, 96, 96),
        (PER_STEP, 96, 3 * 96),
        (replace(PER_STEP, first_every_timestep=True), 3 * 96, 3 * 96),
        (replace(ONCE, first_every_timestep=True), 96, 96),
        (replace(ONCE, activations=True), 96 + 48 + 24 + 3 * 24, 96 + 48 / 32),  # kept for the timesteps; a bit a spike
    ],
    ids=str,
)
def test_words_that_each_convention_fetches(assumptions: Assumptions, dense: float, spiking: float) -> None:
    report = estimate_energy(three_steps(DENSE, SPIKES), assumptions)
    assert [layer.bytes for layer in report.layers] == [4 * dense, 4 * spiking]
    assert (report.state_bytes, report.neurons[0].updates) == (2 * 3 * 5 * 4, 15)
    operations = report.macs * 4.6 + 30 * 0.9 + 15 * 4.6
    assert report.energy_uj == pytest.approx((operations + report.bytes * 24.96) * 1e-6)


def test_a_teacher_reads_its_weights_as_often_under_both() -> None:
    trace = SpikeTrace()
    trace.layers = (DENSE, ATTENTION)
    assert estimate_energy(trace, ONCE) == replace(estimate_energy(trace, PER_STEP), assumptions=ONCE)
    assert [layer.bytes for layer in estimate_energy(trace, ONCE).layers] == [4 * 96, 0]


@pytest.mark.parametrize(("price", "pj"), [(None, 4.6), (0.0, 0.0), (81.0, 81.0), (2190.0, 2190.0)])
def test_a_neuron_update_costs_a_mac_or_what_a_chip_says(price: float | None, pj: float) -> None:
    report = estimate_energy(three_steps(SPIKES), replace(ARITHMETIC, neuron_pj=price))
    assert report.neuron_uj == pytest.approx(15 * pj * 1e-6)
    assert report.energy_uj == pytest.approx((30 * 0.9 + 15 * pj) * 1e-6)
    assert f"{pj:g} pJ per neuron update" in report.convention and "15 neuron updates" in report.neuron_share
    assert price in [one.pj for one in NEURON_PRICES]


def test_padding_is_billed_in_both_networks_or_in_none() -> None:
    """Had every input lain inside, 3 spikes of 48 inputs would have met 3 / 48 of all products, padding included."""
    without, both = (
        estimate_energy(three_steps(DENSE, SPIKES), replace(ARITHMETIC, padding=padding)) for padding in (False, True)
    )
    assert (without.macs, without.acs) == (1000, 30) and both.macs == 1200 and both.acs == pytest.approx(3600 * 3 / 48)


@torch.no_grad()
def test_phrases_are_embedded_once_for_all_images() -> None:
    model = tiny.lively(tiny.TEACHER)
    reports = []
    for count in (1, 2):
        with record(model) as trace:
            model(tiny.random_images(count, tiny.TEACHER), torch.randn(26, 384))
        reports.append([estimate_energy(trace, replace(MEMORY, phrases_every_image=every)) for every in (False, True)])
    once, every = reports[0]
    (embedding,) = (layer for layer in once.layers if layer.name == "word_embed")
    assert (embedding.macs, embedding.bytes, embedding.energy_uj) == (0, 0, 0)
    assert every.macs - once.macs == 26 * 384 * 32
    assert every.bytes - once.bytes == 4 * (26 * 384 * 32 + 26 * 32)
    assert [report.macs for report in reports[1]] == [report.macs for report in reports[0]]  # whatever the batch


def test_published_totals_of_spikingformer_8_768() -> None:
    """At 224 x 224, T=4, 1000 classes; operations and millijoules as its authors print them."""
    config = ModelConfig("spikingformer", image_size=(224, 224), dim=768, depth=8, timesteps=4)
    with torch.device("meta"):
        model = build_model(config, 1000).eval()
        with torch.no_grad(), record(model, spikes=False) as trace:
            model(torch.zeros(1, 3, 224, 224))
    macs = {layer.name: layer.macs + layer.padding for layer in trace.layers}  # they count products with padding
    first, head = macs["patch_embed.proj_conv"], macs["head"] // 4  # theirs runs once, on the mean over time
    assert 4 * first + head == pytest.approx(0.521e9, rel=1e-3)
    for dense, millijoules in ((4 * first + head, 13.66), (first + head, 11.86)):
        pj = dense * ARITHMETIC.mac_pj + 12.514e9 * ARITHMETIC.ac_pj
        assert pj * 1e-9 == pytest.approx(millijoules, rel=1e-3)


def test_silence_costs_nothing() -> None:
    assert report_of(spiking(5000, 0)).energy_uj == 0
    assert (report_of().energy_uj, report_of().layers) == (0, ())


@pytest.mark.parametrize("shade", [-1.0, 0.0, 1.0])
def test_plain_images_do_not_make_the_first_convolution_free(shade: float) -> None:
    """An image of zeros is no array of silent spikes."""
    model = tiny.lively(tiny.STUDENT)
    with torch.no_grad(), record(model) as trace:
        model(torch.full((1, 3, *tiny.STUDENT.image_size), shade))
    first = estimate_energy(trace).layers[0]
    assert first.name == "patch_embed.proj_conv" and first.input_rate is None
    assert first.energy_uj == pytest.approx((3 * 64 - 2) * (3 * 32 - 2) * 4 * 3 * 4.6e-6)


@torch.no_grad()
@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("config", [tiny.STUDENT, tiny.CML, tiny.TEACHER])
def test_totals_are_the_sums_of_the_layers(config, convention: str) -> None:
    model = tiny.lively(config)
    with record(model) as trace:
        model(tiny.random_images(1, config), *([torch.randn(26, 384)] if config is tiny.TEACHER else []))
    report = estimate_energy(trace, CONVENTIONS[convention])
    assert len(report.layers) > 10 and (report.acs > 0) == (config is not tiny.TEACHER)
    assert report.lines == report.layers + report.neurons and len(report.neurons) == len(trace.names)
    for total in ("macs", "acs", "bytes", "energy_uj", "updates"):
        assert getattr(report, total) == sum(getattr(part, total) for part in report.lines)
    assert report.state_bytes == sum(part.bytes for part in report.neurons)
    assert report.neuron_uj == sum(part.energy_uj for part in report.neurons)
    assert report.updates == sum(trace.neurons(name) for name in trace.names) * trace.timesteps


def test_where_layers_have_their_own_memories_there_is_no_one_break_even() -> None:
    with pytest.raises(ValueError, match="a break-even, of its own"):
        break_even_rate(4, CONVENTIONS["lemaire"], 0.1)


@pytest.mark.parametrize(("timesteps", "bits"), [(1, 1), (3, 2), (4, 3), (7, 3), (8, 4), (15, 4)])
def test_timesteps_tell_as_many_values_apart_as_bits(timesteps: int, bits: int) -> None:
    assert bits_for(timesteps) == bits


@pytest.mark.parametrize("assumptions", [one for one in CONVENTIONS.values() if not one.buffers], ids=str)
def test_at_the_break_even_rate_both_cost_the_same(assumptions: Assumptions) -> None:
    timesteps, synapses, quantised = 4, 10_000, 0.11
    rate = break_even_rate(timesteps, assumptions, quantised)
    acs = round(rate * timesteps * synapses)
    weight = assumptions.byte_pj * assumptions.weight_bits / 8 if assumptions.weight_reads == "operation" else 0
    spiking_uj = report_of(spiking(timesteps * synapses, acs), assumptions=assumptions).energy_uj
    assert spiking_uj == pytest.approx(synapses * (quantised + weight) * 1e-6, rel=1e-3)


@pytest.mark.parametrize(
    ("assumptions", "timesteps", "expected"),
    [
        (CONVENTIONS["int8"], 4, 0.1 + 0.2 * 3 / 8),
        (ARITHMETIC, 8, 0.9 + 3.7 * 4 / 32),
        (Assumptions("1-bit weights", 2.0, 0.5, weight_bits=1), 8, 2.0),  # never dearer than the MAC itself
        (Assumptions("odd", 0.1, 0.5), 4, 0.5),
    ],
)
def test_a_quantised_mac_is_an_addition_and_a_multiplication_by_few_bits(
    assumptions: Assumptions, timesteps: int, expected: float
) -> None:
    assert quantised_mac(timesteps, assumptions) == pytest.approx(expected)


@torch.no_grad()
def test_pooling_first_leaves_a_quarter_of_the_tokenizers_neurons_and_every_mac() -> None:
    seen = {}
    for config in (tiny.STUDENT, tiny.CML):
        model = tiny.lively(config)
        with record(model) as trace:
            model(tiny.random_images(1, config))
        stages = [trace.neurons(name) for name in trace.names if name.startswith("patch_embed")]
        seen[config.pool_first] = stages, [layer.macs for layer in trace.layers], estimate_energy(trace, MEMORY)
    assert seen[False][0] == [4 * neurons for neurons in seen[True][0]] and seen[False][1] == seen[True][1]
    fewer = sum(seen[False][0]) - sum(seen[True][0])
    assert seen[False][2].state_bytes - seen[True][2].state_bytes == fewer * 3 * 2 * 4  # T, read and written, float32
