"""ModelConfig: what a model is."""

from __future__ import annotations

import dataclasses
import math
import sys
from dataclasses import dataclass
from typing import Any

from .values import ConfigError, named

# The most that a model's sizes may be, several times the published ones: a config.json may come from anybody.
MOST = {"dim": 8192, "depth": 64, "heads": 128, "mlp_ratio": 16, "timesteps": 64, "text_dim": 8192}
MOST_INPUT = 64 * 256 * 128  # timesteps x height x width, which decides the memory of a forward


def _is_count(value: object, most: int = sys.maxsize) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True)
class ModelConfig:
    """Architecture and input of one model. `image_size` is (height, width); one token covers 16 x 16 pixels.

    What an architecture can have is its own affair, see `Network.check`. `pool_first`: the Spikingformer's
    tokenizer pools before it fires (CML, arXiv 2305.05954), not after.
    """

    architecture: str
    image_size: tuple[int, int] = (128, 64)
    dim: int = 192
    depth: int = 4
    heads: int = 8
    mlp_ratio: int = 4
    timesteps: int = 4
    tau: float = 2.0
    text_dim: int = 384
    stem: str = "patch"
    drop_path: float = 0.0
    pool_first: bool = False
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def __post_init__(self) -> None:
        for name in ("image_size", "mean", "std"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not isinstance(self.architecture, str):
            raise ConfigError(f"architecture must be a name; got {self.architecture!r}")
        if len(self.image_size) != 2 or not all(_is_count(side) and side % 16 == 0 for side in self.image_size):
            raise ConfigError(f"image_size must be (height, width), multiples of 16; got {self.image_size}")
        for name, most in MOST.items():
            if not _is_count(getattr(self, name), most):
                raise ConfigError(f"{name} must be a whole number from 1 to {most}; got {getattr(self, name)!r}")
        if self.timesteps * math.prod(self.image_size) > MOST_INPUT:
            raise ConfigError(
                f"timesteps x height x width must be at most {MOST_INPUT:,}; got {self.timesteps} x "
                f"{self.image_size[0]} x {self.image_size[1]}"
            )
        if not _is_finite(self.tau) or self.tau < 1:
            raise ConfigError(f"tau must be at least 1 timestep; got {self.tau!r}")
        if not _is_finite(self.drop_path) or not 0 <= self.drop_path < 1:
            raise ConfigError(f"drop_path must be a share, at least 0 and below 1; got {self.drop_path!r}")
        if self.stem not in ("patch", "conv"):
            raise ConfigError(f"stem must be 'patch' or 'conv'; got {self.stem!r}")
        if not isinstance(self.pool_first, bool):
            raise ConfigError(f"pool_first must be true or false; got {self.pool_first!r}")
        channels = len(self.mean) == len(self.std) == 3 and all(map(_is_finite, self.mean + self.std))
        if not channels or min(self.std) <= 0:
            raise ConfigError(f"mean and std must hold 3 channels, std > 0; got {self.mean}, {self.std}")

    @property
    def token_grid(self) -> tuple[int, int]:
        """Rows and columns of the token grid."""
        return self.image_size[0] // 16, self.image_size[1] // 16

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: object) -> ModelConfig:
        """The config of what config.json says, refusing what is unknown by name. Raises ConfigError."""
        try:
            return cls(**named(values, cls))
        except TypeError as error:
            raise ConfigError(f"{cls.__name__}: {error}") from error
