"""Spikingformer student (Zhou et al., arXiv 2304.11954) with the attribute head of SNN-PAR (arXiv 2410.07857).

Module names equal the published checkpoint's keys. Tensors are time first: (T, B, C, H, W), tokens (T, B, C, N).
The residual stream is real-valued; every convolution but the first reads spikes only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor, nn
from torch.nn import functional as F

from snnpar.config import ConfigError, ModelConfig
from snnpar.images.geometry import KernelWindow
from snnpar.models.co_fire import CoFire
from snnpar.models.network import Anatomy, Branch, CamTarget, Network
from snnpar.models.output import ModelOutput, at_least_float32
from snnpar.models.topology import READOUT, TOKENIZER, Kind, Layer
from snnpar.spikes.neurons import LIF

ATTENTION_THRESHOLD = 0.5
UNUSED_NORMS = (".norm1.", ".norm2.")  # of a block; in the published file, never applied
CONV, POOL = KernelWindow(3, padding=1), KernelWindow(3, stride=2, padding=1)  # of the tokenizer


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
    def windows(self) -> tuple[KernelWindow, ...]:
        """Every convolution and pooling, in order."""
        return CONV, *4 * (POOL, CONV)


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


class Spikingformer(Network):
    """Images (B, 3, H, W) to ModelOutput; head and features are linear in the residual stream."""

    role = "student"
    title = "Spikingformer, spiking"
    spiking = True

    def __init__(self, config: ModelConfig, num_attributes: int) -> None:
        super().__init__(config, num_attributes)
        self.patch_embed = Tokenizer(config)
        self.block = nn.ModuleList(SpikingBlock(config) for _ in range(config.depth))
        self.head = nn.Linear(config.dim, num_attributes)
        self.apply(_init_weights)

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        if config.dim % config.heads or config.dim % 8:
            raise ConfigError(f"dim must be a multiple of heads and of 8; got dim={config.dim}, heads={config.heads}")

    @classmethod
    def unused_parameters(cls, config: ModelConfig) -> int:
        """Two norms, weight and bias, in each block."""
        return 4 * config.dim * config.depth

    @classmethod
    def is_unused(cls, key: str) -> bool:
        return any(norm in f".{key}" for norm in UNUSED_NORMS)

    @property
    def prior_bias(self) -> nn.Parameter:
        return self.head.bias

    @property
    def windows(self) -> tuple[KernelWindow, ...]:
        return self.patch_embed.windows

    def describe(self) -> Anatomy:
        last = f"block.{self.config.depth - 1}.attn"
        return Anatomy(
            layers=(*self._layers(), Layer("head", "weights", READOUT, reads="numbers")),
            branches=tuple(self._branches()),
            readout=self.head,
            stream=self.block[-1],
            co_fire=(f"{last}.q_lif", f"{last}.k_lif"),
            cam=CamTarget(self.block[-1], _time_as_channels, "output of the last spiking block, all timesteps"),
            blocks=tuple(self.block),
            backbone=nn.ModuleDict({"patch_embed": self.patch_embed, "block": self.block}),
        )

    def _layers(self) -> Iterator[Layer]:
        height, width = self.config.image_size
        yield Layer("patch_embed.proj_conv", "weights", TOKENIZER, "image", reads="numbers")
        yield Layer("patch_embed.proj_bn", "norm", TOKENIZER, "image")
        for stage in range(1, 5):
            name, shift = f"patch_embed.proj{stage}", stage - (not self.config.pool_first)
            part, neurons = f"stage {stage}", f"{name}_lif"
            yield Layer(neurons, "neuron", TOKENIZER, part, grid=(height >> shift, width >> shift))
            yield Layer(f"{name}_conv", "weights", TOKENIZER, part, reads="spikes", fed_by=(neurons,))
            yield Layer(f"{name}_bn", "norm", TOKENIZER, part)
        for i in range(self.config.depth):
            for end, kind, part, label, fed_by in BLOCK:
                name, stage = f"block.{i}.{end}", f"block {i + 1}"
                feeders = tuple(f"block.{i}.{one}" for one in fed_by)
                reads = "spikes" if fed_by else ""
                grid = self.token_grid if kind == "neuron" else None
                yield Layer(name, kind, stage, part, f"{stage}, {label}", reads, feeders, grid)

    def _branches(self) -> Iterator[Branch]:
        """The tokenizer, then attention and MLP of every block."""
        stem = "patch_embed.proj4"
        pool = None if self.config.pool_first else max_pool
        yield Branch("tokenizer", "tokenizer", f"{stem}_lif", f"{stem}_conv", f"{stem}_bn", pool)
        for i in range(self.config.depth):
            attn, mlp, words = f"block.{i}.attn", f"block.{i}.mlp", f"block {i + 1}"
            yield Branch(attn, f"{words}, attention", f"{attn}.attn_lif", f"{attn}.proj_conv", f"{attn}.proj_bn")
            yield Branch(mlp, f"{words}, MLP", f"{mlp}.mlp2_lif", f"{mlp}.mlp2_conv", f"{mlp}.mlp2_bn")

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


def _time_as_channels(x: Tensor) -> Tensor:
    """(T, B, C, H, W) to (B, T * C, H, W)."""
    return x.transpose(0, 1).flatten(1, 2)


def _block_rows() -> Iterator[tuple[str, Kind, str, str, tuple[str, ...]]]:
    """The layers of a block in order: name, kind, part, words, and the neurons that feed it."""
    inlet = "attn.proj_lif"
    yield inlet, "neuron", "input", "attention, input", ()
    for one in "qkv":
        yield f"attn.{one}_conv", "weights", one, f"attention, {one}", (inlet,)
        yield f"attn.{one}_bn", "norm", one, f"attention, {one}", ()
        yield f"attn.{one}_lif", "neuron", one, f"attention, {one}", ()
    yield "attn.co_fire", "attention", "attention", "attention", tuple(f"attn.{one}_lif" for one in "qkv")
    yield "attn.attn_lif", "neuron", "attention", "attention, output", ()
    yield "attn.proj_conv", "weights", "attention", "attention, output", ("attn.attn_lif",)
    yield "attn.proj_bn", "norm", "attention", "attention, output", ()
    for number, words in enumerate(("MLP, input", "MLP, hidden"), 1):
        name = f"mlp.mlp{number}"
        yield f"{name}_lif", "neuron", f"MLP{number}", words, ()
        yield f"{name}_conv", "weights", f"MLP{number}", words, (f"{name}_lif",)
        yield f"{name}_bn", "norm", f"MLP{number}", words, ()


BLOCK = tuple(_block_rows())


def _init_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
