"""Vision transformer: the visual half of the VTB teacher, and the ViT student of SNN-PAR's Table 2.

Module names follow the published checkpoint; `stem="conv"` replaces the patch embedding by a small residual network for
training from scratch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from snnpar.config import ConfigError, ModelConfig
from snnpar.core.compat import repair_torchvision
from snnpar.images.geometry import KernelWindow
from snnpar.models.network import Anatomy, CamTarget, Network
from snnpar.models.output import ModelOutput, at_least_float32
from snnpar.models.topology import READOUT, TOKENIZER, Layer
from snnpar.spikes.operations import OperationWork, count_as, rule_of

repair_torchvision()
from timm.layers import (  # noqa: E402  timm imports torchvision
    Attention,  # pyright: ignore[reportPrivateImportUsage]
    trunc_normal_,  # pyright: ignore[reportPrivateImportUsage]
)
from timm.models.vision_transformer import Block  # noqa: E402

EMBEDDINGS = ("cls_token", "pos_embed")  # weight decay leaves them alone


def _attention_work(_module: Attention, inputs: tuple[Tensor, ...], _spiking: bool) -> list[OperationWork]:
    """q k^T and attention times v, N * N * D each, whether a fused kernel computes them or not."""
    batch, tokens, dim = inputs[0].shape
    macs, read, made = 2 * tokens * tokens * dim, tokens * (3 * dim + tokens), tokens * (dim + tokens)
    return [OperationWork((batch,), batch * macs, batch * read, batch * made, has_weights=False)]


count_as(Attention, _attention_work)


class ResidualStage(nn.Module):
    """Stride-2 convolution, then a residual pair of 3x3 convolutions."""

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.down = _conv_bn(in_width, width, stride=2)
        self.conv1 = _conv_bn(width, width)
        self.conv2 = _conv_bn(width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.down(x))
        return F.relu(x + self.conv2(F.relu(self.conv1(x))))


def _conv_bn(in_width: int, width: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(in_width, width, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width))


class ConvStem(nn.Module):
    """Image (B, 3, H, W) to (B, D, H/16, W/16)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.first = _conv_bn(3, dim // 8, stride=2)
        self.stages = nn.Sequential(
            ResidualStage(dim // 8, dim // 4), ResidualStage(dim // 4, dim // 2), ResidualStage(dim // 2, dim)
        )
        self.proj = nn.Conv2d(dim, dim, 1)

    @property
    def windows(self) -> tuple[KernelWindow, ...]:
        """Every convolution on the longest path, in order."""
        convs = (module for module in self.modules() if isinstance(module, nn.Conv2d))
        return tuple(_window(conv) for conv in convs)

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(self.stages(F.relu(self.first(images))))


def _window(conv: nn.Conv2d) -> KernelWindow:
    return KernelWindow(conv.kernel_size[0], conv.stride[0], int(conv.padding[0]))


class PatchEmbed(nn.Module):
    """The published 16x16 patch embedding."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, dim, 16, stride=16)

    @property
    def windows(self) -> tuple[KernelWindow, ...]:
        """The one convolution."""
        return (_window(self.proj),)

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(images)


class DropPath(nn.Module):
    """Drop a residual branch (B, N, D) per image. Draws as the published code did: timm's own draws differ by seed."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.keep = 1.0 - probability

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = (self.keep + torch.rand(len(x), 1, 1, dtype=x.dtype, device=x.device)).floor()
        return x / self.keep * kept


class VisionTransformer(nn.Module):
    """Patch embedding, position embedding, blocks and final norm; its users say which blocks run where."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        rows, columns = config.token_grid
        self.patch_embed = ConvStem(config.dim) if config.stem == "conv" else PatchEmbed(config.dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + rows * columns, config.dim))
        drop_path = [config.drop_path * i / max(1, config.depth - 1) for i in range(config.depth)]
        norm: Any = partial(nn.LayerNorm, eps=1e-6)
        self.blocks = nn.ModuleList(
            Block(config.dim, config.heads, config.mlp_ratio, qkv_bias=True, norm_layer=norm) for _ in drop_path
        )
        block: Any
        for block, drop in zip(self.blocks, drop_path, strict=True):
            block.attn.fused_attn = False  # the attention maps are what people come to see
            if drop:
                block.drop_path1, block.drop_path2 = DropPath(drop), DropPath(drop)
        self.norm = nn.LayerNorm(config.dim, eps=1e-6)

    @property
    def windows(self) -> tuple[KernelWindow, ...]:
        """From image to tokens: what decides where tokens lie, see `snnpar.images.geometry`."""
        return self.patch_embed.windows

    def forward(self, images: Tensor, blocks: Iterable[Block]) -> Tensor:
        """Tokens (B, 1 + N, D), class token first, after `blocks`; no norm."""
        patches = self.patch_embed(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], dim=1) + self.pos_embed
        for block in blocks:
            x = block(x)
        return x


def check_widths(config: ModelConfig) -> None:
    """Raise ConfigError unless heads and the conv stem can share the width."""
    if config.dim % config.heads or config.dim % 8:
        raise ConfigError(f"dim must be a multiple of heads and of 8; got dim={config.dim}, heads={config.heads}")
    if config.pool_first:
        raise ConfigError(f"pool_first is for a spikingformer only; got true for a {config.architecture}")


def vit_layers(vit: VisionTransformer, prefix: str) -> Iterator[Layer]:
    """Stem and blocks of a vision transformer whose modules are called `prefix`..."""
    for name, module in vit.patch_embed.named_modules(prefix=f"{prefix}patch_embed"):
        if not any(True for _ in module.children()):
            kind = "norm" if isinstance(module, nn.BatchNorm2d) else "weights"
            yield Layer(name, kind, TOKENIZER, reads="numbers")
    for i, block in enumerate(vit.blocks):
        for name, module in block.named_modules(prefix=f"{prefix}blocks.{i}"):
            part = name.removeprefix(f"{prefix}blocks.{i}.")
            if rule_of(module) or any(True for _ in module.parameters(recurse=False)):
                kind = "attention" if rule_of(module) else "norm" if isinstance(module, nn.LayerNorm) else "weights"
                yield Layer(name, kind, f"block {i + 1}", part, reads="numbers")


def cam_target(block: nn.Module, grid: tuple[int, int], hooked: str) -> CamTarget:
    """The tokens that a block gives out, without the class token."""

    def without_class_token(x: Tensor) -> Tensor:  # (B, 1 + N, D) -> (B, D, rows, columns)
        return x[:, 1:].transpose(1, 2).unflatten(2, grid)

    return CamTarget(block, without_class_token, hooked)


class ViTStudent(Network):
    """The ANN student of SNN-PAR's ablation: images (B, 3, H, W) to ModelOutput, one read-out of the mean token."""

    role = "student"
    title = "ViT, an ANN"
    undecayed = EMBEDDINGS

    def __init__(self, config: ModelConfig, num_attributes: int) -> None:
        super().__init__(config, num_attributes)
        self.vit = VisionTransformer(config)
        self.head = nn.Linear(config.dim, num_attributes)
        self.apply(init_weights)
        for parameter in (self.vit.cls_token, self.vit.pos_embed):
            trunc_normal_(parameter, std=0.02)

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        check_widths(config)

    @property
    def prior_bias(self) -> nn.Parameter:
        return self.head.bias

    @property
    def windows(self) -> tuple[KernelWindow, ...]:
        return self.vit.windows

    def describe(self) -> Anatomy:
        blocks = tuple(self.vit.blocks)
        return Anatomy(
            layers=(*vit_layers(self.vit, "vit."), Layer("head", "weights", READOUT, reads="numbers")),
            cam=cam_target(blocks[-1], self.token_grid, "tokens of the last block"),
            blocks=blocks,
            backbone=self.vit if self.config.stem == "patch" else None,  # a conv stem has no published weights
        )

    def forward(self, images: Tensor) -> ModelOutput:
        tokens = at_least_float32(self.vit.norm(self.vit(images, self.vit.blocks))[:, 1:])
        return ModelOutput(self.head(tokens.mean(1)), features=tokens)


def init_weights(module: nn.Module) -> None:
    """Starting weights of linear layers and convolutions."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
