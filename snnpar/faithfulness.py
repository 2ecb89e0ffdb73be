"""Which heatmaps to believe: the faithfulness of every method over many images, against maps of chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from snnpar.datasets import PedestrianSplit
from snnpar.explain import METHODS, Heatmap, heatmap
from snnpar.inference import LoadedModel, analyze
from snnpar.probing import faithfulness

CHANCE = "chance"
RESAMPLES = 1000


@dataclass(frozen=True)
class MethodScore:
    """Mean faithfulness score of a method over `n` images, with its bootstrap 95% interval over images."""

    method: str
    label: str
    mean: float
    low: float
    high: float
    n: int


def score_methods(model: LoadedModel, split: PedestrianSplit, *, teacher: LoadedModel | None = None, count: int = 50,
                  seed: int = 0) -> list[MethodScore]:
    """Score each heatmap of the model's role on `count` images drawn from the split, the most faithful first.

    Each image is asked about the attribute it is labelled with that the model is surest of. Methods that do not apply
    to the model are left out; the row `chance` is a random map per image, which any useful method must beat.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(len(split))[:count]
    scores: dict[str, list[float]] = {}
    for index in tqdm(drawn, desc=split.name, unit="image", disable=None):
        image = split.read(int(index))
        attribute = _surest(model, split, int(index), image)
        if attribute is None:
            continue
        for method, heat in _maps(model, image, attribute, teacher, rng).items():
            scores.setdefault(method, []).append(faithfulness(model, image, heat, attribute).score)
    if not scores:
        raise ValueError(f"none of the {len(drawn)} images drawn from {split.name} is labelled with an attribute that "
                         f"{model.checkpoint.name} knows; draw more, or take other data")
    labels = {name: method.label for name, method in METHODS[model.role].items()} | {CHANCE: "A random map"}
    found = [_summary(name, labels[name], np.array(values), seed) for name, values in scores.items()]
    return sorted(found, key=lambda one: -one.mean)


def _surest(model: LoadedModel, split: PedestrianSplit, index: int, image: np.ndarray) -> str | None:
    probs = dict(zip(model.schema.attributes, analyze(model, image).prediction.probs, strict=True))
    present = [name for name, label in zip(split.schema.attributes, split.labels[index], strict=True)
               if label == 1 and name in probs]
    return max(present, key=probs.get) if present else None


def _maps(model: LoadedModel, image: np.ndarray, attribute: str, teacher: LoadedModel | None,
          rng: np.random.Generator) -> dict[str, Heatmap]:
    """Every map that the model can make, and one of chance."""
    grid = model.checkpoint.model.token_grid
    maps = {CHANCE: Heatmap(rng.random(grid, dtype=np.float32), "Chance", "none", "nothing")}
    for method in METHODS[model.role]:
        try:
            maps[method] = heatmap(method, model, image, attribute, teacher=teacher)
        except ValueError:
            continue  # it says why where a person asks for it
    return maps


def _summary(method: str, label: str, scores: np.ndarray, seed: int) -> MethodScore:
    draws = np.random.default_rng(seed).choice(scores, (RESAMPLES, len(scores))).mean(1)
    low, high = np.percentile(draws, (2.5, 97.5))
    return MethodScore(method, label, float(scores.mean()), float(low), float(high), len(scores))


def score_table(scores: list[MethodScore]) -> str:
    """Text for a terminal, one line per method."""
    width = max(len(score.label) for score in scores)
    lines = [f"{score.label.ljust(width)}  {score.mean:+.3f} [{score.low:+.3f}, {score.high:+.3f}]" for score in scores]
    return "\n".join(["insertion minus deletion area, -1 to 1; mean and 95% interval over images", *lines])
