"""Which heatmaps to believe: the faithfulness of every method over many images, against maps of chance.

Methods are compared image by image, with intervals: differences of few images do not make a ranking.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from snnpar.core.errors import SnnparError
from snnpar.datasets import PedestrianSplit
from snnpar.explain import Heatmap, heatmap, methods_of
from snnpar.explain.probing import faithfulness
from snnpar.inference import LoadedModel, analyze

CHANCE = "chance"
RESAMPLES = 1000
NOTES = {  # by method, what its score cannot say
    "ledger": "The spike ledger summed over t is Grad-CAM before its negative values are cut off, plus a constant: the "
    "two rank places alike, and differ where Grad-CAM is cut off at 0.",
}


@dataclass(frozen=True)
class MeanOverImages:
    """A mean over images with its bootstrap 95% interval over images."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


@dataclass(frozen=True)
class MethodScore:
    """Faithfulness score of a method over `n` images, and what it is more, image by image, than that of others.

    `over_chance`: than a random map's; `over_first`: than the role's first method's.
    """

    method: str
    label: str
    score: MeanOverImages
    over_chance: MeanOverImages
    over_first: MeanOverImages
    n: int


def score_methods(
    model: LoadedModel, split: PedestrianSplit, *, teacher: LoadedModel | None = None, count: int = 50, seed: int = 0
) -> list[MethodScore]:
    """Score each heatmap that the model offers on `count` images drawn from the split, in the order of METHODS.

    Each image is asked about the attribute it is labelled with that the model is surest of. Methods that do not apply
    to the model are left out; the last row, `chance`, is a random map per image, which any useful method must beat.
    """
    if not methods_of(model):
        raise SnnparError(f"{model.checkpoint.name} offers no heatmap to test: see “A model” in the README")
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
        raise SnnparError(
            f"none of the {len(drawn)} images drawn from {split.name} is labelled with an attribute that "
            f"{model.checkpoint.name} knows; draw more, or take other data"
        )
    if set(scores) == {CHANCE}:
        needs = "with a teacher of its width" if teacher is None else "of another teacher"
        raise SnnparError(f"no heatmap of {model.checkpoint.name} can be made here; its maps may be made {needs}")
    labels = {name: method.label for name, method in methods_of(model).items()} | {CHANCE: "A random map"}
    values = {name: np.array(scores[name]) for name in labels if name in scores}
    first, chance = next(iter(values.values())), values[CHANCE]
    return [
        MethodScore(
            name,
            labels[name],
            _estimate(own, seed),
            _estimate(own - chance, seed),
            _estimate(own - first, seed),
            len(own),
        )
        for name, own in values.items()
    ]


def _surest(model: LoadedModel, split: PedestrianSplit, index: int, image: np.ndarray) -> str | None:
    probs = dict(zip(model.schema.attributes, analyze(model, image).prediction.probs, strict=True))
    present = [
        name
        for name, label in zip(split.schema.attributes, split.labels[index], strict=True)
        if label == 1 and name in probs
    ]
    return max(present, key=lambda name: probs[name]) if present else None


def _maps(
    model: LoadedModel, image: np.ndarray, attribute: str, teacher: LoadedModel | None, rng: np.random.Generator
) -> dict[str, Heatmap]:
    """Every map that the model can make, and one of chance."""
    maps = {CHANCE: Heatmap(rng.random(model.geometry.shape, dtype=np.float32), "Chance", "none", "nothing")}
    for method in methods_of(model):
        try:
            maps[method] = heatmap(method, model, image, attribute, teacher=teacher)
        except SnnparError:
            continue  # it says why where a person asks for it
    return maps


def _estimate(values: np.ndarray, seed: int) -> MeanOverImages:
    """The same seed draws the same images for every method."""
    draws = np.random.default_rng(seed).choice(values, (RESAMPLES, len(values))).mean(1)
    low, high = np.percentile(draws, (2.5, 97.5))
    return MeanOverImages(float(values.mean()), float(low), float(high))


def score_table(scores: list[MethodScore]) -> str:
    """Text for a terminal: one line per method with its score and its paired differences, and what to know of them."""
    first, *_, chance = scores
    rows = [("", "score", "minus a random map", f"minus {first.label}")]
    rows += [
        (
            one.label,
            str(one.score),
            "" if one is chance else str(one.over_chance),
            "" if one is first else str(one.over_first),
        )
        for one in scores
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [NOTES[one.method] for one in scores if one.method in NOTES]
    head = f"insertion minus deletion area, -1 to 1: means of {first.n} images, differences by image, 95% intervals"
    return "\n".join([head, *lines, *notes])
