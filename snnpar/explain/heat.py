"""A heatmap and a way to make one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from snnpar.inference import LoadedModel
from snnpar.trace import SpikeTrace


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

    @property
    def adds_up(self) -> bool:
        """Are `values` the sum of the frames, as counts and ledgers are and cosines are not?"""
        return self.frames is not None and np.allclose(self.frames.sum(0), self.values, rtol=1e-4, atol=1e-6)

    def over_time(self) -> np.ndarray:
        """(T, rows, columns) to show at t: the sum of timesteps 1 to t of a map that adds up, else timestep t alone.

        (1, rows, columns), the values, for a map that is not made of timesteps.
        """
        if self.frames is None:
            return self.values[None]
        return self.frames.cumsum(0) if self.adds_up else self.frames


@dataclass(frozen=True, eq=False)
class Known:
    """What a method may use besides model and image: a student's teacher, and the trace of this model on this image."""

    teacher: LoadedModel | None = None
    trace: SpikeTrace | None = None


@dataclass(frozen=True)
class Method:
    """A way to make a heatmap. `per_attribute` is False where the map is the same for every attribute."""

    label: str
    per_attribute: bool
    compute: Callable[[LoadedModel, np.ndarray, str, Known], Heatmap]


def on_grid(values: Tensor, model: LoadedModel) -> np.ndarray:
    """(..., N) token values to (..., rows, columns), float32."""
    rows, columns = model.checkpoint.model.token_grid
    return values.detach().float().unflatten(-1, (rows, columns)).numpy()
