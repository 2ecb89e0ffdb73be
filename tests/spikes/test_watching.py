"""What operations a forward has: against torch's counter, fused against plain, step by step against all at once."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import functional, layer, neuron
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode
from watched import Calls, traced

from snnpar.spikes.neurons import LIF
from snnpar.spikes.trace import record

CNN = nn.Sequential(
    nn.Conv2d(3, 8, 3, stride=2, padding=1),
    nn.ReLU(),
    nn.Conv2d(8, 8, 3, padding=1, groups=8),
    nn.BatchNorm2d(8),
    nn.Conv2d(8, 12, 1),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(12, 5),
)
ENCODER = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
MATRICES = Calls(lambda x, fc: torch.einsum("bij,bkj->bik", fc(x), x) @ x, nn.Linear(16, 16))


@pytest.mark.parametrize(
    ("model", "shape"),
    [(CNN, (2, 3, 17, 13)), (ENCODER, (2, 7, 16)), (MATRICES, (3, 5, 16)), (nn.Conv3d(2, 4, 3), (1, 2, 5, 6, 7))],
    ids=["cnn", "encoder", "matrices", "conv3d"],
)
def test_dense_products_are_those_that_torch_counts(model: nn.Module, shape: tuple[int, ...]) -> None:
    """Padding included, as torch has it; attention unfused, as its counter does not know the fused one."""
    x = torch.randn(shape)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with (
            torch.no_grad(),
            FlopCounterMode(display=False) as counter,
            torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH),
        ):
            model.eval()(x)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    trace = traced(model, x)
    assert trace.uncounted == ()
    counted = sum(one.macs + one.padding for one in trace.layers if not one.is_norm)
    assert counted * shape[0] == counter.get_total_flops() / 2


@pytest.mark.parametrize("fast", [True, False])
def test_attention_in_one_operation_counts_as_its_parts(fast: bool) -> None:
    attention = nn.MultiheadAttention(16, 2, batch_first=True)
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(fast)
    try:
        trace = traced(Calls(lambda x, one: one(x, x, x)[0], attention), torch.randn(3, 7, 16))
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
    weighted = {one.name: one.macs for one in trace.layers if one.has_weights}
    assert weighted == {"parts.0": 7 * 16 * 48, "parts.0.out_proj": 7 * 16 * 16}
    assert sum(one.macs for one in trace.layers if not one.has_weights) == 2 * 7 * 7 * 16 and trace.uncounted == ()


def test_a_fused_product_of_softmax_counts_as_two_products() -> None:
    x = torch.randn(2, 4, 6, 8)
    fused = traced(Calls(lambda x: F.scaled_dot_product_attention(x, x, x)), x)
    plain = traced(Calls(lambda x: (x @ x.transpose(-1, -2)).softmax(-1) @ x), x)
    assert [one.macs for one in fused.layers] == [sum(one.macs for one in plain.layers)] == [4 * 2 * 6 * 6 * 8]
    assert [one.name for one in plain.layers] == ["forward", "forward:2"]


def test_a_weight_goes_by_the_module_that_has_it() -> None:
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))
    trace = traced(Calls(lambda x, fc, wn: F.linear(x, fc.weight) + wn(x), nn.Linear(4, 3), normed), torch.randn(2, 4))
    assert [(one.name, one.kind, one.macs) for one in trace.layers] == [
        ("parts.0", "Linear", 12),
        ("parts.1", "Linear", 12),
    ]


@pytest.mark.parametrize(
    ("function", "module", "what"),
    [
        (lambda x, one: one(x)[0], nn.LSTM(4, 3), "rnn_layer"),
        (lambda x, one: one(x, x), nn.Bilinear(4, 4, 2), "_trilinear"),
        (lambda x, one: torch.cdist(x, one.weight), nn.Linear(4, 3), "cdist"),
        (lambda x, one: (x.unsqueeze(-1) * one.weight.t()).sum(-2), nn.Linear(4, 3), "aten.mul of every value"),
        (lambda x, one: torch.dot(x.flatten()[:3], one.bias), nn.Linear(4, 3), "aten.dot"),
        (lambda x, one: torch.fft.rfft(x) * one.weight, nn.Linear(3, 1), "_fft"),
        (lambda x, one: torch.sparse.mm(one.weight.to_sparse(), x.flatten(0, 1).t()), nn.Linear(4, 3), "parse"),
    ],
    ids=["lstm", "bilinear", "cdist", "products by hand", "dot", "fft", "sparse"],
)
def test_weights_in_an_unknown_operation_are_named(function: Callable, module: nn.Module, what: str) -> None:
    trace = traced(Calls(function, module), torch.randn(5, 2, 4))
    assert any(what in one for one in trace.uncounted)


class Scaled(nn.Linear):
    """A position embedding, and a scale of each channel."""

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight[0] + self.weight[:2]


FREE = [nn.LayerNorm(4), nn.Embedding(5, 4), nn.PReLU(4), Scaled(4, 3)]


@pytest.mark.parametrize("module", FREE, ids=["layer norm", "embedding", "prelu", "scaled"])
def test_what_does_no_products_is_not_missed(module: nn.Module) -> None:
    x = torch.tensor([1, 2]) if isinstance(module, nn.Embedding) else torch.randn(2, 4)
    assert traced(Calls(lambda x, one: one(x), module), x).uncounted == ()


KEPT: dict[str, Callable[[Tensor], Tensor]] = {
    "view": lambda s: s.flatten(1).unflatten(1, s.shape[1:]),
    "copy": lambda s: s.transpose(-1, -2).contiguous().transpose(-1, -2),
    "pooled": lambda s: F.max_pool2d(s, 3, 1, 1),
    "joined": lambda s: torch.cat([s, s])[: len(s)],
    "summed": lambda s: s + s,
    "masked": lambda s: s * s.flip(0),
    "padded": lambda s: F.pad(s, (1, 0))[..., 1:],
    "indexed": lambda s: s[torch.arange(len(s))],
    "scaled by two": lambda s: 2.0 * s,
}
LOST: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda s: s - s.mean(),
    "averaged": lambda s: F.avg_pool2d(s, 3, 1, 1),
    "halved": lambda s: 0.5 * s,
    "half added": lambda s: torch.add(s, s, alpha=0.5),
    "halved in place": lambda s: s.clone().mul_(0.5),
    "normed": lambda s: F.layer_norm(s, s.shape[-1:]),
}


@pytest.mark.parametrize("name", [*KEPT, *LOST])
def test_which_operations_leave_spikes_spikes(name: str) -> None:
    """And accumulates are those of what arrives: a sum of two spikes is two."""
    change, conv = (KEPT | LOST)[name], nn.Conv2d(3, 5, 1)
    read: list[Tensor] = []
    conv.register_forward_pre_hook(lambda _module, inputs: read.append(inputs[0]))
    x = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(1)) * 4
    trace = traced(Calls(lambda x, lif, conv: conv(change(lif(x[:, None]).squeeze(1))), LIF(), conv), x)
    (found,) = (one for one in trace.layers)
    if name in LOST:
        assert found.ac_map is None and found.fed_by == ()
    else:
        assert found.fed_by == ("parts.0",) and found.acs == read[0].sum().item() * 5 > 0


class Residual(nn.Module):
    """A spiking residual network whose branches are added as spikes (SEW, ADD), in either step mode."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.fire1 = layer.Conv2d(3, 6, 3, padding=1), neuron.IFNode(v_threshold=0.3)
        self.conv2, self.fire2 = layer.Conv2d(6, 6, 3, padding=1), neuron.IFNode(v_threshold=0.1)
        self.conv3, self.fire3 = layer.Conv2d(6, 4, 1), neuron.ParametricLIFNode(v_threshold=0.1)
        self.pool, self.head = layer.MaxPool2d(2), layer.Linear(4 * 9, 3)

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.fire1(self.conv1(x))
        spikes = spikes + self.fire2(self.conv2(spikes))
        spikes = self.pool(self.fire3(self.conv3(spikes)))
        return self.head(spikes.flatten(-3))


class Looped(nn.Module):
    def __init__(self, network: nn.Module, timesteps: int) -> None:
        super().__init__()
        self.network, self.steps = network, timesteps

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.network(x) for _ in range(self.steps)])


def test_step_by_step_counts_as_all_steps_at_once() -> None:
    torch.manual_seed(3)
    single, x = Residual(), torch.rand(2, 3, 6, 6)
    multi = copy.deepcopy(single)
    functional.set_step_mode(multi, "m")
    one, other = traced(Looped(single, 4), x), traced(multi, x[None].repeat(4, 1, 1, 1, 1))
    assert one.names == tuple(f"network.{name}" for name in other.names) and one.timesteps == other.timesteps == 4
    for name in other.names:
        assert np.array_equal(one.spikes(f"network.{name}"), other.spikes(name)) and other.spikes(name).any()
    for a, b in zip(one.layers, other.layers, strict=True):
        assert (a.name, a.macs, a.runs, a.inputs, a.outputs) == (
            f"network.{b.name}",
            b.macs,
            b.runs,
            b.inputs,
            b.outputs,
        )
        assert (a.ac_map is None) == (b.ac_map is None)
        if b.ac_map is not None:
            assert np.array_equal(a.ac_map, b.ac_map) and a.input_rate == pytest.approx(b.input_rate)
    fed = {layer.name: layer.fed_by for layer in other.layers}
    assert fed == {"conv1": (), "conv2": ("fire1",), "conv3": ("fire1", "fire2"), "head": ("fire3",)}


def test_inference_mode_sees_the_same() -> None:
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(4, 4), LIF(v_threshold=0.1), nn.Linear(4, 2)), torch.rand(3, 2, 4) * 4
    usual = traced(model, x)
    with torch.inference_mode(), record(model) as trace:
        model(x)
    assert [(one.name, one.macs, one.acs) for one in trace.layers] == [
        (one.name, one.macs, one.acs) for one in usual.layers
    ]
