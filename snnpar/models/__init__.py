"""Models by name. Add one with a file in this package and a line in MODELS (and one in PRESETS for a named size)."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from snnpar.config import ConfigError, ModelConfig
from snnpar.models.output import ModelOutput
from snnpar.models.spikingformer import Spikingformer
from snnpar.models.vit import ViTStudent
from snnpar.models.vtb import VTB

__all__ = ["MODELS", "PRESETS", "ModelOutput", "build_model", "preset", "role_of", "unnamed"]

MODELS: dict[str, Callable[[ModelConfig, int], nn.Module]] = {
    "spikingformer": Spikingformer,
    "vtb": VTB,
    "vit": ViTStudent,
}

PUBLISHED = {"image_size": (256, 128)}
VIT_BASE = PUBLISHED | {"dim": 768, "depth": 12, "heads": 12, "drop_path": 0.1}

# Small models share the token grid and the width, so that features distil without a projection.
PRESETS: dict[str, ModelConfig] = {
    "spikingformer_4_192": ModelConfig("spikingformer", dim=192, depth=4, heads=8),
    "spikingformer_cml_4_192": ModelConfig("spikingformer", dim=192, depth=4, heads=8, pool_first=True),
    "vtb_conv_3_192": ModelConfig("vtb", dim=192, depth=3, heads=6, stem="conv", drop_path=0.05),
    "spikingformer_2_96": ModelConfig("spikingformer", dim=96, depth=2, heads=4),
    "spikingformer_cml_2_96": ModelConfig("spikingformer", dim=96, depth=2, heads=4, pool_first=True),
    "vtb_conv_2_96": ModelConfig("vtb", dim=96, depth=2, heads=4, stem="conv"),
    "vit_2_96": ModelConfig("vit", dim=96, depth=2, heads=4, stem="conv"),
    "spikingformer_1_64": ModelConfig("spikingformer", dim=64, depth=1, heads=4),
    "vtb_conv_2_64": ModelConfig("vtb", dim=64, depth=2, heads=4, stem="conv"),
    # The published system. The ViT student's exact size is ours: the paper does not give it.
    "spikingformer_8_768": ModelConfig("spikingformer", **PUBLISHED, dim=768, depth=8, timesteps=8),
    "spikingformer_8_512": ModelConfig("spikingformer", **PUBLISHED, dim=512, depth=8),
    "spikingformer_8_384": ModelConfig("spikingformer", **PUBLISHED, dim=384, depth=8),
    "spikingformer_4_256": ModelConfig("spikingformer", **PUBLISHED, dim=256, depth=4),
    "vtb_vit_base_patch16": ModelConfig("vtb", **VIT_BASE, text_dim=768),
    "vit_base_student": ModelConfig("vit", **VIT_BASE),
}
SMALL = {"student": "spikingformer_cml_4_192", "teacher": "vtb_conv_3_192"}
SMALLER = {"student": "spikingformer_cml_2_96", "teacher": "vtb_conv_2_96"}  # learn from scratch within minutes


def unnamed(role: str, recipe: str) -> str:
    """The model that is trained where none is named."""
    return (SMALLER if recipe == "first-run" else SMALL)[role]


def preset(name: str) -> ModelConfig:
    """The config of a named size."""
    if name not in PRESETS:
        raise ConfigError(f"no model is called {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def build_model(config: ModelConfig, num_attributes: int) -> nn.Module:
    """A freshly initialised model."""
    if config.architecture not in MODELS:
        raise ConfigError(f"no architecture is called {config.architecture!r}; there are {', '.join(MODELS)}")
    return MODELS[config.architecture](config, num_attributes)


def role_of(config: ModelConfig) -> str:
    """'student' or 'teacher'."""
    if config.architecture not in MODELS:
        raise ConfigError(f"no architecture is called {config.architecture!r}; there are {', '.join(MODELS)}")
    return MODELS[config.architecture].role
