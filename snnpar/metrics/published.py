"""The published results of SNN-PAR and of what it compares itself with, to stand beside ours as a landmark.

They come from the full test sets; nobody may read them as results on the images at hand.
"""

from __future__ import annotations

from dataclasses import dataclass

from snnpar.core.errors import SnnparError
from snnpar.metrics.pedestrian import FIVE

CONVENTION = "published"
SOURCE = "arXiv 2410.07857"


@dataclass(frozen=True)
class PublishedSet:
    """A dataset whose test split was published on, by the name of its schema, and how many images that split has."""

    schema: str
    title: str
    n: int


SETS = (
    PublishedSet("pa100k", "PA100K", 10_000),
    PublishedSet("peta", "PETA", 7_600),
    PublishedSet("rapv1", "RAPv1", 8_317),
)


@dataclass(frozen=True)
class PublishedRow:
    """One row of a published table: metrics in percent by the names of FIVE; those not printed there are absent."""

    system: str
    schema: str
    percent: dict[str, float]

    def __post_init__(self) -> None:
        unknown = [name for name in self.percent if name not in FIVE]
        if unknown:
            raise SnnparError(f"no metric {', '.join(unknown)}; there are {', '.join(FIVE)}")
        published_set(self.schema)


def published_set(schema: str) -> PublishedSet:
    """The published test set of a schema. Raises SnnparError listing those there are."""
    for one in SETS:
        if one.schema == schema:
            return one
    raise SnnparError(f"nothing is published for {schema!r}; there are {', '.join(one.schema for one in SETS)}")


def _row(system: str, schema: str, *percent: float) -> PublishedRow:
    return PublishedRow(system, schema, dict(zip(FIVE, percent, strict=True)))


def _distilled(what: str, mean_accuracy: float, f1: float) -> PublishedRow:
    """The table of distillation prints mA and F1 only."""
    return PublishedRow(f"SNN-PAR, distilled: {what}", "pa100k", {"mean_accuracy": mean_accuracy, "f1": f1})


# The comparison tables call their row "SNN-PAR"; its numbers are those of the table of distillation without any.
ROWS = (
    _row("VTB (the teacher)", "pa100k", 83.72, 80.89, 87.88, 89.30, 88.21),
    _row("ViT (a student without spikes)", "pa100k", 80.33, 78.24, 86.48, 87.48, 86.49),
    _row("SNN-PAR, not distilled", "pa100k", 73.86, 71.70, 83.03, 81.30, 81.67),
    _distilled("features", 75.10, 82.34),
    _distilled("logits", 74.27, 82.52),
    _distilled("both", 74.76, 83.16),
    _row("VTB (the teacher)", "peta", 85.31, 79.60, 86.76, 87.17, 86.71),
    _row("SNN-PAR", "peta", 80.58, 73.55, 81.76, 82.79, 81.96),
    _row("VTB (the teacher)", "rapv1", 82.67, 69.44, 78.28, 84.39, 80.84),
    _row("SNN-PAR", "rapv1", 75.43, 63.06, 74.67, 78.28, 75.94),
)


def published_rows(schema: str) -> tuple[PublishedRow, ...]:
    """The rows of a schema's test set. Raises SnnparError listing those there are."""
    return tuple(row for row in ROWS if row.schema == published_set(schema).schema)
