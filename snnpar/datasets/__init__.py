"""Data sets by name. Add one with a file in this package and a line in DATASETS."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from snnpar.config import TrainConfig
from snnpar.datasets.pa100k import load_pa100k
from snnpar.datasets.split import DataError, PedestrianSplit, ResizedImages, join
from snnpar.schema import load_schema

__all__ = ["DATASETS", "DataError", "PedestrianSplit", "ResizedImages", "join", "load_pa100k", "open_split",
           "rendered_split"]

# Training seeds end at 2**31 - 1, so that no training image is ever among the held-out ones.
HELD_OUT_SEEDS = {"val": 2**31, "test": 2**31 + 1}
HELD_OUT_COUNT = 500


def rendered_split(seed: int, count: int, *, name: str) -> PedestrianSplit:
    """`count` rendered pedestrians of one seed, drawn when read."""
    from snnpar.datasets.rendered import render_pedestrian, sample_labels

    return PedestrianSplit(
        name=name, schema=load_schema("pa100k"), files=tuple(f"rendered-{seed}-{i}" for i in range(count)),
        labels=np.stack([sample_labels(seed, i) for i in range(count)]),
        read=lambda index: render_pedestrian(seed, index).image,
    )


def _rendered(config: TrainConfig, split: str) -> PedestrianSplit:
    if split == "train":
        return rendered_split(config.rendered_seed, config.rendered_count, name="rendered train")
    return rendered_split(HELD_OUT_SEEDS[split], HELD_OUT_COUNT, name=f"rendered {split}")


def _pa100k(config: TrainConfig, split: str) -> PedestrianSplit:
    return load_pa100k(config.data, split)


def _mixed(config: TrainConfig, split: str) -> PedestrianSplit:
    """Trains on both; the real images alone choose the checkpoint."""
    real = _pa100k(config, split)
    return join([real, _rendered(config, split)]) if split == "train" else real


DATASETS: dict[str, Callable[[TrainConfig, str], PedestrianSplit]] = {
    "rendered": _rendered,
    "pa100k": _pa100k,
    "mixed": _mixed,
}


def open_split(config: TrainConfig, split: str) -> PedestrianSplit:
    """The train, val or test split that a run with this config uses."""
    return DATASETS[config.dataset](config, split)
