"""Models by name. Add one with a file in this package and a line in MODELS (and one in PRESETS for a named size).

From outside: MODELS["name"] = a subclass of `Network`; PRESETS["name_of_a_size"] = its ModelConfig. A module that does
so is imported with this package where SNNPAR_MODELS names it, or an entry point of the group "snnpar.models" does.
"""

from __future__ import annotations

from functools import lru_cache
from pkgutil import resolve_name
from typing import Any

import torch

from snnpar.config import DEFAULT_TASK, TASKS, ConfigError, ModelConfig
from snnpar.core.others import import_others
from snnpar.models.network import Network
from snnpar.models.output import ModelOutput
from snnpar.models.topology import Layer

__all__ = [
    "MODELS",
    "PRESETS",
    "Layer",
    "ModelOutput",
    "Network",
    "build_model",
    "layers_of",
    "network",
    "preset",
    "role_of",
    "takes_text",
    "timesteps_of",
    "unnamed",
]

# By architecture; a place is imported when it is asked for: a spiking student needs neither timm nor torchvision.
MODELS: dict[str, type[Network] | str] = {
    "spikingformer": "snnpar.models.spikingformer:Spikingformer",
    "vtb": "snnpar.models.vtb:VTB",
    "vit": "snnpar.models.vit:ViTStudent",
}


def __getattr__(name: str) -> type[Network]:
    """snnpar.models.Spikingformer and its like, imported when they are asked for."""
    for place in MODELS.values():
        if isinstance(place, str) and place.endswith(f":{name}"):
            return resolve_name(place)
    raise AttributeError(f"module 'snnpar.models' has no attribute {name!r}")


PUBLISHED: dict[str, Any] = {"image_size": (256, 128)}
VIT_BASE: dict[str, Any] = PUBLISHED | {"dim": 768, "depth": 12, "heads": 12, "drop_path": 0.1}

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


def unnamed(role: str, recipe: str = "default", task: str = DEFAULT_TASK) -> str:
    """The model that is trained where none is named; in a first run one that learns from scratch within minutes."""
    return TASKS[task].models[role][recipe == "first-run"]


def preset(name: str) -> ModelConfig:
    """The config of a named size."""
    if name not in PRESETS:
        raise ConfigError(f"no model is called {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def network(config: ModelConfig) -> type[Network]:
    """The class of a config's architecture. Raises ConfigError for an unknown one, or what it cannot have."""
    found = MODELS.get(config.architecture)
    if found is None:
        raise ConfigError(f"no architecture is called {config.architecture!r}; there are {', '.join(MODELS)}")
    if isinstance(found, str):
        found = resolve_name(found)
    if not (isinstance(found, type) and issubclass(found, Network)):
        raise ConfigError(f"{config.architecture} must be a subclass of snnpar.models.Network; it is {found!r}")
    found.check(config)
    return found


def build_model(config: ModelConfig, num_attributes: int) -> Network:
    """A freshly initialised model."""
    return network(config)(config, num_attributes)


def role_of(config: ModelConfig) -> str:
    """'student' or 'teacher'."""
    return network(config).role


def takes_text(config: ModelConfig) -> bool:
    """Does the model read the phrases of the attributes?"""
    return network(config).takes_text


def timesteps_of(config: ModelConfig) -> int:
    """T; 0 for a model without neurons."""
    return network(config).timesteps_of(config)


@lru_cache(maxsize=32)
def layers_of(config: ModelConfig) -> tuple[Layer, ...]:
    """The layers of a model of which only the config is at hand; built without memory for its weights."""
    with torch.device("meta"):
        return build_model(config, 1).anatomy().layers


import_others()  # last: they import this package
