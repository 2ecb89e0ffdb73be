from __future__ import annotations

import numpy as np
import pytest
import tiny
import torch
from torch import nn

from snnpar.models import build_model
from snnpar.spikes.neurons import LIF
from snnpar.spikes.trace import SpikeTrace, record


@pytest.fixture(scope="module")
def student() -> nn.Module:
    return tiny.lively(tiny.STUDENT)


@torch.no_grad()
def traced(model: nn.Module, images: torch.Tensor, **options: bool) -> SpikeTrace:
    with record(model, **options) as trace:
        model(images)
    return trace


@torch.no_grad()
def test_packed_spikes_equal_the_layers_outputs(student: nn.Module) -> None:
    images, seen = tiny.random_images(3, tiny.STUDENT), {}
    handles = [
        module.register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: out.numpy()}))
        for name, module in student.named_modules()
        if isinstance(module, LIF)
    ]
    trace = traced(student, images)
    for handle in handles:
        handle.remove()
    assert trace.names == tuple(seen)
    for name, spikes in seen.items():
        assert trace.shape(name) == spikes.shape and trace.spikes(name).dtype == bool
        assert np.array_equal(trace.spikes(name), spikes == 1)
        np.testing.assert_allclose(trace.rates(name), spikes.mean(tuple(range(1, spikes.ndim))), rtol=1e-6)
        assert trace.neurons(name) == np.prod(spikes.shape[2:])
    assert trace.timesteps == 3
    fired, slots = (sum(one(spikes) for spikes in seen.values()) for one in (np.count_nonzero, np.size))
    assert trace.nasfr == pytest.approx(fired / slots) and 0 < trace.nasfr < 1
    assert trace.nbytes == sum(-(-spikes.size // 8) for spikes in seen.values())


@torch.no_grad()
def test_logits_are_recorded_and_unchanged_by_recording(student: nn.Module) -> None:
    images = tiny.random_images(2, tiny.STUDENT)
    free = student(images)
    with record(student) as trace:
        watched = student(images)
    assert torch.equal(free.logits, watched.logits) and torch.equal(free.features, watched.features)
    assert np.array_equal(trace.logits_per_timestep, free.logits_per_timestep)


@pytest.mark.parametrize("config", [tiny.STUDENT, tiny.TEACHER])
def test_hooks_live_inside_the_block_only(config) -> None:
    model = tiny.lively(config)
    with record(model):
        assert tiny.hooks(model) > 0
    assert tiny.hooks(model) == 0
    with pytest.raises(RuntimeError), record(model):
        model(torch.zeros(1, 4, 64, 32), *([torch.zeros(26, 384)] if config is tiny.TEACHER else []))
    assert tiny.hooks(model) == 0


def test_the_second_forward_replaces_the_first(student: nn.Module) -> None:
    first, second = (tiny.random_images(n, tiny.STUDENT, seed=n) for n in (2, 1))
    with record(student) as both:
        student(first)
        student(second)
    only = traced(student, second)
    assert both.names == only.names and [x.acs for x in both.layers] == [x.acs for x in only.layers]
    assert all(np.array_equal(both.spikes(name), only.spikes(name)) for name in only.names)
    assert np.array_equal(both.logits_per_timestep, only.logits_per_timestep)


def test_unknown_neurons_list_the_known(student: nn.Module) -> None:
    trace = traced(student, tiny.random_images(1, tiny.STUDENT))
    with pytest.raises(KeyError, match=r"block\.9.*patch_embed\.proj1_lif"):
        trace.spikes("block.9.attn.q_lif")


def inside(rows: int, columns: int) -> int:
    """Products of a 3 x 3 kernel with each place of an image, padding of 1 left out."""
    return (3 * rows - 2) * (3 * columns - 2)


def test_geometry_of_the_student(student: nn.Module) -> None:
    """T 3, D 32, N 8 tokens, 64 x 32 pixels, 26 attributes; worked out by hand."""
    layers = {layer.name: layer for layer in traced(student, tiny.random_images(1, tiny.STUDENT)).layers}
    macs = {name: layer.macs for name, layer in layers.items()}
    assert macs["patch_embed.proj_conv"] == inside(64, 32) * 4 * 3  # once, not at every timestep
    assert macs["patch_embed.proj1_conv"] == 3 * inside(32, 16) * 8 * 4
    assert macs["patch_embed.proj4_conv"] == 3 * inside(4, 2) * 32 * 32
    assert layers["patch_embed.proj4_conv"].padding == 3 * (4 * 2 * 9 - inside(4, 2)) * 32 * 32
    assert macs["block.0.attn.q_conv"] == macs["block.1.attn.proj_conv"] == 3 * 8 * 32 * 32
    for product in ("kv", "q"):  # v k^T and its product with q, heads of 16 channels
        assert macs[f"block.0.attn.co_fire.{product}"] == 3 * 8 * 32 * 16
    assert macs["block.0.mlp.mlp1_conv"] == macs["block.0.mlp.mlp2_conv"] == 3 * 8 * 32 * 128
    assert macs["head"] == 3 * 32 * 26
    real = {name for name, layer in layers.items() if layer.ac_map is None and not layer.is_norm}
    assert real == {"patch_embed.proj_conv", "head"}
    assert macs["patch_embed.proj_bn"] == 64 * 32 * 4 and macs["block.0.mlp.mlp1_bn"] == 3 * 8 * 128


def test_geometry_is_per_image(student: nn.Module) -> None:
    image = tiny.random_images(1, tiny.STUDENT)
    one, four = traced(student, image), traced(student, image.repeat(4, 1, 1, 1))
    assert [layer.macs for layer in one.layers] == [layer.macs for layer in four.layers]
    for a, b in zip(one.layers, four.layers, strict=True):
        assert a.input_rate == pytest.approx(b.input_rate) and a.acs == pytest.approx(b.acs)


def test_input_rates_are_counted_after_pooling(student: nn.Module) -> None:
    trace = traced(student, tiny.random_images(1, tiny.STUDENT))
    layers = {layer.name: layer for layer in trace.layers}
    for conv, neuron in (("block.0.attn.q_conv", "block.0.attn.proj_lif"), ("block.1.mlp.mlp2_conv",) * 2):
        neuron = neuron.replace("_conv", "_lif")
        assert layers[conv].input_rate == pytest.approx(trace.spikes(neuron).mean())
    spikes = torch.from_numpy(trace.spikes("patch_embed.proj1_lif")).float().flatten(0, 1)
    pooled = nn.functional.max_pool2d(spikes, 3, 2, 1).mean().item()
    assert layers["patch_embed.proj1_conv"].input_rate == pytest.approx(pooled) and pooled > spikes.mean()


@torch.no_grad()
def test_geometry_of_the_teacher() -> None:
    model = tiny.lively(tiny.TEACHER)
    with record(model) as trace:
        model(tiny.random_images(1, tiny.TEACHER), torch.randn(26, 384))
    macs = {layer.name: layer.macs for layer in trace.layers}
    assert trace.names == () and trace.timesteps == 0 and trace.logits_per_timestep is None and trace.nbytes == 0
    assert all(layer.ac_map is None and layer.input_rate is None for layer in trace.layers)
    assert macs["word_embed"] == 26 * 384 * 32
    assert macs["vit.blocks.0.attn.qkv"] == 9 * 32 * 96  # 8 patches and the class token
    assert macs["vit.blocks.0.attn"] == 2 * 9 * 9 * 32
    assert macs["vit.blocks.1.attn"] == 2 * 35 * 35 * 32  # and 26 phrases
    assert macs["vit.patch_embed.first.0"] == (3 * 32 - 1) * (3 * 16 - 1) * 4 * 3  # stride 2: padding on one side


def test_without_spikes_it_works_on_the_meta_device(student: nn.Module) -> None:
    with torch.device("meta"):
        empty = build_model(tiny.STUDENT, 26).eval()
        trace = traced(empty, torch.zeros(1, 3, *tiny.STUDENT.image_size), spikes=False)
    expected = traced(student, tiny.random_images(1, tiny.STUDENT))
    assert [(layer.name, layer.macs) for layer in trace.layers] == [(la.name, la.macs) for la in expected.layers]
    assert trace.names == expected.names and trace.nbytes == 0
