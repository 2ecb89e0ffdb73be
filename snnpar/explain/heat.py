"""A heatmap and a way to make one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from snnpar.images.geometry import Geometry
from snnpar.inference import LoadedModel
from snnpar.spikes.trace import SpikeTrace

SIGNED = "Red speaks for the attribute, blue against it; clear is neither."
UNSIGNED = "The deeper the red, the more this place counts; clear is nothing."


@dataclass(frozen=True, eq=False)
class Heatmap:
    """values (rows, columns) float32 over the image; `hooked` says where in the model they come from.

    A map that is made of timesteps has `frames` (T, rows, columns): what each timestep alone contributes to `values`.
    `signed`: its values speak for or against, so that 0 is the middle of its colours; else 0 is their beginning.
    `geometry`: where its cells lie on the image, even cells unless told.
    """

    values: np.ndarray
    title: str
    unit: str
    hooked: str
    frames: np.ndarray | None = None
    signed: bool = False
    geometry: Geometry | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 2:
            raise ValueError(f"a heatmap must be (rows, columns); got {self.values.shape}")
        if self.geometry is None:
            object.__setattr__(self, "geometry", Geometry.even(*self.values.shape))
        elif self.geometry.shape != self.values.shape:
            raise ValueError(f"a heatmap of {self.geometry.shape} cells; got {self.values.shape} values")
        if self.frames is not None and self.frames.shape[1:] != self.values.shape:
            raise ValueError(f"frames must be (T, {', '.join(map(str, self.values.shape))}); got {self.frames.shape}")

    @property
    def bound(self) -> float:
        """The value of the deepest colour: the largest size of any value, at any t. The same wherever it is shown."""
        return max(float(np.abs(self.values).max()), float(np.abs(self.over_time()).max()))

    @property
    def colours(self) -> str:
        """What the colours mean, for a reader who never saw such a map."""
        return SIGNED if self.signed else UNSIGNED

    @property
    def cells(self) -> Geometry:
        """Where they lie."""
        assert self.geometry is not None, "set above"
        return self.geometry

    @property
    def placed(self) -> str:
        """Where the cells are drawn."""
        if abs(self.cells.shift) < 1e-6:
            return "A cell is the patch of pixels that its token reads."
        return (
            "Cells are drawn around the centres of the tokens' receptive fields, "
            f"{self.cells.shift:.2f} of a cell above and left of an even grid; those at the border reach to it."
        )

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
class HeatContext:
    """What a method may use besides model and image: a student's teacher, and the trace of this model on this image."""

    teacher: LoadedModel | None = None
    trace: SpikeTrace | None = None


@dataclass(frozen=True)
class Method:
    """A way to make a heatmap.

    `per_attribute` is False where the map is the same for every attribute; `signed` as of its heatmaps. `needs` are the
    capabilities, see `snnpar.models.network`, of models that have it, `without` one that they must not have.
    """

    label: str
    per_attribute: bool
    compute: Callable[[LoadedModel, np.ndarray, str, HeatContext], Heatmap]
    needs: frozenset[str] = frozenset()
    signed: bool = False
    without: str = ""

    def applies(self, capabilities: frozenset[str]) -> bool:
        """Has a model with these capabilities this map?"""
        return self.needs <= capabilities and self.without not in capabilities


def on_grid(values: Tensor, model: LoadedModel) -> np.ndarray:
    """(..., N) token values to (..., rows, columns), float32."""
    return values.detach().float().unflatten(-1, model.token_grid).cpu().numpy()
