"""The leaky integrate-and-fire neuron: a pure step, its multi-step autograd function, and a thin module.

Charge, fire and reset, per timestep t (time in timesteps, potentials in units of the threshold's scale):

    h[t] = v[t-1] + (x[t] - v[t-1]) / tau          charge (decay_input)
    s[t] = 1 if h[t] >= v_threshold else 0         fire; a tie fires
    v[t] = h[t] * (1 - s[t])                       hard reset to 0, detached in the backward pass

The state lives inside the forward: there is nothing to reset between images. A stream carries it itself, step by step,
with `LIF.step`. spikingjelly's LIFNode(step_mode="m") is the reference, and its sigmoid surrogate supplies ds/dh.

`register_neuron` names the classes whose outputs are spikes; spikingjelly's neurons are known.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from spikingjelly.activation_based import surrogate
from torch import Tensor, nn

SURROGATE_ALPHA = 4.0


def lif_step(x: Tensor, v: Tensor, tau: float, v_threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    """One timestep of input current x and membrane potential v: the potential before the reset, spikes, the potential
    after it; all of one shape."""
    h = v + (x - v) / tau
    spikes = (h >= v_threshold).to(h.dtype)
    return h, spikes, h * (1.0 - spikes)


def _lif_forward(x: Tensor, tau: float, v_threshold: float) -> tuple[Tensor, Tensor]:
    """Spikes and by how much the potential before the reset is over the threshold, both (T, ...) in the type of x.

    The state is at least float32. Of what is kept in fewer bits the sign is exact, unlike that of a rounded potential
    less the threshold: it says who fired.
    """
    v = torch.zeros_like(x[0], dtype=torch.promote_types(x.dtype, torch.float32))
    spikes, overs = [], []
    for current in x:
        h, fired, v = lif_step(current, v, tau, v_threshold)
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

    def step(self, x: Tensor, v: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One timestep of a stream: current and membrane potential (None: 0) in, (spikes, membrane potential) out.

        Stepped over (T, ...) it fires as `forward` does, bit for bit.
        """
        state = torch.promote_types(x.dtype, torch.float32)
        v = torch.zeros_like(x, dtype=state) if v is None else v
        _, spikes, v = lif_step(x.to(state), v, self.tau, self.v_threshold)
        return spikes.to(x.dtype), v

    def extra_repr(self) -> str:
        return f"tau={self.tau}, v_threshold={self.v_threshold}"


def membrane_potential(x: Tensor, tau: float, v_threshold: float) -> Tensor:
    """Membrane potential before each reset, (T, ...), for input currents x (T, ...)."""
    v, trace = torch.zeros_like(x[0]), []
    for current in x:
        h, _, v = lif_step(current, v, tau, v_threshold)
        trace.append(h)
    return torch.stack(trace)


# Classes of neurons, and whether a module of one sees all timesteps in a call, (T, B, ...), or is called for each.
_NEURONS: dict[type[nn.Module], Callable[[nn.Module], bool]] = {LIF: lambda _: True}
_SPIKINGJELLY = "spikingjelly.activation_based.neuron"


def register_neuron(cls: type[nn.Module], *, multi_step: bool | Callable[[nn.Module], bool] = True) -> None:
    """Let traces, and all that is made of them, know that modules of this class answer with spikes.

    Spikes are whole numbers, most often 0 and 1. `multi_step`: a call sees all timesteps, (T, B, ...) in and out; else
    the forward calls the module once for each timestep. A function says so module by module.
    """
    _NEURONS[cls] = multi_step if callable(multi_step) else lambda _: multi_step


def is_neuron(module: nn.Module) -> bool:
    """Does it answer with spikes, as ours, spikingjelly's and registered neurons do?"""
    return isinstance(module, tuple(_NEURONS)) or _of_spikingjelly(module)


def is_multi_step(module: nn.Module) -> bool:
    """Does one call of this neuron see all timesteps?"""
    for cls, multi_step in _NEURONS.items():
        if isinstance(module, cls):
            return multi_step(module)
    return getattr(module, "step_mode", "m") == "m"


def _of_spikingjelly(module: nn.Module) -> bool:
    """Known by name: importing all of its neurons would take longer than most forwards."""
    known = [cls for cls in type(module).__mro__ if cls.__module__.startswith(_SPIKINGJELLY)]
    return bool(known) and not any(cls.__name__.startswith("NonSpiking") for cls in known)
