"""The bundled sample pedestrians: 24 rendered images and the index that names them.

Run `python -m snnpar.datasets.gallery` to draw them again. Rule: of the first 40,000 pedestrians of the
gallery's seed, only those whom the camera shows sharp, well lit, clean and in natural proportion are
candidates; the next image is always the candidate whose attributes are the least represented so far
(largest sum of 1 / (1 + count)^2, the lower index on a tie). Each attribute occurs at least twice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snnpar import ASSETS
from snnpar.core.commands import Parser
from snnpar.core.errors import SnnparError

from .drawing.attributes import ATTRIBUTES, sample_labels, shown
from .drawing.scene import Scene
from .rendered import render_pedestrian, scene_of

SEED, CANDIDATES, COUNT = 2024, 40_000, 24
SIZE = (384, 192)
SAMPLES = ASSETS / "samples"
_WORDS = {
    "HoldObjectsInFront": "carrying a box",
    "Hat": "hat",
    "Backpack": "backpack",
    "LongCoat": "long coat",
    "boots": "boots",
    "Skirt&Dress": "skirt",
    "LowerStripe": "striped trousers",
    "LowerPattern": "patterned trousers",
    "UpperSplice": "two-colour top",
    "UpperStride": "striped top",
    "UpperPlaid": "plaid top",
    "UpperLogo": "printed top",
    "HandBag": "hand bag",
    "ShoulderBag": "shoulder bag",
    "Glasses": "glasses",
    "Shorts": "shorts",
}


@dataclass(frozen=True)
class Sample:
    """One bundled image: its id, a title in words, the file, and the names of the attributes it shows."""

    name: str
    title: str
    path: Path
    labels: tuple[str, ...]


def samples(folder: Path = SAMPLES) -> tuple[Sample, ...]:
    """The bundled samples in the order of the index. Raises SnnparError if the index cannot be read."""
    index = folder / "index.json"
    try:
        entries = json.loads(index.read_text(encoding="utf-8"))
        return tuple(
            Sample(Path(entry["file"]).stem, entry["title"], folder / entry["file"], tuple(entry["labels"]))
            for entry in entries
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise SnnparError(
            f"{index}: the index of the sample images is missing or damaged; "
            "run python -m snnpar.datasets.gallery to draw them again."
        ) from error


def write_gallery(out: Path = SAMPLES) -> list[Path]:
    """Draw the gallery into `out` (NN.png and index.json) and return the paths of the images."""
    from PIL import Image

    out.mkdir(parents=True, exist_ok=True)
    entries, paths = [], []
    for number, index in enumerate(choose()):
        drawn = render_pedestrian(SEED, index, size=SIZE)
        names = [name for name, label in zip(ATTRIBUTES, drawn.labels, strict=True) if label]
        paths.append(out / f"{number:02d}.png")
        Image.fromarray(drawn.image).save(paths[-1], optimize=True)
        entries.append(
            {
                "file": paths[-1].name,
                "seed": SEED,
                "index": index,
                "title": title(shown(frozenset(names))),
                "labels": names,
            }
        )
    lines = ",\n".join("  " + json.dumps(entry) for entry in entries)
    (out / "index.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    return paths


def choose() -> list[int]:
    """The indices of the gallery's pedestrians, by the rule in the module's docstring."""
    indices = np.array([index for index in range(CANDIDATES) if _clear(scene_of(SEED, index))])
    labels = np.array([sample_labels(SEED, int(index)) for index in indices], dtype=float)
    chosen: list[int] = []
    counts = np.zeros(len(ATTRIBUTES))
    for _ in range(COUNT):
        worth = labels @ (1 / (1 + counts) ** 2)
        worth[chosen] = -1
        best = int(np.argmax(worth))
        chosen.append(best)
        counts += labels[best]
    return [int(indices[position]) for position in chosen]


def title(names: frozenset[str]) -> str:
    """Short words for what is shown: who, the view, and the two most telling things worn or carried."""
    female = "Female" in names
    if "AgeLess18" in names:
        who = "Girl" if female else "Boy"
    else:
        who = ("Elderly " if "AgeOver60" in names else "") + ("woman" if female else "man")
    view = next(view for view in ("Front", "Side", "Back") if view in names)
    garment = "shorts" if "Shorts" in names else "skirt" if "Skirt&Dress" in names else "trousers"
    told = names - {"Shorts", "Skirt&Dress"} if {"LowerStripe", "LowerPattern"} & names else names
    things = [words.replace("trousers", garment) for name, words in _WORDS.items() if name in told]
    return ", ".join([who[0].upper() + who[1:], f"{view.lower()} view", *things[:2]])


def _clear(scene: Scene) -> bool:
    stretched, lit, coarse, blurred, grain = (scene.camera[k] for k in (0, 3, 8, 9, 11))
    return bool(stretched < 0.35 and lit > 0.45 and coarse < 0.5 and 0.35 < blurred < 0.75 and grain < 0.4)


if __name__ == "__main__":
    Parser(prog="python -m snnpar.datasets.gallery", description="Draw the bundled samples again.").parse_args()
    for image in write_gallery():
        print(image)
