"""One model and what it says about the image."""

from __future__ import annotations

from dataclasses import dataclass

from snnpar.explain import Heatmap
from snnpar.inference import Analysis, LoadedModel


@dataclass(frozen=True, eq=False)
class Reading:
    """A model with its analysis of an image."""

    model: LoadedModel
    analysis: Analysis


@dataclass(frozen=True)
class Maps:
    """Heatmaps by role, the roles whose map is the same for every attribute, and whether all use one scale."""

    heats: dict[str, Heatmap]
    general: frozenset[str]
    shared_scale: bool
