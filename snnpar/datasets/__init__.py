"""Datasets by name. Add a layout with a file in this package, a line in LAYOUTS, and its name in those of a task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from snnpar import ASSETS
from snnpar.config import ConfigError, TrainConfig
from snnpar.core.errors import SnnparError
from snnpar.core.places import place as path_of
from snnpar.datasets.annotation import Annotation, Layout
from snnpar.datasets.folder_csv import CSV
from snnpar.datasets.pa100k import PA100K
from snnpar.datasets.peta import PETA
from snnpar.datasets.pickled import PICKLE
from snnpar.datasets.rapv1 import RAPV1
from snnpar.datasets.split import (
    UNKNOWN,
    DataError,
    PedestrianSplit,
    ResizedImages,
    join,
    none_readable,
    subset,
    unreadable,
)
from snnpar.schema.attributes import AttributeSchema, Phrases, load_schema
from snnpar.schema.phrases import FILE as PHRASES
from snnpar.schema.phrases import phrases_of

__all__ = [
    "DATASETS",
    "LAYOUTS",
    "UNKNOWN",
    "Annotation",
    "DataError",
    "Layout",
    "PedestrianSplit",
    "ResizedImages",
    "join",
    "layout_of",
    "local_path",
    "none_readable",
    "open_annotation",
    "open_folder",
    "open_split",
    "phrases_for",
    "rendered_split",
    "schema_of",
    "subset",
    "unreadable",
]

# Training seeds end at 2**31 - 1, so that no training image is ever among the held-out ones.
HELD_OUT_SEEDS = {"val": 2**31, "test": 2**31 + 1}
HELD_OUT_COUNT = 500
# Of several annotation files in one folder the first counts: the authors' own file before what was made from it.
LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (PA100K, PETA, RAPV1, PICKLE, CSV)}


def open_folder(data: str | Path, split: str, *, layout: str = "", fold: int = 0) -> PedestrianSplit:
    """A split of the dataset at `data`: a folder, a pickle, or hf:owner/name[@revision] for one of the Hub.

    `layout` "" finds out which it is. Raises DataError, or HubError for what cannot be fetched.
    """
    path = local_path(data)
    return layout_of(path, layout).load(path, split, fold)


def open_annotation(data: str | Path, *, layout: str = "", fold: int = 0) -> Annotation:
    """What the dataset at `data` says, all splits at once. Raises as open_folder does."""
    path = local_path(data)
    return layout_of(path, layout).annotation(path, fold)


def local_path(data: str | Path) -> Path:
    """Where the data lies on this machine, fetched before if it is on the Hub. Raises DataError or HubError."""
    if str(data).startswith("hf:"):
        from snnpar.hub import fetch_dataset

        return fetch_dataset(str(data).removeprefix("hf:"))
    path = path_of(data)
    if not path.exists():
        raise DataError(f"{path}: no such folder; give the one where the dataset lies")
    return path


def layout_of(path: Path, name: str = "") -> Layout:
    """The layout called `name`, or with "" the one that the files at `path` have. Raises DataError."""
    if name:
        if name not in LAYOUTS:
            raise DataError(f"no layout is called {name!r}; there are {', '.join(LAYOUTS)}")
        if not LAYOUTS[name].recognises(path):
            others = [other.name for other in LAYOUTS.values() if other.recognises(path)]
            hint = f"; it looks like {others[0]}" if others else ""
            raise DataError(f"{path} is not laid out as {name}: it needs {LAYOUTS[name].needs}{hint}")
        return LAYOUTS[name]
    for layout in LAYOUTS.values():
        if layout.recognises(path):
            return layout
    needs = "; ".join(f"{layout.name} needs {layout.needs}" for layout in LAYOUTS.values())
    raise DataError(f"{path} has none of the layouts that are read: {needs}")


def rendered_split(seed: int, count: int, *, name: str) -> PedestrianSplit:
    """`count` rendered pedestrians of one seed, drawn when read."""
    from snnpar.datasets.rendered import render_pedestrian, sample_labels

    return PedestrianSplit(
        name=name,
        schema=load_schema("pa100k"),
        files=tuple(f"rendered-{seed}-{i}" for i in range(count)),
        labels=np.stack([sample_labels(seed, i) for i in range(count)]),
        read=lambda index: render_pedestrian(seed, index).image,
    )


def _rendered(config: TrainConfig, split: str) -> PedestrianSplit:
    if split == "train":
        return rendered_split(config.data.rendered_seed, config.data.rendered_count, name="rendered train")
    return rendered_split(HELD_OUT_SEEDS[split], HELD_OUT_COUNT, name=f"rendered {split}")


def _real(config: TrainConfig, split: str) -> PedestrianSplit:
    return open_folder(config.data.folder, split, layout=config.data.dataset, fold=config.data.fold)


def _mixed(config: TrainConfig, split: str) -> PedestrianSplit:
    """Trains on both; the real images alone choose the checkpoint."""
    real = open_folder(config.data.folder, split, layout="pa100k")
    return join([real, _rendered(config, split)]) if split == "train" else real


DATASETS: dict[str, Callable[[TrainConfig, str], PedestrianSplit]] = {
    "rendered": _rendered,
    "mixed": _mixed,
    **dict.fromkeys(LAYOUTS, _real),
}


def open_split(config: TrainConfig, split: str) -> PedestrianSplit:
    """The train, val or test split that a run with this config uses."""
    return DATASETS[config.data.dataset](config, split)


def schema_of(config: TrainConfig) -> AttributeSchema:
    """The attributes that a run with this config trains; only data of one's own has to be opened for it."""
    if config.data.dataset in ("pickle", "csv"):
        return open_annotation(config.data.folder, layout=config.data.dataset, fold=config.data.fold).schema
    return load_schema("pa100k" if config.data.dataset in ("rendered", "mixed") else config.data.dataset)


def phrases_for(config: TrainConfig, schema: AttributeSchema) -> Phrases:
    """The phrase vectors a teacher trains with: those in the data's folder, else the bundled ones.

    Raises ConfigError saying how to make them when there are neither.
    """
    place = local_path(config.data.folder) if config.data.folder else ASSETS / "phrases"
    own = (place.parent if place.is_file() else place) / PHRASES
    try:
        return phrases_of(schema, own)
    except SnnparError as error:
        raise ConfigError(str(error)) from error
