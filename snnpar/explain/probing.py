"""What a model says about an image of which parts are hidden: occlusion by hand, and how faithful a heatmap is.

A hidden place is filled with the image's mean colour, so that hiding adds no pattern of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snnpar.explain import Heatmap
from snnpar.images.geometry import Geometry
from snnpar.images.pixels import resize
from snnpar.inference import Analysis, LoadedModel, analyze

STEPS = 16  # points of a deletion or insertion curve beside its start


def cover(image: np.ndarray, mask: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The image uint8 (H, W, 3) with the cells marked in mask (rows, columns) bool filled with its mean colour."""
    if mask.shape != geometry.shape or mask.dtype != bool:
        raise ValueError(f"mask must be bool, (rows, columns) = {geometry.shape}; got {mask.dtype} {mask.shape}")
    covered = image.copy()
    covered[geometry.spread(mask, *image.shape[:2])] = image.reshape(-1, 3).mean(0).round().astype(np.uint8)
    return covered


@dataclass(frozen=True, eq=False)
class Occlusion:
    """One model before and after a part of the image was hidden. Changes are after minus before."""

    before: Analysis
    after: Analysis

    @property
    def logit_change(self) -> np.ndarray:
        """(A,) change of each logit."""
        return self.after.prediction.logits - self.before.prediction.logits

    @property
    def spike_change(self) -> int:
        """Change of the number of spikes; 0 for a model without neurons."""
        return self.after.trace.total_spikes - self.before.trace.total_spikes

    @property
    def energy_change_uj(self) -> float:
        """Change of the energy estimate in microjoules."""
        return self.after.energy.energy_uj - self.before.energy.energy_uj

    def flipped(self, threshold: float) -> tuple[str, ...]:
        """Attributes whose decision changed, in the schema's order."""
        before, after = (a.prediction.probs > threshold for a in (self.before, self.after))
        return tuple(
            name for name, changed in zip(self.before.prediction.attributes, before != after, strict=True) if changed
        )


def occlude(
    model: LoadedModel, before: Analysis, image: np.ndarray, mask: np.ndarray, geometry: Geometry | None = None
) -> Occlusion:
    """Look again with the marked cells hidden; `before` is what the model said of the whole image.

    `geometry`: where the cells lie, if they are another model's than its own.
    """
    return Occlusion(before, analyze(model, cover(image, mask, geometry or model.geometry)))


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """Probability of an attribute while cells are hidden (`deletion`) or uncovered (`insertion`), hottest first.

    Both (STEPS + 1,), from none to all cells. A map that shows what the model uses has a low area under deletion and
    a high one under insertion; their difference, in [-1, 1], is the `score`. Source: RISE, Petsiuk et al., BMVC 2018.
    """

    deletion: np.ndarray
    insertion: np.ndarray

    @property
    def areas(self) -> dict[str, float]:
        """Mean probability under each curve, in [0, 1]."""
        return {"deletion": _area(self.deletion), "insertion": _area(self.insertion)}

    @property
    def score(self) -> float:
        """Area under insertion minus area under deletion."""
        return self.areas["insertion"] - self.areas["deletion"]


def _area(curve: np.ndarray) -> float:
    return float(np.trapezoid(curve) / (len(curve) - 1))


def faithfulness(model: LoadedModel, image: np.ndarray, heat: Heatmap, attribute: str) -> Faithfulness:
    """Deletion and insertion curves of a heatmap, token by token and each where it lies, in one batch."""
    order = np.argsort(-heat.values, axis=None, kind="stable")
    rank = np.empty(order.size, int)
    rank[order] = np.arange(order.size)
    hottest = [rank.reshape(heat.values.shape) < round(step * order.size / STEPS) for step in range(STEPS + 1)]
    masks = [*hottest, *(~mask for mask in hottest)]
    size = model.checkpoint.model.image_size
    images = np.stack([resize(cover(image, mask, model.geometry), size) for mask in masks])
    probs = model.predict(images)[-1, :, model.schema.index(attribute)]
    return Faithfulness(probs[: STEPS + 1], probs[STEPS + 1 :])
