"""Models, checkpoints and data small enough for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from snnpar import ASSETS
from snnpar.checkpoint import Checkpoint, read_checkpoint, save_weights, write_config, write_phrases
from snnpar.config import ModelConfig
from snnpar.datasets.gallery import SAMPLES
from snnpar.explain import METHODS, Method
from snnpar.images.pixels import open_rgb
from snnpar.metrics.defaults import SAMPLE
from snnpar.models import build_model, takes_text
from snnpar.schema.attributes import AttributeSchema, load_phrases, load_schema

STUDENT = ModelConfig("spikingformer", image_size=(64, 32), dim=32, depth=2, heads=2, timesteps=3)
CML = replace(STUDENT, pool_first=True)
TEACHER = ModelConfig("vtb", image_size=(64, 32), dim=32, depth=2, heads=2, stem="conv", mlp_ratio=2)
PA100K = load_schema("pa100k")
PHRASES = ASSETS / "phrases" / "pa100k.safetensors"


def methods(config: ModelConfig) -> dict[str, Method]:
    """The heatmaps that a model of this config offers."""
    offered = build_model(config, len(PA100K)).capabilities()
    return {name: method for name, method in METHODS.items() if method.applies(offered)}


BY_ROLE = {"teacher": methods(TEACHER), "student": methods(STUDENT)}
FIRST = {role: next(iter(known)) for role, known in BY_ROLE.items()}  # what a page begins with


def random_images(count: int, config: ModelConfig, seed: int = 0) -> torch.Tensor:
    """(count, 3, H, W) float32 about as wide as normalised images."""
    return torch.randn(count, 3, *config.image_size, generator=torch.Generator().manual_seed(seed))


def random_image(seed: int = 0, size: tuple[int, int] = (40, 24)) -> np.ndarray:
    """uint8 (H, W, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def first_image() -> np.ndarray:
    """The sample that the app begins with."""
    return open_rgb(SAMPLES / f"{SAMPLE}.png")


def lively(config: ModelConfig, num_attributes: int = len(PA100K), seed: int = 0) -> nn.Module:
    """A model in eval mode whose neurons fire: its batch norms know the statistics of random images."""
    torch.manual_seed(seed)
    model = build_model(config, num_attributes)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = None  # average instead of a running mean
            nn.init.constant_(module.weight, 3.0)
    extra = (torch.randn(num_attributes, config.text_dim),) if takes_text(config) else ()
    with torch.no_grad():
        for round_ in range(2):
            model.train()(random_images(8, config, seed=round_), *extra)
    return model.eval().requires_grad_(False)


def hooks(model: nn.Module) -> int:
    """How many hooks hang on a model and its parts."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(module, kind)) for module in model.modules() for kind in kinds)


def write_checkpoint(
    folder: Path, config: ModelConfig = STUDENT, schema: AttributeSchema = PA100K, seed: int = 0
) -> Checkpoint:
    """A whole checkpoint folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_config(folder, config, schema, {"seed": seed}, {"commit": "test"})
    save_weights(lively(config, len(schema), seed), folder / "model.safetensors")
    if takes_text(config):
        write_phrases(folder, load_phrases(PHRASES))
    return read_checkpoint(folder)


def write_pa100k(
    folder: Path, counts: dict[str, int], attributes: tuple[str, ...] = PA100K.attributes, seed: int = 0
) -> dict[str, np.ndarray]:
    """A PA100K folder in the official cell layout, with noise for images; the labels by split."""
    from scipy.io import savemat

    rng = np.random.default_rng(seed)
    (folder / "data").mkdir(parents=True)
    content, labels, number = {"attributes": _cells(attributes)}, {}, 0
    for split, count in counts.items():
        names = [f"{number + i:06d}.png" for i in range(count)]
        number += count
        for name in names:
            image = rng.integers(0, 256, (48, 24, 3), dtype=np.uint8)
            Image.fromarray(image).save(folder / "data" / name)
        labels[split] = rng.integers(0, 2, (count, len(attributes)), dtype=np.uint8)
        content[f"{split}_images_name"] = _cells(names)
        content[f"{split}_label"] = labels[split]
    savemat(folder / "annotation.mat", content)
    return labels


def _cells(words: tuple[str, ...] | list[str]) -> np.ndarray:
    cells = np.empty((len(words), 1), dtype=object)
    cells[:, 0] = words
    return cells


def write_csv(folder: Path, rows: list[tuple[str, ...]], header: str = "file,split,Hat,Red coat") -> None:
    """A folder with labels.csv and an image of noise for each of its files."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [header, *(",".join(row) for row in rows)]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", "utf-8")
    for number, row in enumerate(rows):
        (folder / row[0]).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random_image(number, (48, 24))).save(folder / row[0])
