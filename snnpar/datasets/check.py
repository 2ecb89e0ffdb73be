"""What is right and wrong with a dataset before anything is trained on it: counts, images, labels, duplicates."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from tqdm import tqdm

from snnpar.datasets import Annotation, layout_of, local_path
from snnpar.datasets.annotation import SPLITS
from snnpar.datasets.duplicates import DEFINITION, LIMIT, nearest, thumbnail
from snnpar.datasets.split import UNKNOWN
from snnpar.images.pixels import ImageError

SHOWN = 20  # of a list that is a hint; unreadable images are always listed in full


@dataclass(frozen=True, eq=False)
class SplitCounts:
    """n images of a split; how many have each attribute, and for how many it is unknown, (A,) each."""

    name: str
    n: int
    positives: np.ndarray
    unknown: np.ndarray


@dataclass(frozen=True)
class UnreadableImage:
    """An image that is missing or damaged."""

    split: str
    file: str
    reason: str


@dataclass(frozen=True)
class BadLabel:
    """A label that is none of 0, 1 and 2."""

    file: str
    attribute: str
    value: float


@dataclass(frozen=True)
class Duplicate:
    """An image of `split` and the most similar one of an earlier split, of which it is a near duplicate."""

    split: str
    file: str
    other_split: str
    other_file: str
    correlation: float


@dataclass(frozen=True, eq=False)
class DataReport:
    """What check_data found; `is_sound` if nothing is missing, unreadable or mislabelled."""

    title: str
    attributes: tuple[str, ...]
    splits: tuple[SplitCounts, ...]
    in_no_split: int
    unreadable: tuple[UnreadableImage, ...]
    bad_labels: tuple[BadLabel, ...]
    duplicates: tuple[Duplicate, ...]

    @property
    def is_sound(self) -> bool:
        return not self.unreadable and not self.bad_labels

    def duplicates_of(self, split: str, other_split: str) -> tuple[Duplicate, ...]:
        """The images of `split` with a near duplicate in `other_split`."""
        return tuple(pair for pair in self.duplicates if (pair.split, pair.other_split) == (split, other_split))

    def without_positives(self) -> dict[str, tuple[str, ...]]:
        """The attributes that nobody has, by split."""
        return {
            split.name: tuple(np.array(self.attributes, dtype=object)[split.positives == 0]) for split in self.splits
        }


def check_data(data: str | Path, *, layout: str = "", fold: int = 0) -> DataReport:
    """Read every label and every image of a dataset once. Raises DataError when the annotation cannot be read."""
    path = local_path(data)
    found = layout_of(path, layout)
    annotation = found.annotation(path, fold)
    parts = {name: annotation.splits[name] for name in SPLITS if name in annotation.splits}
    used = np.unique(np.concatenate(list(parts.values())))
    annotation.check_there(used, annotation.source)
    thumbnails, reasons = _read(annotation, used)
    bad = [
        BadLabel(annotation.files[i], annotation.schema.attributes[j], annotation.labels[i, j].item())
        for i, j in annotation.bad_labels()
    ]
    title = f"{found.name}, fold {fold}" if found.folds > 1 else found.name
    return DataReport(
        title=f"{annotation.source} ({title}), images in {annotation.images}",
        attributes=annotation.schema.attributes,
        splits=tuple(_count(name, annotation.labels[indices]) for name, indices in parts.items()),
        in_no_split=len(annotation.files) - len(used),
        unreadable=tuple(
            UnreadableImage(name, annotation.files[i], reasons[i])
            for name, indices in parts.items()
            for i in indices
            if i in reasons
        ),
        bad_labels=tuple(bad),
        duplicates=_duplicates(annotation, parts, thumbnails),
    )


def _count(name: str, labels: np.ndarray) -> SplitCounts:
    return SplitCounts(name, len(labels), (labels == 1).sum(0), (labels == UNKNOWN).sum(0))


def _read(annotation: Annotation, indices: np.ndarray) -> tuple[dict[int, np.ndarray], dict[int, str]]:
    """Thumbnails of the images that can be read, and why the others cannot, by index."""
    thumbnails, reasons = {}, {}
    for index in tqdm(indices.tolist(), desc="reading images", disable=None, leave=False):
        try:
            thumbnails[index] = thumbnail(annotation.read(index))
        except ImageError as error:
            reasons[index] = str(error)
    return thumbnails, reasons


def _duplicates(
    annotation: Annotation, parts: dict[str, np.ndarray], thumbnails: dict[int, np.ndarray]
) -> tuple[Duplicate, ...]:
    """For every image and every earlier split its most similar one there, if a near duplicate; most similar first."""
    files, found = annotation.files, []
    readable = {name: [int(i) for i in indices if int(i) in thumbnails] for name, indices in parts.items()}
    stacks = {name: np.stack([thumbnails[i] for i in indices]) for name, indices in readable.items() if indices}
    for earlier, split in combinations(stacks, 2):
        for index, place, correlation in zip(readable[split], *nearest(stacks[split], stacks[earlier]), strict=True):
            if correlation > LIMIT:
                found.append(
                    Duplicate(split, files[index], earlier, files[readable[earlier][place]], float(correlation))
                )
    return tuple(sorted(found, key=lambda pair: (-pair.correlation, pair.split, pair.file)))


def describe(report: DataReport) -> str:
    """The report as text for a terminal."""
    lines = [report.title, "", *_table(report), ""]
    if report.in_no_split:
        lines.append(f"images in no split: {report.in_no_split}")
    for split, names in report.without_positives().items():
        lines.append(f"attributes that nobody in {split} has: {', '.join(names) or 'none'}")
    lines.append(f"missing or unreadable images: {len(report.unreadable) or 'none'}")
    lines += [f"  {image.split}  {image.file}: {image.reason}" for image in report.unreadable]
    lines.append(f"labels other than 0, 1 and 2: {len(report.bad_labels) or 'none'}")
    lines += _shortened([f"  {bad.file}  {bad.attribute} = {bad.value}" for bad in report.bad_labels])
    return "\n".join([*lines, *_overlaps(report)])


def _overlaps(report: DataReport) -> list[str]:
    """How many images of each split have a near duplicate in each earlier one, and which."""
    lines = []
    for earlier, split in combinations(report.splits, 2):
        pairs = report.duplicates_of(split.name, earlier.name)
        lines.append(
            f"images of {split.name} with a near duplicate in {earlier.name}: "
            f"{f'{len(pairs):,} of {split.n:,}' if pairs else 'none'}"
        )
        lines += _shortened([f"  {pair.file} ~ {pair.other_file} ({pair.correlation:.3f})" for pair in pairs])
    if lines:
        lines.append(f"near duplicates: {DEFINITION}; evaluate --leave-out-near-duplicates does without those of train")
    return lines


def _table(report: DataReport) -> list[str]:
    """One line per attribute: how many have it in each split, their share of the known, how many are unknown."""
    width = max(map(len, (*report.attributes, "attribute")))
    lines = ["attribute".ljust(width) + "".join(f"{f'{split.name} {split.n:,}':>20}" for split in report.splits)]
    for i, name in enumerate(report.attributes):
        cells = []
        for split in report.splits:
            known = split.n - split.unknown[i]
            share = f"{100 * split.positives[i] / known:5.1f}%" if known else "    -"
            unknown = f" ?{split.unknown[i]}" if split.unknown[i] else ""
            cells.append(f"{f'{split.positives[i]:,} {share}{unknown}':>20}")
        lines.append(name.ljust(width) + "".join(cells))
    if any(split.unknown.any() for split in report.splits):
        lines.append("(?n: unknown for n images, which the share leaves out)")
    return lines


def _shortened(lines: list[str]) -> list[str]:
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"  and {len(lines) - SHOWN} more"]
