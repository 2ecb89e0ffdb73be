from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from spikingjelly.activation_based import functional, neuron, surrogate

from snnpar.spikes import neurons
from snnpar.spikes.neurons import LIF, lif_step, membrane_potential


def trace_of(current: float, timesteps: int, **options: float) -> list[int]:
    spikes = LIF(**options)(torch.full((timesteps, 1), current))
    return spikes.flatten().int().tolist()


@pytest.mark.parametrize(
    ("current", "options", "expected"),
    [
        (2.0, {}, [1, 1, 1, 1, 1, 1]),  # h = 0 + 2 / 2 = 1: a tie fires, and the reset starts from 0 again
        (1.9999, {}, [0, 1, 0, 1, 0, 1]),  # h = 0.99995, then 0.99995 / 2 + 0.99995 > 1
        (1.5, {}, [0, 1, 0, 1, 0, 1]),  # h = 0.75, 1.125
        (1.2, {}, [0, 0, 1, 0, 0, 1]),  # h = 0.6, 0.9, 1.05
        (1.0, {}, [0, 0, 0, 0, 0, 0]),  # h = 1 - 2^-t never reaches 1
        (-5.0, {}, [0, 0, 0, 0, 0, 0]),
        (1.0, {"v_threshold": 0.5}, [1, 1, 1, 1, 1, 1]),  # h = 0.5
        (0.75, {"v_threshold": 0.5}, [0, 1, 0, 1, 0, 1]),  # h = 0.375, 0.5625
        (1.0, {"tau": 1.0}, [1, 1, 1, 1, 1, 1]),  # no leak: h = x
        (3.0, {"tau": 4.0}, [0, 1, 0, 1, 0, 1]),  # h = 0.75, 0.75 + 2.25 / 4 = 1.3125
    ],
)
def test_constant_current(current: float, options: dict, expected: list[int]) -> None:
    assert trace_of(current, 6, **options) == expected


def test_hard_reset_forgets_how_far_the_threshold_was_passed() -> None:
    x = torch.tensor([[100.0], [1.5], [1.5]])
    assert LIF()(x).flatten().tolist() == [1, 0, 1]
    torch.testing.assert_close(membrane_potential(x, 2.0, 1.0).flatten(), torch.tensor([50.0, 0.75, 1.125]))


def test_inhibition_is_remembered() -> None:
    x = torch.tensor([[-2.0], [3.0], [3.0]])  # h = -1, 1, so a tie; then 1.5
    assert LIF()(x).flatten().tolist() == [0, 1, 1]


@pytest.mark.parametrize("tau", [1.0, 2.0, 5.0])
def test_pure_step_is_the_layer(tau: float) -> None:
    x = torch.randn(6, 50, generator=torch.Generator().manual_seed(1)) * 2
    v, spikes, potentials = torch.zeros(50), [], []
    for current in x:
        h, fired, v = lif_step(current, v, tau, 1.0)
        potentials.append(h)
        spikes.append(fired)
        assert (v[fired.bool()] == 0).all() and (v < 1).all()
    assert torch.equal(torch.stack(spikes), LIF(tau)(x))
    assert torch.equal(torch.stack(potentials), membrane_potential(x, tau, 1.0))
    assert torch.equal(membrane_potential(x, tau, 1.0) >= 1, LIF(tau)(x).bool())


def reference(x: torch.Tensor, tau: float, v_threshold: float) -> torch.Tensor:
    node = neuron.LIFNode(
        tau=tau,
        decay_input=True,
        v_threshold=v_threshold,
        v_reset=0.0,
        detach_reset=True,
        surrogate_function=surrogate.Sigmoid(alpha=4.0),
        step_mode="m",
    )
    spikes = node(x)
    functional.reset_net(node)
    return spikes


@pytest.mark.parametrize("timesteps", [1, 4, 8])
@pytest.mark.parametrize(("tau", "v_threshold"), [(2.0, 1.0), (2.0, 0.5), (3.0, 1.0)])
def test_forward_and_gradient_equal_spikingjelly(timesteps: int, tau: float, v_threshold: float) -> None:
    generator = torch.Generator().manual_seed(timesteps)
    base = torch.randn(timesteps, 2, 3, 5, 4, generator=generator) * 2 + 0.5
    upstream_gradient = torch.randn(base.shape, generator=generator)
    ours, theirs = base.clone().requires_grad_(), base.clone().requires_grad_()
    spikes, expected = LIF(tau, v_threshold)(ours), reference(theirs, tau, v_threshold)
    assert torch.equal(spikes, expected) and 0.05 < spikes.mean() < 0.95
    spikes.backward(upstream_gradient)
    expected.backward(upstream_gradient)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-7)


def test_gradient_flows_to_earlier_timesteps_only_without_a_spike() -> None:
    """dL/dx[0] of L = s[1]: through v[0] = h[0] when silent, nothing through a reset (detached, and times 0)."""
    for first, linked in ((1.0, True), (3.0, False)):
        x = torch.tensor([[first], [0.5]], requires_grad=True)
        LIF()(x)[1].sum().backward()
        h = first / 2 + (0.5 - first / 2) / 2 if linked else 0.25
        sigma = 1 / (1 + torch.exp(torch.tensor(-4 * (h - 1))))
        slope = 4 * sigma * (1 - sigma)
        expected = torch.stack([slope / 4 if linked else slope * 0, slope / 2])
        torch.testing.assert_close(x.grad.flatten(), expected)


def test_two_forwards_are_independent() -> None:
    layer, x = LIF(), torch.full((3, 4), 0.9)
    assert torch.equal(layer(x), layer(x))
    assert not dict(layer.named_buffers()) and not layer.state_dict()


@given(st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=8), st.floats(1, 8), st.floats(0.1, 4))
def test_spikes_are_binary_and_independent_of_neighbours(currents: list[float], tau: float, threshold: float) -> None:
    column = torch.tensor(currents)
    alone = LIF(tau, threshold)(column[:, None])
    among = LIF(tau, threshold)(torch.stack([column, -column, column * 2], 1))
    assert set(alone.flatten().tolist()) <= {0.0, 1.0}
    assert torch.equal(among[:, :1], alone)


def test_no_spike_comes_before_its_cause() -> None:
    x = torch.randn(6, 30, generator=torch.Generator().manual_seed(3)) * 2
    changed = x.clone()
    changed[4:] += 5
    assert torch.equal(LIF()(x)[:4], LIF()(changed)[:4]) and not torch.equal(LIF()(x), LIF()(changed))


def test_bfloat16_keeps_its_state_in_float32() -> None:
    """A constant 0.7 ends at 0.7; a bfloat16 membrane would stop one rounding step short of it."""
    x = torch.full((20, 1), 0.7, dtype=torch.bfloat16)
    spikes, overs = neurons._lif_forward(x, 2.0, 1.0)
    assert spikes.dtype == overs.dtype == torch.bfloat16
    torch.testing.assert_close(overs[-1, 0], x[0, 0] - 1, rtol=0, atol=0)


def near_threshold(dtype: torch.dtype, tau: float, v_threshold: float) -> torch.Tensor:
    """A million currents (4, 250,000); nobody fires at first, then all potentials are within a percent of firing."""
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(4, 250_000, generator=generator).clamp(-2, 0.8) * v_threshold
    v = x[0].to(dtype).float() / tau
    x[1] = v + tau * (v_threshold * (1 + 0.002 * torch.randn(x[1].shape, generator=generator)) - v)
    return x.to(dtype)


def gradient_of(
    spikes: torch.Tensor, x: torch.Tensor, upstream: torch.Tensor, tau: float, v_threshold: float
) -> torch.Tensor:
    """The backward pass in float64 by its formula, with resets where `spikes` says so."""
    v, potentials = torch.zeros_like(x[0], dtype=torch.float64), []
    for current, fired in zip(x.double(), spikes.double(), strict=True):
        potentials.append(v + (current - v) / tau)
        v = potentials[-1] * (1 - fired)
    grad_v, grads = torch.zeros_like(v), []
    for t in reversed(range(len(x))):
        sigma = torch.sigmoid(4 * (potentials[t] - v_threshold))
        grad_h = upstream[t].double() * 4 * sigma * (1 - sigma) + grad_v * (1 - spikes[t].double())
        grads.append(grad_h / tau)
        grad_v = grad_h * (1 - 1 / tau)
    return torch.stack(grads[::-1])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize(("tau", "v_threshold"), [(2.0, 1.0), (2.0, 0.5), (3.0, 1.0), (1.5, 0.3), (2.0, 0.7)])
def test_the_backward_pass_resets_where_the_forward_pass_spiked(
    dtype: torch.dtype, tau: float, v_threshold: float
) -> None:
    """Potentials rounded to bfloat16 and then compared would say otherwise for a tenth of the second timestep."""
    x = near_threshold(dtype, tau, v_threshold)
    spikes, overs = neurons._lif_forward(x, tau, v_threshold)
    if dtype == torch.bfloat16:
        rounded = membrane_potential(x.float(), tau, v_threshold).to(dtype)
        assert ((rounded.float() >= v_threshold) != spikes.bool()).sum() > 10_000
    assert torch.equal(overs.signbit(), spikes == 0) and 0.1 < spikes[1].mean() < 0.9
    upstream = torch.zeros_like(x)
    upstream[2] = 1  # it reaches the second timestep through the silent only
    gradient = neurons._lif_backward(upstream, overs, tau)
    assert torch.equal(gradient[1] == 0, spikes[1].bool()) and (gradient[2] != 0).all()


@pytest.mark.parametrize(("tau", "v_threshold"), [(2.0, 1.0), (2.0, 0.5), (3.0, 1.0), (1.5, 0.3)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 2**-7), (torch.float32, 1e-5)])
def test_the_gradient_is_that_of_the_forward_spikes(
    dtype: torch.dtype, tolerance: float, tau: float, v_threshold: float
) -> None:
    x = near_threshold(dtype, tau, v_threshold).requires_grad_()
    upstream = torch.randn(x.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    spikes = LIF(tau, v_threshold)(x)
    spikes.backward(upstream)
    expected = gradient_of(spikes.detach(), x.detach(), upstream, tau, v_threshold)
    torch.testing.assert_close(x.grad.double(), expected, rtol=tolerance, atol=tolerance)


def test_the_gradient_of_float32_is_what_it_was() -> None:
    """Bit for bit that of the potentials themselves, from which the threshold is subtracted in the backward pass."""
    x = near_threshold(torch.float32, 2.0, 0.7)
    upstream = torch.randn(x.shape, generator=torch.Generator().manual_seed(2))
    h, grad_v, expected = membrane_potential(x, 2.0, 0.7), torch.zeros_like(x[0]), []
    for t in reversed(range(len(x))):
        over = h[t] - 0.7
        grad_h = surrogate.sigmoid_backward(upstream[t], over, 4.0)[0] + grad_v * (over < 0)
        expected.append(grad_h / 2.0)
        grad_v = grad_h * 0.5
    found = x.requires_grad_()
    LIF(2.0, 0.7)(found).backward(upstream)
    assert torch.equal(found.grad, torch.stack(expected[::-1]))


def test_float64_keeps_its_state_in_float64() -> None:
    """float32 anywhere in the loop would show in the eighth digit."""
    x = torch.randn(5, 40, generator=torch.Generator().manual_seed(8)).double() * 2 + 0.5
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    spikes, expected = LIF()(ours), reference(theirs, 2.0, 1.0)
    assert spikes.dtype == torch.float64 and torch.equal(spikes, expected)
    upstream_gradient = torch.linspace(-1, 1, x.numel()).double().view(x.shape)
    spikes.backward(upstream_gradient)
    expected.backward(upstream_gradient)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-12, atol=1e-13)


@pytest.mark.slow
def test_compiled_kernels_reset_where_they_spiked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neurons, "_kernels", dict(neurons._kernels))
    neurons.compile_kernels()
    x = near_threshold(torch.bfloat16, 1.5, 0.3).requires_grad_()
    spikes = LIF(1.5, 0.3)(x)
    assert torch.equal(spikes, neurons._lif_forward(x.detach(), 1.5, 0.3)[0])
    spikes[2].sum().backward()
    assert torch.equal(x.grad[1] == 0, spikes[1].bool())


@pytest.mark.slow
def test_compiled_kernels_give_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    x = (torch.randn(4, 2, 64, 8, generator=torch.Generator().manual_seed(5)) * 2).requires_grad_()
    expected = LIF()(x)
    expected.sum().backward()
    expected_gradient, x.grad = x.grad, None
    monkeypatch.setattr(neurons, "_kernels", dict(neurons._kernels))
    neurons.compile_kernels()
    spikes = LIF()(x)
    spikes.sum().backward()
    assert torch.equal(spikes, expected)
    torch.testing.assert_close(x.grad, expected_gradient, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("tau", [1.0, 2.0, 3.7])
def test_a_stream_fires_as_all_timesteps_at_once(tau: float, dtype: torch.dtype) -> None:
    """Stepped with its state in and out, bit for bit; and a stream may pause where it likes."""
    x = (torch.randn(9, 4, 5, generator=torch.Generator().manual_seed(3)) * 2).to(dtype)
    lif, v, spikes = LIF(tau, 0.7), None, []
    for current in x:
        fired, v = lif.step(current, v)
        spikes.append(fired)
    assert torch.equal(torch.stack(spikes), lif(x)) and spikes[0].dtype == dtype
    assert v.dtype == torch.promote_types(dtype, torch.float32)


def test_which_classes_are_neurons() -> None:
    class Mine(torch.nn.Module):
        pass

    assert not neurons.is_neuron(Mine())
    neurons.register_neuron(Mine, multi_step=False)
    assert neurons.is_neuron(Mine()) and not neurons.is_multi_step(Mine())
    for node in (neuron.IFNode, neuron.LIFNode, neuron.ParametricLIFNode, neuron.ILIFNode):
        assert neurons.is_neuron(node()) and not neurons.is_multi_step(node())
        assert neurons.is_multi_step(node(step_mode="m"))
    assert not neurons.is_neuron(neuron.NonSpikingLIFNode()) and not neurons.is_neuron(surrogate.Sigmoid())
