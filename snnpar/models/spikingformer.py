"""Spikingformer student (Zhou et al., arXiv 2304.11954) with the attribute head of SNN-PAR (arXiv 2410.07857).

Module names equal the published checkpoint's keys. Tensors are time first: (T, B, C, H, W), tokens (T, B, C, N).
The residual stream is real-valued; every convolution but the first reads spikes only.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from snnpar.config import ModelConfig
from snnpar.geometry import Window
from snnpar.models.output import ModelOutput, at_least_float32
from snnpar.models.pretrained import Pretrained
from snnpar.neurons import LIF
from snnpar.operations import Work, count_as

ATTENTION_SCALE = 0.125  # a constant of the published model, whatever the head width
ATTENTION_THRESHOLD = 0.5
CONV, POOL = Window(3, padding=1), Window(3, stride=2, padding=1)  # of the tokenizer


def over_time(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a layer without state to (T, B, ...) as one batch of T * B."""
    return layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def max_pool(x: Tensor) -> Tensor:
    """Halve height and width of (n, C, H, W); of spikes, a logical OR."""
    return F.max_pool2d(x, *POOL)


class Tokenizer(nn.Module):
    """Image (B, 3, H, W) to the residual stream (T, B, D, H/16, W/16): conv, BN, then 4 x [LIF, max pool, conv, BN].

    With `pool_first` 4 x [max pool, LIF, conv, BN] (Conv-BN-MaxPool-LIF, CML: Zhou et al., arXiv 2305.05954): the
    gradient of a window then goes to its greatest current, instead of whichever of its spikes comes first. Weights
    have the same names and shapes; a stage has a quarter of the neurons.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.timesteps = config.timesteps
        self.pool_first = config.pool_first
        widths = (config.dim // 8, config.dim // 8, config.dim // 4, config.dim // 2, config.dim, config.dim)
        self.proj_conv = nn.Conv2d(3, widths[0], *CONV, bias=False)
        self.proj_bn = nn.BatchNorm2d(widths[0])
        for stage in range(1, 5):
            self.add_module(f"proj{stage}_lif", LIF(config.tau))
            conv = nn.Conv2d(widths[stage], widths[stage + 1], *CONV, bias=False)
            self.add_module(f"proj{stage}_conv", conv)
            self.add_module(f"proj{stage}_bn", nn.BatchNorm2d(widths[stage + 1]))

    def forward(self, images: Tensor) -> Tensor:
        # The image is the same at every timestep, so its convolution is computed once. Mean and variance of T copies
        # equal those of one; only the running variance, divided by n - 1, differs by less than 1 / n.
        x = self.proj_bn(self.proj_conv(images))[None]
        for stage in range(1, 5):
            lif, conv, norm = (getattr(self, f"proj{stage}_{part}") for part in ("lif", "conv", "bn"))
            x = over_time(max_pool, x) if self.pool_first else x
            spikes = lif(x.expand(self.timesteps, *x.shape[1:]))
            spikes = spikes if self.pool_first else over_time(max_pool, spikes)
            x = over_time(norm, over_time(conv, spikes))
        return x

    @property
    def windows(self) -> tuple[Window, ...]:
        """Every convolution and pooling, in order."""
        return CONV, *4 * (POOL, CONV)


class CoFire(nn.Module):
    """Spiking attention without softmax: y = q (k^T v) * 0.125 per head, on (T, B, C, N) spikes."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (x.unflatten(2, (self.heads, -1)) for x in (q, k, v))  # (T, B, heads, C/heads, N)
        return ((v @ k.transpose(-1, -2)) @ q * ATTENTION_SCALE).flatten(2, 3)


def _co_fire_work(module: CoFire, inputs: tuple[Tensor, ...], spiking: bool) -> list[Work]:
    """v k^T counts coincidences: an addition where v and k of a head fire at one token.

    Its product with q adds, for every spike of q, the column of those counts that it selects, where they are not 0.
    """
    timesteps, batch, dim, tokens = inputs[0].shape
    width = dim // module.heads
    seen: list[dict] = [{}, {}]
    if spiking:
        q, k, v = (x.detach().unflatten(2, (module.heads, width)) for x in inputs)
        coincidences = (v.sum(3) * k.sum(3)).sum(2, dtype=torch.float64)  # (T, B, N)
        columns = ((v @ k.transpose(-1, -2)) != 0).sum(3).to(q.dtype)  # (T, B, heads, width): additions per spike of q
        additions = (q * columns.unsqueeze(-1)).sum((2, 3), dtype=torch.float64)
        fired = [x.flatten(2).sum(2, dtype=torch.float64) for x in (k + v, q)]
        rates = [x.mean(dtype=torch.float64).item() for x in (k, q)]
        seen = [
            {"additions": made, "fired": fired[i], "rate": rates[i]} for i, made in enumerate((coincidences, additions))
        ]
    lead, every = (timesteps, batch), timesteps * batch * dim
    macs = every * tokens * width
    return [
        Work(lead, macs, 2 * every * tokens, every * width, has_weights=False, product=".kv", **seen[0]),
        Work(lead, macs, every * tokens, every * tokens, has_weights=False, product=".q", **seen[1]),
    ]


count_as(CoFire, _co_fire_work)


class SpikingAttention(nn.Module):
    """x (T, B, C, H, W) to the attention branch of the same shape."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.proj_lif = LIF(config.tau)
        for name in "qkv":
            self.add_module(f"{name}_conv", nn.Conv1d(config.dim, config.dim, 1, bias=False))
            self.add_module(f"{name}_bn", nn.BatchNorm1d(config.dim))
            self.add_module(f"{name}_lif", LIF(config.tau))
        self.co_fire = CoFire(config.heads)
        self.attn_lif = LIF(config.tau, ATTENTION_THRESHOLD)
        self.proj_conv = nn.Conv1d(config.dim, config.dim, 1)
        self.proj_bn = nn.BatchNorm1d(config.dim)

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.proj_lif(x).flatten(3)
        q, k, v = (self._project(name, spikes) for name in "qkv")
        attended = self.attn_lif(self.co_fire(q, k, v))
        return self.proj_bn(self.proj_conv(attended.flatten(0, 1))).view(x.shape)

    def _project(self, name: str, spikes: Tensor) -> Tensor:
        conv, norm, lif = (getattr(self, f"{name}_{part}") for part in ("conv", "bn", "lif"))
        return lif(norm(conv(spikes.flatten(0, 1))).unflatten(0, spikes.shape[:2]))


class SpikingMLP(nn.Module):
    """x (T, B, C, H, W) to the MLP branch of the same shape."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        hidden = config.dim * config.mlp_ratio
        self.mlp1_lif = LIF(config.tau)
        self.mlp1_conv = nn.Conv2d(config.dim, hidden, 1)
        self.mlp1_bn = nn.BatchNorm2d(hidden)
        self.mlp2_lif = LIF(config.tau)
        self.mlp2_conv = nn.Conv2d(hidden, config.dim, 1)
        self.mlp2_bn = nn.BatchNorm2d(config.dim)

    def forward(self, x: Tensor) -> Tensor:
        for stage in ("mlp1", "mlp2"):
            conv, norm, lif = (getattr(self, f"{stage}_{part}") for part in ("conv", "bn", "lif"))
            x = over_time(norm, over_time(conv, lif(x)))
        return x


class SpikingBlock(nn.Module):
    """Two pre-activation residual branches on the real-valued stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attn = SpikingAttention(config)
        self.mlp = SpikingMLP(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(x)
        return x + self.mlp(x)


class Spikingformer(Pretrained, nn.Module):
    """Images (B, 3, H, W) to ModelOutput; head and features are linear in the residual stream."""

    role = "student"

    @staticmethod
    def unused_parameters(config: ModelConfig) -> int:
        """Parameters of the published file that its model never applies: two norms, weight and bias, in each block."""
        return 4 * config.dim * config.depth

    real_inputs = ("patch_embed.proj_conv", "head")  # weight layers that read numbers; all others read spikes

    def __init__(self, config: ModelConfig, num_attributes: int) -> None:
        super().__init__()
        self.config = config
        self.patch_embed = Tokenizer(config)
        self.block = nn.ModuleList(SpikingBlock(config) for _ in range(config.depth))
        self.head = nn.Linear(config.dim, num_attributes)
        self.apply(_init_weights)

    @property
    def prior_bias(self) -> nn.Parameter:
        """(A,) the last bias added to the logits."""
        return self.head.bias

    @property
    def windows(self) -> tuple[Window, ...]:
        """From image to tokens: what decides where tokens lie, see `snnpar.geometry`."""
        return self.patch_embed.windows

    def forward(self, images: Tensor) -> ModelOutput:
        x = self.patch_embed(images)
        for block in self.block:
            x = block(x)
        tokens = at_least_float32(x).flatten(3)  # (T, B, D, N)
        per_timestep = self.head(tokens.mean(3))
        return ModelOutput(
            logits=per_timestep.mean(0),
            features=tokens.mean(0).transpose(1, 2),
            logits_per_timestep=per_timestep,
        )


def _init_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
