"""The leaky integrate-and-fire neuron: a pure step, its multi-step autograd function, and a thin module.

Charge, fire and reset, per timestep t (time in timesteps, potentials in units of the threshold's scale):

    h[t] = v[t-1] + (x[t] - v[t-1]) / tau          charge (decay_input)
    s[t] = 1 if h[t] >= v_threshold else 0         fire; a tie fires
    v[t] = h[t] * (1 - s[t])                       hard reset to 0, detached in the backward pass

The state lives inside the forward: there is nothing to reset between images. spikingjelly's LIFNode(step_mode="m") is
the reference, and its sigmoid surrogate supplies ds/dh.
"""

from __future__ import annotations

import torch
from spikingjelly.activation_based import surrogate
from torch import Tensor, nn

SURROGATE_ALPHA = 4.0


def lif_charge(x: Tensor, v: Tensor, tau: float) -> Tensor:
    """Membrane potential before the reset."""
    return v + (x - v) / tau


def lif_step(x: Tensor, v: Tensor, tau: float, v_threshold: float) -> tuple[Tensor, Tensor]:
    """One timestep: input current and membrane potential in, (spikes, membrane potential) out; all of one shape."""
    h = lif_charge(x, v, tau)
    spikes = (h >= v_threshold).to(x.dtype)
    return spikes, h * (1.0 - spikes)


def _lif_forward(x: Tensor, tau: float, v_threshold: float) -> tuple[Tensor, Tensor]:
    """Spikes and by how much the potential before the reset is over the threshold, both (T, ...) in the type of x.

    The state is at least float32. Of what is kept in fewer bits the sign is exact, unlike that of a rounded potential
    less the threshold: it says who fired.
    """
    v = torch.zeros_like(x[0], dtype=torch.promote_types(x.dtype, torch.float32))
    spikes, overs = [], []
    for current in x:
        h = lif_charge(current, v, tau)
        fired = (h >= v_threshold).to(v.dtype)
        v = h * (1.0 - fired)
        spikes.append(fired.to(x.dtype))
        overs.append(h.sub_(v_threshold).to(x.dtype))
    return torch.stack(spikes), torch.stack(overs)


def _lif_backward(grad_spikes: Tensor, overs: Tensor, tau: float) -> Tensor:
    """Gradient by x (T, ...) from that by the spikes (T, ...) and `overs`, by whose sign the forward pass fired."""
    grad_v = torch.zeros_like(overs[0], dtype=torch.promote_types(overs.dtype, torch.float32))
    grad_x = []
    for t in reversed(range(overs.shape[0])):
        over = overs[t].to(grad_v.dtype)
        silent = over.signbit()  # -0.0 too: what a tiny negative number is in float16
        grad_h = surrogate.sigmoid_backward(grad_spikes[t], over, SURROGATE_ALPHA)[0] + grad_v * silent
        grad_x.append((grad_h / tau).to(overs.dtype))
        grad_v = grad_h * (1.0 - 1.0 / tau)
    return torch.stack(grad_x[::-1])


_kernels = {"forward": _lif_forward, "backward": _lif_backward}


def compile_kernels() -> None:
    """Fuse the LIF loops with torch.compile for the rest of this process (needs a C++ compiler; same values)."""
    _kernels["forward"] = torch.compile(_lif_forward, dynamic=True)
    _kernels["backward"] = torch.compile(_lif_backward, dynamic=True)


class _MultiStepLIF(torch.autograd.Function):
    """All timesteps at once. Saves only h - v_threshold, from which the backward pass has spikes and surrogate."""

    @staticmethod
    def forward(ctx, x: Tensor, tau: float, v_threshold: float) -> Tensor:
        spikes, overs = _kernels["forward"](x.flatten(1), tau, v_threshold)
        ctx.save_for_backward(overs)
        ctx.tau = tau
        return spikes.view(x.shape)

    @staticmethod
    def backward(ctx, grad_spikes: Tensor) -> tuple[Tensor, None, None]:
        (overs,) = ctx.saved_tensors
        grad_x = _kernels["backward"](grad_spikes.flatten(1), overs, ctx.tau)
        return grad_x.view(grad_spikes.shape), None, None


class LIF(nn.Module):
    """Multi-step LIF layer: (T, ...) input currents to (T, ...) spikes in {0, 1}. Stateless."""

    def __init__(self, tau: float = 2.0, v_threshold: float = 1.0) -> None:
        super().__init__()
        self.tau = tau
        self.v_threshold = v_threshold

    def forward(self, x: Tensor) -> Tensor:
        return _MultiStepLIF.apply(x, self.tau, self.v_threshold)

    def extra_repr(self) -> str:
        return f"tau={self.tau}, v_threshold={self.v_threshold}"


def membrane_potential(x: Tensor, tau: float, v_threshold: float) -> Tensor:
    """Membrane potential before each reset, (T, ...), for input currents x (T, ...)."""
    v, trace = torch.zeros_like(x[0]), []
    for current in x:
        trace.append(lif_charge(current, v, tau))
        _, v = lif_step(current, v, tau, v_threshold)
    return torch.stack(trace)
