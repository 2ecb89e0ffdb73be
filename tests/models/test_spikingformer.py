from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from snnpar.checkpoint import load_strictly
from snnpar.config import ModelConfig
from snnpar.models import build_model
from snnpar.models.spikingformer import CoFire, Tokenizer, max_pool, over_time
from snnpar.spikes.neurons import LIF
from snnpar.spikes.trace import record

GOLDEN = ModelConfig("spikingformer", image_size=(64, 32), dim=40, depth=2, heads=4, timesteps=4, mlp_ratio=4)
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def published_layout(dim: int, depth: int, attributes: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the published student checkpoint, without its unused norm1 and norm2."""
    widths = [dim // 8, dim // 8, dim // 4, dim // 2, dim, dim]
    shapes: dict[str, tuple[int, ...]] = {}

    def layer(name: str, weight: tuple[int, ...], norm: str, bias: bool) -> None:
        shapes[f"{name}.weight"] = weight
        if bias:
            shapes[f"{name}.bias"] = (weight[0],)
        shapes.update({f"{norm}.{part}": (weight[0],) if part != NORM[-1] else () for part in NORM})

    layer("patch_embed.proj_conv", (widths[0], 3, 3, 3), "patch_embed.proj_bn", False)
    for i in range(1, 5):
        layer(f"patch_embed.proj{i}_conv", (widths[i + 1], widths[i], 3, 3), f"patch_embed.proj{i}_bn", False)
    for i in range(depth):
        for name in "qkv":
            layer(f"block.{i}.attn.{name}_conv", (dim, dim, 1), f"block.{i}.attn.{name}_bn", False)
        layer(f"block.{i}.attn.proj_conv", (dim, dim, 1), f"block.{i}.attn.proj_bn", True)
        layer(f"block.{i}.mlp.mlp1_conv", (4 * dim, dim, 1, 1), f"block.{i}.mlp.mlp1_bn", True)
        layer(f"block.{i}.mlp.mlp2_conv", (dim, 4 * dim, 1, 1), f"block.{i}.mlp.mlp2_bn", True)
    return shapes | {"head.weight": (attributes, dim), "head.bias": (attributes,)}


ORDERS = pytest.mark.parametrize("config", [tiny.STUDENT, tiny.CML], ids=["fire first", "pool first"])


@pytest.mark.parametrize("pool_first", [False, True])
def test_state_dict_is_the_published_layout(pool_first: bool) -> None:
    with torch.device("meta"):
        model = build_model(replace(GOLDEN, dim=64, depth=3, heads=8, pool_first=pool_first), 35)
    assert {name: tuple(value.shape) for name, value in model.state_dict().items()} == published_layout(64, 3, 35)


@pytest.mark.parametrize(("attributes", "expected"), [(26, 65_589_626), (35, 65_621_123 - 24_576)])
def test_published_size_has_the_published_parameters(attributes: int, expected: int) -> None:
    with torch.device("meta"):
        model = build_model(ModelConfig("spikingformer", (256, 128), dim=768, depth=8, heads=8), attributes)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


@pytest.fixture(scope="module")
def published(golden: Path) -> nn.Module:
    """The published student with the reference weights."""
    prefix = "snn_model."
    file = golden / "model.safetensors"
    state = {key.removeprefix(prefix): value for key, value in load_file(file).items() if key.startswith(prefix)}
    state = {key: value for key, value in state.items() if ".norm1." not in key and ".norm2." not in key}
    model = build_model(GOLDEN, 26)
    load_strictly(model, state, file)
    return model.eval()


@pytest.fixture(scope="module")
def arrays(golden: Path) -> dict[str, np.ndarray]:
    with np.load(golden / "arrays.npz") as file:
        return dict(file)


@torch.no_grad()
def test_logits_and_features_equal_the_published_code(published: nn.Module, arrays: dict) -> None:
    output = published(torch.from_numpy(arrays["in.images"]))
    np.testing.assert_allclose(output.logits, arrays["eval.student_logits"], atol=5e-6)
    np.testing.assert_allclose(output.features, arrays["eval.student_features"], atol=5e-6)


@torch.no_grad()
def test_every_spike_equals_the_published_code(published: nn.Module, arrays: dict, golden: Path) -> None:
    with record(published) as trace:
        published(torch.from_numpy(arrays["in.images"]))
    assert list(trace.names) == json.loads((golden / "config.json").read_text())["lifs"]
    for name in trace.names:
        shape = tuple(arrays[f"eval.spikes_shape.{name}"])
        assert trace.shape(name) == shape
        expected = np.unpackbits(arrays[f"eval.spikes.{name}"], count=int(np.prod(shape))).reshape(shape)
        assert np.count_nonzero(trace.spikes(name) != expected) == 0, name


@torch.no_grad()
def test_branches_equal_the_published_code(published: nn.Module, arrays: dict) -> None:
    seen = {}
    names = ("patch_embed", "block.0", "block.0.attn", "block.1", "block.1.attn")
    handles = [
        published.get_submodule(name).register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: out}))
        for name in names
    ]
    published(torch.from_numpy(arrays["in.images"]))
    for handle in handles:
        handle.remove()
    for name in names:
        expected = arrays[f"eval.student.{name.replace('block.', 'block')}"]
        np.testing.assert_allclose(seen[name], expected, atol=5e-6, err_msg=name)


def test_gradients_equal_the_published_code(golden: Path, published: nn.Module, arrays: dict) -> None:
    """One training step on the cross-entropy alone: gradient norms of all parameters."""
    from snnpar.models.losses import label_weights, weighted_bce

    model = build_model(GOLDEN, 26)
    model.load_state_dict(published.state_dict())
    labels, ratio = (torch.from_numpy(arrays[name]).float() for name in ("in.labels", "in.sample_weight"))
    loss = weighted_bce(
        model.train()(torch.from_numpy(arrays["in.images"])).logits, labels, label_weights(labels, ratio)
    )
    loss.backward()
    assert loss.item() == pytest.approx(arrays["train.teval.none.step1.loss"][0], abs=2e-4)
    norms = {name: parameter.grad.norm().item() for name, parameter in model.named_parameters()}
    expected = dict(zip(arrays["train.param_names"].tolist(), arrays["train.teval.none.step1.grad_norm"], strict=True))
    rounding = ("attn.proj_conv.bias", "mlp1_conv.bias", "mlp2_conv.bias")  # a batch norm follows: gradient 0
    compared = [name for name in norms if not name.endswith(rounding)]
    assert len(compared) == len(norms) - 6
    for name in compared:
        assert norms[name] == pytest.approx(expected[f"snn_model.{name}"], rel=1e-4), name


@pytest.mark.parametrize(
    ("pool_first", "corner", "elsewhere"),
    [
        (False, [0, 1, 1, 1], [0, 0, 1, 0]),  # the corner's window holds neurons of both currents: either fires
        (True, [0, 1, 0, 1], [0, 0, 1, 0]),  # the corner's one neuron gets the greater current
    ],
)
@torch.no_grad()
def test_pooling_before_or_after_firing_by_hand(pool_first: bool, corner: list[int], elsewhere: list[int]) -> None:
    """With tau 2 and threshold 1, a steady current of 1.5 charges to 0.75, 1.125 (fires), 0.75, 1.125 (fires); one of
    1.3 to 0.65, 0.975, 1.1375 (fires), 0.65."""
    tokenizer = Tokenizer(ModelConfig("spikingformer", (16, 16), dim=8, depth=1, timesteps=4, pool_first=pool_first))
    nn.init.dirac_(tokenizer.proj_conv.weight)  # the current is the image's first channel
    images = torch.full((1, 3, 16, 16), 1.3)
    images[0, 0, 0, 0] = 1.5
    read = []
    tokenizer.proj1_conv.register_forward_pre_hook(lambda _module, inputs: read.append(inputs[0]))
    fired = []
    tokenizer.proj1_lif.register_forward_hook(lambda _module, _inputs, output: fired.append(output))
    tokenizer.eval()(images)
    assert read[0].shape == (4, 1, 8, 8) and fired[0].shape == (4, 1, 1, *((8, 8) if pool_first else (16, 16)))
    expected = torch.tensor(elsewhere).view(4, 1, 1).expand(4, 8, 8).clone()
    expected[:, 0, 0] = torch.tensor(corner)
    assert torch.equal(read[0][:, 0].int(), expected.int())


def test_the_gradient_goes_to_the_greatest_current_of_a_window() -> None:
    """In a window of two spikes the published order trains the first of them, whatever its current."""
    currents = torch.full((1, 1, 1, 1, 2), 2.5)  # (T, B, C, H, W), in one window; both fire at once
    currents[..., 1] = 3.5
    pool = partial(over_time, max_pool)
    trained = []
    for first, then in ((LIF(), pool), (pool, LIF())):
        x = currents.clone().requires_grad_()
        then(first(x)).sum().backward()
        trained.append((x.grad != 0).flatten().tolist())
    assert trained == [[True, False], [False, True]]


@torch.no_grad()
@ORDERS
def test_mean_over_time_of_the_logits_is_the_logits(config: ModelConfig) -> None:
    model = tiny.lively(config)
    output = model(tiny.random_images(2, config))
    assert output.logits_per_timestep.shape == (3, 2, 26) and output.features.shape == (2, 8, 32)
    torch.testing.assert_close(output.logits_per_timestep.mean(0), output.logits)
    assert output.logits_per_timestep.std(0).max() > 0, "time changes nothing: no neuron fires"
    torch.testing.assert_close(model.head(output.features.mean(1)), output.logits)  # features carry the logits


@torch.no_grad()
def test_images_do_not_influence_one_another_or_the_next_forward() -> None:
    model, images = tiny.lively(tiny.STUDENT), tiny.random_images(3, tiny.STUDENT)
    together = model(images).logits
    torch.testing.assert_close(model(images[1:2]).logits, together[1:2])
    assert torch.equal(model(images).logits, together)


@torch.no_grad()
@ORDERS
def test_more_timesteps_only_append(config: ModelConfig) -> None:
    """The first timesteps do not know how many follow."""
    model, longer = tiny.lively(config), build_model(replace(config, timesteps=5), 26)
    longer.load_state_dict(model.state_dict())
    images = tiny.random_images(2, config)
    ahead = longer.eval()(images).logits_per_timestep[:3]
    torch.testing.assert_close(ahead, model(images).logits_per_timestep)


@ORDERS
def test_first_convolution_runs_once_with_the_statistics_of_all_timesteps(config: ModelConfig) -> None:
    """T equal copies have the batch statistics of one."""
    model = build_model(config, 26).train()
    images = tiny.random_images(4, config)
    calls = []
    model.patch_embed.proj_conv.register_forward_hook(lambda _m, inputs, _o: calls.append(len(inputs[0])))
    model(images)
    assert calls == [4]
    copies = F.conv2d(images.repeat(3, 1, 1, 1), model.patch_embed.proj_conv.weight, padding=1)
    torch.testing.assert_close(model.patch_embed.proj_bn.running_mean, 0.1 * copies.mean((0, 2, 3)), atol=1e-6, rtol=0)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_co_fire_is_attention_without_softmax(heads: int) -> None:
    generator = torch.Generator().manual_seed(heads)
    q, k, v = ((torch.rand(2, 3, 8, 5, generator=generator) < 0.4).float() for _ in range(3))
    y = CoFire(heads)(q, k, v)
    width = 8 // heads
    for t in range(2):
        for channel in range(8):
            head = slice(channel // width * width, (channel // width + 1) * width)
            for n in range(5):
                both = torch.einsum("bc,bcm->bm", q[t, :, head, n], k[t, :, head])  # coincidences of n with each m
                assert torch.equal(y[t, :, channel, n], 0.125 * (both * v[t, :, channel]).sum(1))


@ORDERS
def test_every_parameter_is_trained(config: ModelConfig) -> None:
    """A dead residual branch or an unused layer would have no gradient."""
    model = tiny.lively(config).train().requires_grad_(True)
    model(tiny.random_images(8, config)).logits.square().sum().backward()
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert not still


def test_thresholds_and_tau() -> None:
    model = build_model(replace(tiny.STUDENT, tau=3.0), 26)
    layers = {name: module for name, module in model.named_modules() if isinstance(module, LIF)}
    assert all(layer.tau == 3 for layer in layers.values())
    assert {name for name, layer in layers.items() if layer.v_threshold != 1} == {
        "block.0.attn.attn_lif",
        "block.1.attn.attn_lif",
    }
