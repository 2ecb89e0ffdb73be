"""A heatmap and a way to make one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from snnpar.inference import LoadedModel


@dataclass(frozen=True, eq=False)
class Heatmap:
    """values (rows, columns) float32 over the image; `hooked` says where in the model they come from.

    A map that is made of timesteps has `frames` (T, rows, columns): what each timestep alone contributes to `values`.
    """

    values: np.ndarray
    title: str
    unit: str
    hooked: str
    frames: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 2:
            raise ValueError(f"a heatmap must be (rows, columns); got {self.values.shape}")
        if self.frames is not None and self.frames.shape[1:] != self.values.shape:
            raise ValueError(f"frames must be (T, {', '.join(map(str, self.values.shape))}); got {self.frames.shape}")


@dataclass(frozen=True)
class Method:
    """A way to make a heatmap. `per_attribute` is False where the map is the same for every attribute."""

    label: str
    per_attribute: bool
    compute: Callable[[LoadedModel, np.ndarray, str, LoadedModel | None], Heatmap]


def on_grid(values: Tensor, model: LoadedModel) -> np.ndarray:
    """(..., N) token values to (..., rows, columns), float32."""
    rows, columns = model.checkpoint.model.token_grid
    return values.detach().float().unflatten(-1, (rows, columns)).numpy()
