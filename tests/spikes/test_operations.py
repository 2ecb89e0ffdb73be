"""Counts against the definition, written out as loops over every output, kernel position and channel."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
import torch
from torch import Tensor, nn

from snnpar.config import ModelConfig
from snnpar.models.co_fire import CoFire
from snnpar.spikes.neurons import LIF
from snnpar.spikes.operations import Operations
from snnpar.spikes.trace import record

CONVOLUTIONS = [
    nn.Conv2d(3, 4, 3, padding=1),
    nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False),
    nn.Conv2d(4, 6, (3, 1), stride=(1, 2), padding=(0, 2), dilation=(2, 1), groups=2),
    nn.Conv2d(5, 3, 1),
    nn.Conv1d(3, 7, 1),
    nn.Conv1d(4, 2, 5, stride=3, padding=2),
]


class Alone(nn.Module):
    """One module as a whole network, which reads spikes or numbers."""

    def __init__(self, module: nn.Module, batch: int, timesteps: int, spiking: bool) -> None:
        super().__init__()
        self.module, self.batch, self.timesteps, self.event_input = module, batch, timesteps, spiking

    def forward(self, *inputs: Tensor) -> SimpleNamespace:
        self.module(*inputs)
        return SimpleNamespace(logits=torch.zeros(self.batch, 1))


@torch.no_grad()
def counted(
    module: nn.Module, *inputs: Tensor, batch: int = 1, timesteps: int = 1, spiking: bool = True
) -> tuple[Operations, ...]:
    model = Alone(module, batch, timesteps, spiking)
    with record(model) as trace:
        model(*inputs)
    assert trace.uncounted == ()
    return trace.layers


def additions(module: nn.Module, x: Tensor) -> np.ndarray:
    """Of each spike's place, as they are recorded for each of the images (n, ...)."""
    return np.concatenate([counted(module, one[None])[0].ac_map for one in x])


def spikes(*shape: int, high: int = 2, seed: int = 0) -> Tensor:
    """Random spikes; with high > 2 small integers, as of I-LIF neurons."""
    return torch.randint(0, high, shape, generator=torch.Generator().manual_seed(seed)).float()


def additions_by_definition(module: nn.Conv1d | nn.Conv2d, x: Tensor) -> np.ndarray:
    """Unit spikes met by weights, credited to the place they come from."""
    places = x.shape[2:]
    counts = np.zeros((len(x), *places))
    group_in = module.in_channels // module.groups
    outputs = module(x).shape[2:]
    for n, out_channel in itertools.product(range(len(x)), range(module.out_channels)):
        group = out_channel // (module.out_channels // module.groups)
        for output, offset in itertools.product(np.ndindex(*outputs), np.ndindex(*module.kernel_size)):
            place = tuple(
                o * s - p + k * d
                for o, s, p, k, d in zip(output, module.stride, module.padding, offset, module.dilation, strict=True)
            )
            if all(0 <= i < size for i, size in zip(place, places, strict=True)):
                channels = slice(group * group_in, (group + 1) * group_in)
                counts[(n, *place)] += x[(n, channels, *place)].sum().item()
    return counts


@pytest.mark.parametrize("high", [2, 5])
@pytest.mark.parametrize("module", CONVOLUTIONS, ids=str)
def test_a_convolution_adds_each_spike_once_for_each_weight_it_meets(module: nn.Module, high: int) -> None:
    x = spikes(2, module.in_channels, *(7, 6)[: len(module.kernel_size)], high=high)
    assert np.array_equal(additions(module, x), additions_by_definition(module, x))


@pytest.mark.parametrize("module", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("spiking", [False, True])
def test_a_dense_convolution_multiplies_each_input_once_for_each_weight_it_meets(
    module: nn.Module, spiking: bool
) -> None:
    """Numbers and spikes by one rule: an image of ones makes as many additions as there are products."""
    x = torch.ones(2, module.in_channels, *(7, 6)[: len(module.kernel_size)])
    (layer,) = counted(module, x, batch=2, spiking=spiking)
    assert 2 * layer.macs == additions_by_definition(module, x).sum()
    assert 2 * (layer.macs + layer.padding) == module(x).numel() * module.weight[0].numel()
    assert (layer.inputs, layer.weights) == (x[0].numel(), module.weight.numel())
    assert layer.biases == (0 if module.bias is None else len(module.bias))
    assert layer.positions == module.out_channels * module.weight[0, 0].numel()


@pytest.mark.parametrize("spiking", [False, True])
@pytest.mark.parametrize(
    "module",
    [
        nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1),
        nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1),  # what it writes beyond either border is cut off
        nn.ConvTranspose1d(4, 6, 4, stride=3, dilation=2, groups=2, bias=False),
    ],
    ids=str,
)
def test_a_transposed_convolution_writes_each_input_to_the_outputs_there_are(module: nn.Module, spiking: bool) -> None:
    """A lone 1 at a place, through weights of 1, leaves as many ones as it meets weights."""
    places = (5, 4)[: len(module.kernel_size)]
    nn.init.ones_(module.weight)
    if module.bias is not None:
        nn.init.zeros_(module.bias)
    expected = np.zeros(places)
    for channel, place in itertools.product(range(module.in_channels), np.ndindex(*places)):
        lone = torch.zeros(1, module.in_channels, *places)
        lone[(0, channel, *place)] = 1
        expected[place] += module(lone).sum().item()
    (layer,) = counted(module, torch.ones(1, module.in_channels, *places), spiking=spiking)
    assert layer.macs == expected.sum() and layer.kind == type(module).__name__
    assert not spiking or np.array_equal(layer.ac_map[0], expected)


class Product(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a @ b


@pytest.mark.parametrize("kinds", itertools.product([True, False], repeat=2))
def test_a_product_of_activations_adds_where_spikes_meet_what_is_not_zero(kinds: tuple[bool, bool]) -> None:
    timesteps, n, k, m = 2, 3, 4, 5
    generator = torch.Generator().manual_seed(2)
    a, b = spikes(timesteps, n, k, seed=5), spikes(timesteps, k, m, seed=6)
    if not kinds[0]:
        a = a * torch.rand(a.shape, generator=generator)
    if not kinds[1]:
        b = b * torch.rand(b.shape, generator=generator)
    expected = np.zeros(timesteps)
    for t, i, j, by in itertools.product(range(timesteps), range(n), range(m), range(k)):
        factors = [x if spiking else x != 0 for x, spiking in zip((a[t, i, by], b[t, by, j]), kinds, strict=True)]
        expected[t] += float(factors[0]) * float(factors[1])

    class Mixed(nn.Module):
        timesteps = 2

        def __init__(self) -> None:
            super().__init__()
            self.lif, self.product = LIF(tau=1.0), Product()

        def forward(self, x: Tensor, y: Tensor) -> SimpleNamespace:
            x, y = (self.lif(one) if spiking else one * 1.0 for one, spiking in zip((x, y), kinds, strict=True))
            self.product(x, y)
            return SimpleNamespace(logits=torch.zeros(1, 1))

    model = Mixed()
    with torch.no_grad(), record(model) as trace:
        model(a, b)
    (layer,) = trace.layers
    assert (layer.name, layer.macs, layer.has_weights) == ("product", timesteps * n * k * m, False)
    if any(kinds):
        assert layer.runs == timesteps and np.array_equal(layer.ac_map, expected)
    else:
        assert layer.ac_map is None


def test_one_spike_at_a_corner_meets_fewer_weights_than_one_inside() -> None:
    module, x = nn.Conv2d(1, 10, 3, padding=1), torch.zeros(1, 1, 5, 5)
    x[0, 0, 0, 0] = x[0, 0, 2, 2] = 1
    counts = additions(module, x)[0]
    assert (counts[0, 0], counts[2, 2], counts.sum()) == (4 * 10, 9 * 10, 130)


def test_a_linear_layer_adds_each_spike_to_every_output() -> None:
    x = spikes(2, 5, 8)
    assert np.array_equal(additions(nn.Linear(8, 3), x), x.sum(-1).numpy() * 3)


@pytest.mark.parametrize("high", [2, 4])
def test_attention_counts_coincidences_and_the_sums_that_a_spike_selects(high: int) -> None:
    timesteps, heads, width, tokens = 3, 2, 4, 5
    q, k, v = (spikes(timesteps, 1, heads * width, tokens, high=high, seed=seed) for seed in range(3))
    module = CoFire(heads)
    kv, product = counted(module, q, k, v, timesteps=timesteps)
    coincidences, additions = np.zeros((timesteps, tokens)), np.zeros((timesteps, tokens))
    for t, head, c, d in itertools.product(range(timesteps), range(heads), range(width), range(width)):
        row, column = head * width + c, head * width + d
        together = (v[t, 0, row] * k[t, 0, column]).numpy()
        coincidences[t] += together
        if together.sum():  # adding a count of 0 is no addition
            additions[t] += q[t, 0, column].numpy()
    assert np.array_equal(kv.ac_map, coincidences) and np.array_equal(product.ac_map, additions)
    assert kv.macs == product.macs == timesteps * heads * width * width * tokens
    assert (kv.input_rate, product.input_rate) == pytest.approx((k.mean().item(), q.mean().item()))
    assert not kv.has_weights and not product.has_weights
    assert (kv.inputs, product.inputs) == (2 * q.numel(), q.numel())
    assert np.array_equal(kv.spikes, (k + v).sum((1, 2, 3))) and np.array_equal(product.spikes, q.sum((1, 2, 3)))


@torch.no_grad()
def test_dense_spikes_cost_one_accumulate_for_each_multiply_accumulate() -> None:
    module = nn.Conv2d(4, 6, 1)
    x = torch.ones(3, 4, 5, 5)
    (layer,) = counted(module, x, timesteps=3)
    assert layer.acs == layer.macs == 3 * 25 * 24 and layer.input_rate == 1
    assert (layer.runs, layer.outputs, layer.has_bias, layer.spikes_per_synapse) == (3, 3 * 25 * 6, True, 3.0)
    padded = nn.Conv2d(4, 6, 3, padding=1, bias=False)
    (layer,) = counted(padded, x, timesteps=3)
    assert layer.macs == layer.acs == 3 * 6 * 4 * (3 * 5 - 2) ** 2 and layer.spikes_per_synapse == 3
    assert layer.macs + layer.padding == 3 * 25 * 6 * 36 and not layer.has_bias


@torch.no_grad()
def test_a_batch_counts_as_its_mean_image() -> None:
    model = tiny.lively(tiny.STUDENT)
    images = tiny.random_images(3, tiny.STUDENT)
    with record(model) as together:
        model(images)
    alone = []
    for image in images:
        with record(model) as trace:
            model(image[None])
        alone.append(trace.layers)
    for layer, *same in zip(together.layers, *alone, strict=True):
        for what in ("macs", "outputs", "inputs", "padding"):
            assert {getattr(layer, what)} == {getattr(one, what) for one in same}
        if layer.acs is not None:
            assert layer.acs == pytest.approx(np.mean([one.acs for one in same]))


@torch.no_grad()
@pytest.mark.parametrize("config", [tiny.STUDENT, tiny.CML], ids=["fire first", "pool first"])
def test_every_layer_of_a_student_against_the_definition(config: ModelConfig) -> None:
    """Max pooling, the first convolution and the repetition over time included."""
    model, inputs = tiny.lively(config), {}
    handles = [
        module.register_forward_hook(lambda m, i, out, name=name: inputs.update({name: (m, i[0])}))
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv1d | nn.Conv2d)
    ]
    with record(model) as trace:
        model(tiny.random_images(1, config))
    for handle in handles:
        handle.remove()
    layers = {layer.name: layer for layer in trace.layers}
    assert layers["patch_embed.proj_conv"].runs == 1 and layers["patch_embed.proj_conv"].acs is None
    for name in ("patch_embed.proj4_conv", "block.0.attn.q_conv", "block.1.attn.proj_conv", "block.1.mlp.mlp1_conv"):
        module, x = inputs[name]
        assert set(x.unique().tolist()) == {0.0, 1.0}
        assert np.array_equal(layers[name].ac_map, additions_by_definition(module, x)) and layers[name].runs == 3


@torch.no_grad()
def test_neurons_that_fire_after_pooling_send_every_spike_into_the_next_convolution() -> None:
    """No pooling in between: the accumulates follow from the recorded spikes alone, and a rate is a layer's own."""
    model = tiny.lively(tiny.CML)
    with record(model) as trace:
        model(tiny.random_images(1, tiny.CML))
    layers = {layer.name: layer for layer in trace.layers}
    for stage in range(1, 5):
        neurons, conv = f"patch_embed.proj{stage}_lif", f"patch_embed.proj{stage}_conv"
        fired = trace.spikes(neurons)
        assert trace.shape(neurons)[3:] == (64 >> stage, 32 >> stage)
        assert layers[conv].input_rate == pytest.approx(fired.mean())
        again = additions(model.get_submodule(conv), torch.from_numpy(fired[:, 0]).float())
        assert layers[conv].acs > 0 and np.array_equal(layers[conv].ac_map, again)
