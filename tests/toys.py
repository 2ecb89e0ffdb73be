"""Networks as people write them who have read the recipe in README and nothing else."""

from __future__ import annotations

import torch
from spikingjelly.activation_based import functional, neuron
from torch import Tensor, nn

from snnpar.config import ModelConfig
from snnpar.models import ModelOutput, Network
from snnpar.spikes.neurons import LIF, register_neuron


class ToyANN(Network):
    """A conventional student: no spikes, no time, nothing said of itself."""

    title = "a toy ANN"

    def __init__(self, config: ModelConfig, num_attributes: int) -> None:
        super().__init__(config, num_attributes)
        self.layers = nn.Sequential(nn.Conv2d(3, config.dim, 16, stride=16), nn.BatchNorm2d(config.dim), nn.ReLU())
        self.head = nn.Linear(config.dim, num_attributes)

    @property
    def prior_bias(self) -> nn.Parameter:
        return self.head.bias

    def forward(self, images: Tensor) -> ModelOutput:
        tokens = self.layers(images).flatten(2).transpose(1, 2)
        return ModelOutput(self.head(tokens.mean(1)), tokens)


class ToyTeacher(ToyANN):
    """A conventional teacher that reads no phrases."""

    title, role = "a toy teacher", "teacher"


class ToyLIF(ToyANN):
    """spikingjelly's neurons, called once for each timestep in a loop; spikes of tokens first, channels last."""

    title, spiking = "a toy of spikingjelly's neurons", True

    def __init__(self, config: ModelConfig, num_attributes: int) -> None:
        super().__init__(config, num_attributes)
        self.layers = nn.Sequential(nn.Conv2d(3, config.dim, 16, stride=16), nn.BatchNorm2d(config.dim))
        self.fire1, self.fire2 = neuron.LIFNode(v_threshold=0.2), neuron.LIFNode(v_threshold=0.2)
        self.hidden = nn.Linear(config.dim, config.dim)

    def forward(self, images: Tensor) -> ModelOutput:
        functional.reset_net(self)
        current, answers, streams = self.layers(images).flatten(2).transpose(1, 2), [], []  # (B, N, D)
        for _ in range(self.timesteps):
            spikes = self.fire1(current)
            stream = self.fire2(self.hidden(spikes))
            streams.append(stream)
            answers.append(self.head(stream.mean(1)))
        per_timestep = torch.stack(answers)
        return ModelOutput(per_timestep.mean(0), torch.stack(streams).mean(0), logits_per_timestep=per_timestep)


class Counting(nn.Module):
    """Fires up to four spikes at once, and is no class that anybody knows."""

    def forward(self, x: Tensor) -> Tensor:
        return _Rounded.apply(x)


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(_ctx, x: Tensor) -> Tensor:
        return x.mul(4).round().clamp(0, 4)

    @staticmethod
    def backward(_ctx, gradient: Tensor) -> Tensor:
        return gradient


register_neuron(Counting)


class ToyInteger(ToyANN):
    """Integer spikes, all timesteps at once, of a size that is no multiple of the token grid; answers by keyword."""

    title, spiking = "a toy of integer spikes", True

    def __init__(self, config: ModelConfig, num_attributes: int) -> None:
        super().__init__(config, num_attributes)
        self.layers = nn.Conv2d(3, config.dim, 3, stride=3)
        self.count = Counting()
        self.pool = nn.AdaptiveMaxPool2d(config.token_grid)
        self.mix = nn.Conv2d(config.dim, config.dim, 1)

    def forward(self, images: Tensor) -> ModelOutput:
        current = self.layers(images).expand(self.timesteps, -1, -1, -1, -1)
        spikes = self.count(current)
        pooled = self.pool(spikes.flatten(0, 1))
        maps = self.mix(pooled).unflatten(0, spikes.shape[:2]).flatten(3)  # (T, B, D, N)
        per_timestep = self.head(maps.mean(3))
        tokens = maps.mean(0).transpose(1, 2)
        return ModelOutput(logits=per_timestep.mean(0), features=tokens, logits_per_timestep=per_timestep)


class ToyShared(ToyANN):
    """One convolution and one layer of neurons, each used twice, and one answer for the whole image."""

    title, spiking = "a toy with a shared layer", True
    token_grid = (1, 1)

    def __init__(self, config: ModelConfig, num_attributes: int) -> None:
        super().__init__(config, num_attributes)
        self.shared, self.fire = nn.Conv2d(config.dim, config.dim, 3, padding=1), LIF(v_threshold=0.1)

    def forward(self, images: Tensor) -> ModelOutput:
        x = self.layers(images).expand(self.timesteps, -1, -1, -1, -1)
        for _ in range(2):
            x = self.shared(self.fire(x).flatten(0, 1)).unflatten(0, x.shape[:2])
        pooled = x.mean((3, 4))
        per_timestep = self.head(pooled)
        return ModelOutput(per_timestep.mean(0), pooled.mean(0)[:, None], logits_per_timestep=per_timestep)


TOYS = {
    "toy_ann": ToyANN,
    "toy_teacher": ToyTeacher,
    "toy_lif": ToyLIF,
    "toy_integer": ToyInteger,
    "toy_shared": ToyShared,
}
SIZES = {name: ModelConfig(name, image_size=(64, 32), dim=16, timesteps=3) for name in TOYS}
