"""What the labels of a dataset show: one page of small images with and without each attribute, in one file.

The page needs nothing but itself: images are inside it as JPEG, it runs no script and asks no server. The same data
and seed give the same bytes.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from snnpar.config import without_folders
from snnpar.core.atomic import write_text
from snnpar.datasets import DataError, PedestrianSplit, join, layout_of, local_path, rendered_split
from snnpar.datasets.annotation import SPLITS
from snnpar.datasets.split import UNKNOWN
from snnpar.images.pixels import ImageError
from snnpar.schema.attributes import AttributeSchema

SHOWN = 30  # images with an attribute, and as many without it
BOX, QUALITY = (96, 128), 75  # width and height that a small image fits into; of its JPEG
RENDERED = "rendered"  # in place of a folder: the generator
RENDERED_COUNT = 4000  # pedestrians to draw from, as many as a training run has by default
STYLE = Path(__file__).with_suffix(".css")


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Labelled images to draw from: a title, and splits of one schema by name."""

    title: str
    splits: dict[str, PedestrianSplit]

    @property
    def schema(self) -> AttributeSchema:
        return self.whole.schema

    @cached_property
    def whole(self) -> PedestrianSplit:
        """All splits, one after the other."""
        return join(list(self.splits.values()))

    @cached_property
    def captions(self) -> list[str]:
        """Split and file of each image of `whole`."""
        return [f"{name} {file}" for name, split in self.splits.items() for file in split.files]


def side_of(data: str, *, layout: str = "", fold: int = 0) -> LabelledImages:
    """The splits of the dataset at `data`, with the labels as its file has them. Raises DataError or HubError."""
    path = local_path(data)
    found = layout_of(path, layout)
    annotation = found.annotation(path, fold)
    splits = {}
    for name in SPLITS:
        if len(indices := annotation.splits.get(name, ())):
            splits[name] = PedestrianSplit(
                name=name,
                schema=annotation.schema,
                files=tuple(annotation.files[i] for i in indices),
                labels=annotation.labels[indices],
                read=lambda i, indices=indices: annotation.read(int(indices[i])),
            )
    if not splits:
        raise DataError(f"{path} holds no images in any of {', '.join(SPLITS)}")
    return LabelledImages(
        f"{without_folders(str(data))} ({found.name}{f', fold {fold}' if found.folds > 1 else ''})", splits
    )


def rendered_side(count: int = RENDERED_COUNT, *, seed: int = 0) -> LabelledImages:
    """Pedestrians 0 to count - 1 of the generator's series `seed`. Raises DataError."""
    if count < 1:
        raise DataError(f"the number of rendered pedestrians to draw from must be at least 1; got {count}")
    return LabelledImages(f"rendered pedestrians (seed {seed})", {RENDERED: rendered_split(seed, count, name=RENDERED)})


def check_place(path: Path) -> None:
    """Raise DataError unless a page can be written there; it replaces an earlier page and nothing else."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise DataError(f"{path}: give the gallery a file name that ends in .html")
    if path.is_dir() or not path.parent.is_dir():
        raise DataError(f"{path}: " + ("this is a folder; name a file" if path.is_dir() else "its folder is missing"))


def write_contact_sheet(path: Path, sides: Sequence[LabelledImages], *, seed: int = 0) -> None:
    """Write the page: per attribute of the first side SHOWN random images with and without it, from each side.

    Raises DataError where nothing can be written or the sides have no attribute in common.
    """
    check_place(path)
    schema = sides[0].schema
    for other in sides[1:]:
        if not set(other.schema.attributes) & set(schema.attributes):
            raise DataError(
                f"{sides[0].title} and {other.title} have no attribute in common, so that there is nothing "
                "to show side by side"
            )
    images = [_Thumbnails(side) for side in sides]
    bar = tqdm(schema.attributes, desc="drawing the gallery", unit="attribute", disable=None, leave=False)
    sections = [_section(number, name, images, seed) for number, name in enumerate(bar)]
    title = _text("What the labels of " + " and ".join(side.title for side in sides) + " show")
    jumps = "".join(f'<li><a href="#a{number}">{_text(name)}</a></li>' for number, name in enumerate(schema.attributes))
    write_text(
        path,
        f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{STYLE.read_text("utf-8")}</style>
</head>
<body>
<header id="top"><h1>{title}</h1>
<p>{_text(_about(seed))}</p></header>
<nav aria-label="Attributes"><ul>{jumps}</ul></nav>
<main>
{"".join(sections)}</main>
</body>
</html>
""",
    )


def _about(seed: int) -> str:
    """How the images were chosen, and what to mind."""
    return (
        f"For every attribute up to {SHOWN} images whose label says yes and {SHOWN} whose label says no, drawn at "
        f"random from all splits with seed {seed}; the same seed draws the same images. An image's title names its "
        "split and file. The images are inside this file, so that the terms of their dataset apply to it."
    )


def _section(number: int, name: str, sources: list[_Thumbnails], seed: int) -> str:
    """One attribute, each side with its counts and images."""
    schema = sources[0].side.schema
    words = schema.labels[schema.index(name)]
    told = f" <small>{_text(words)}</small>" if words.casefold() != name.casefold() else ""
    parts = []
    for one in sources:
        heading, level = (f"<h3>{_text(one.side.title)}</h3>", "h4") if len(sources) > 1 else ("", "h3")
        content = "<p>No label says whether this applies.</p>"
        if name in one.side.schema.attributes:
            column = one.side.schema.index(name)
            content = _counts(one.side, column)
            for value, word in ((1, "Yes"), (0, "No")):
                shown, images = one.drawn(column, value, np.random.default_rng((seed, number, value)))
                content += f'<{level} class="which">{word}: {shown}</{level}><div class="images">{images}</div>'
        parts.append(f"<div>{heading}{content}</div>")
    return (
        f'<section id="a{number}"><h2>{_text(name)}{told} <a href="#top" aria-label="Back to the top">↑</a></h2>'
        f'<div class="sides">{"".join(parts)}</div></section>\n'
    )


def _counts(side: LabelledImages, column: int) -> str:
    """A table: per split how many images have the attribute, have it not, and for how many it is unknown."""
    unsure = (side.whole.labels[:, column] == UNKNOWN).any()
    rows = []
    for name, split in side.splits.items():
        yes, no, unknown = (int((split.labels[:, column] == value).sum()) for value in (1, 0, UNKNOWN))
        share = f"{100 * yes / (yes + no):.1f}%" if yes + no else "–"
        cells = (f"{len(split):,}", f"{yes:,}", f"{no:,}", *((f"{unknown:,}",) if unsure else ()), share)
        rows.append(f'<tr><th scope="row">{_text(name)}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    heads = ("Split", "Images", "Yes", "No", *(("Unknown", "Yes of known") if unsure else ("Share of yes",)))
    head = "".join(f'<th scope="col">{word}</th>' for word in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


class _Thumbnails:
    """Small images of a side as HTML, each read once."""

    def __init__(self, side: LabelledImages) -> None:
        self.side = side
        self._ready: dict[int, str] = {}

    def drawn(self, column: int, value: int, rng: np.random.Generator) -> tuple[str, str]:
        """How many of how many images with this label are shown, in words, and those images in random order."""
        found = rng.permutation(np.flatnonzero(self.side.whole.labels[:, column] == value))
        shown, files, unreadable = [], set(), 0
        for index in found.tolist():
            if len(shown) == SHOWN:
                break
            file = self.side.whole.files[index]
            if file in files:  # an image of two splits
                continue
            files.add(file)
            image = self._image(index)
            unreadable += not image
            shown += [image] if image else []
        told = "none" if not len(found) else f"{len(shown)} of {len(found):,}"
        told = f"all {len(found)}" if 0 < len(shown) == len(found) else told
        return told + (f"; {unreadable} cannot be read" if unreadable else ""), "".join(shown)

    def _image(self, index: int) -> str:
        """An <img>, or nothing for an image that cannot be read."""
        if index not in self._ready:
            try:
                small = Image.fromarray(self.side.whole.read(index))
            except ImageError:
                self._ready[index] = ""
                return ""
            small.thumbnail(BOX)
            data = BytesIO()
            small.save(data, "JPEG", quality=QUALITY, optimize=True)
            words = _text(self.side.captions[index])
            self._ready[index] = (
                f'<img src="data:image/jpeg;base64,{b64encode(data.getvalue()).decode()}" '
                f'width="{small.width}" height="{small.height}" alt="{words}" title="{words}">'
            )
        return self._ready[index]


def _text(words: str) -> str:
    """Words as HTML, inside quotes too; what is no Unicode becomes question marks."""
    return escape(words.encode("utf-8", "replace").decode())
