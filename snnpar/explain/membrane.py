"""The membrane potential of one layer's neurons on one image; recorded on demand, as a trace keeps spikes only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from snnpar.core.errors import SnnparError
from snnpar.inference import LoadedModel
from snnpar.spikes.neurons import LIF, is_neuron, membrane_potential


@dataclass(frozen=True, eq=False)
class Membrane:
    """Potential before each reset, (T, C, H, W) or (T, C, N) float32, in the units of the threshold.

    A neuron spikes in each timestep in which its potential reaches the threshold, and starts anew from 0.
    """

    potential: np.ndarray
    threshold: float
    tau: float

    @property
    def spikes(self) -> np.ndarray:
        """Boolean, as `potential`."""
        return self.potential >= self.threshold


def record_membrane(model: LoadedModel, image: np.ndarray, name: str) -> Membrane:
    """One forward of an image uint8 (H, W, 3), listening to what one layer of neurons, of a trace, receives.

    Raises SnnparError for an unknown layer, and for neurons of others, whose dynamics are not known here.
    """
    path, _, number = name.partition("#")
    neurons = {path: module for path, module in model.module.named_modules() if is_neuron(module)}
    if path not in neurons:
        raise SnnparError(f"no neurons are called {name!r}; there are {', '.join(neurons) or 'none'}")
    lif, received = neurons[path], []
    if not isinstance(lif, LIF):
        raise SnnparError(f"{path} is a {type(lif).__name__}; membrane potentials are shown of snnpar.spikes.LIF only")
    images = model.prepare(image)
    with model.lock, torch.no_grad():
        handle = lif.register_forward_pre_hook(lambda _module, inputs: received.append(inputs[0]))
        try:
            model.forward(images)
        finally:
            handle.remove()
        potential = membrane_potential(received[int(number or 1) - 1].float(), lif.tau, lif.v_threshold)
    return Membrane(potential[:, 0].cpu().numpy(), lif.v_threshold, lif.tau)
