"""VTB teacher (Cheng et al., "A Simple Visual-Textual Baseline for Pedestrian Attribute Recognition"): ViT + text.

The visual tokens of all blocks but the last join the projected attribute phrases in the last block, the fusion block;
one linear read-out per attribute and a batch norm over attributes follow. Module names follow the published checkpoint.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from snnpar.config import ModelConfig
from snnpar.images.geometry import KernelWindow
from snnpar.models.network import Anatomy, Network
from snnpar.models.output import ModelOutput, at_least_float32
from snnpar.models.topology import PHRASES, READOUT, Layer
from snnpar.models.vit import (
    EMBEDDINGS,
    VisionTransformer,
    cam_target,
    check_widths,
    init_weights,
    trunc_normal_,  # pyright: ignore[reportPrivateImportUsage]
    vit_layers,
)


class AttributeReadout(nn.Module):
    """logit_j = weight_j . x_j + bias_j: tokens (B, A, D) to logits (B, A)."""

    def __init__(self, num_attributes: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_attributes, dim))
        self.bias = nn.Parameter(torch.zeros(num_attributes))

    def forward(self, tokens: Tensor) -> Tensor:
        return (tokens * self.weight).sum(-1) + self.bias


class VTB(Network):
    """teacher(images (B, 3, H, W), word_vectors (A, text_dim)) to ModelOutput."""

    role = "teacher"
    title = "VTB, an ANN: vision transformer fused with attribute text"
    takes_text = True
    constant_inputs = ("word_embed",)
    undecayed = (*EMBEDDINGS, "vis_embed", "tex_embed")

    def __init__(self, config: ModelConfig, num_attributes: int) -> None:
        super().__init__(config, num_attributes)
        self.vit = VisionTransformer(config)
        self.word_embed = nn.Linear(config.text_dim, config.dim)
        self.vis_embed = nn.Parameter(torch.zeros(1, 1, config.dim))
        self.tex_embed = nn.Parameter(torch.zeros(1, 1, config.dim))
        self.weight_layer = AttributeReadout(num_attributes, config.dim)
        self.bn = nn.BatchNorm1d(num_attributes)
        self.apply(init_weights)
        for parameter in (
            self.vit.cls_token,
            self.vit.pos_embed,
            self.vis_embed,
            self.tex_embed,
            self.weight_layer.weight,
        ):
            trunc_normal_(parameter, std=0.02)

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        check_widths(config)

    @classmethod
    def unused_parameters(cls, config: ModelConfig) -> int:
        """The ImageNet classifier of the ViT."""
        return 1000 * (config.dim + 1) if config.stem == "patch" else 0

    @property
    def prior_bias(self) -> nn.Parameter:
        return self.bn.bias

    @property
    def windows(self) -> tuple[KernelWindow, ...]:
        return self.vit.windows

    def describe(self) -> Anatomy:
        blocks: tuple[Any, ...] = tuple(self.vit.blocks)
        # The last block sees text and visual tokens, the one before it visual tokens only.
        visual = blocks[-2] if len(blocks) > 1 else None
        return Anatomy(
            layers=(
                *vit_layers(self.vit, "vit."),
                Layer("word_embed", "weights", PHRASES, reads="constants"),
                Layer("weight_layer", "weights", READOUT, reads="numbers"),
                Layer("bn", "norm", READOUT),
            ),
            softmaxes=tuple(block.attn.attn_drop for block in blocks),  # of a block: in and out of it goes the softmax
            cam=visual and cam_target(visual, self.token_grid, "visual tokens before the fusion block"),
            blocks=blocks,
            backbone=self.vit if self.config.stem == "patch" else None,  # a conv stem has no published weights
        )

    def forward(self, images: Tensor, word_vectors: Tensor) -> ModelOutput:
        num_attributes = len(self.weight_layer.bias)
        if word_vectors.shape != (num_attributes, self.config.text_dim):
            expected = (num_attributes, self.config.text_dim)
            raise ValueError(f"word_vectors must have shape {expected}; got {tuple(word_vectors.shape)}")
        visual = self.vit(images, self.vit.blocks[:-1]) + self.vis_embed
        text = (self.word_embed(word_vectors) + self.tex_embed).expand(len(images), -1, -1)
        fused = self.vit.norm(self.vit.blocks[-1](torch.cat([text, visual], dim=1)))
        logits = self.bn(self.weight_layer(at_least_float32(fused[:, :num_attributes])))
        features = at_least_float32(visual[:, 1:])
        # Trained from scratch, the fusion block alone gives the visual tokens too weak a gradient; reading them with
        # the same read-out trains them directly. It adds no parameters and does not change the logits.
        visual_logits = None
        if self.training:
            pooled = self.vit.norm(features.mean(1, keepdim=True))
            visual_logits = self.weight_layer(pooled) + self.bn.bias
        return ModelOutput(logits, features, text_features=at_least_float32(text), visual_logits=visual_logits)
