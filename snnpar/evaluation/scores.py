"""How good a checkpoint is, as far as this machine knows: its run's best epoch, a copy's config, and evaluations.

Scores are compared only on one set of images, see `ImageSet`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from snnpar.checkpoint import read_checkpoint
from snnpar.config import without_folders
from snnpar.core.errors import SnnparError
from snnpar.evaluation.evaluations import data_hash, list_evaluations, revision
from snnpar.evaluation.predictions import EvaluationError
from snnpar.evaluation.slices import DataChoice
from snnpar.metrics.pedestrian import FIVE, SUPPORTED, THRESHOLDS
from snnpar.metrics.report import supported_attributes, supported_mean
from snnpar.runs import history
from snnpar.runs.run import Run
from snnpar.schema.attributes import check_words

TOLD = "scores"  # in the provenance of a copy
WITH_UNKNOWN = ("rapv1", "pickle", "csv")  # datasets whose labels can be unknown
_DIGEST = re.compile("[0-9a-f]{64}|")
SHORT = 7  # digits of a hash, for people
MOST_RENDERED = 10_000  # whose labels are drawn to see whether a set is theirs: a second


@dataclass(frozen=True)
class ImageSet:
    """What scores must share to be compared: what the images are called, their split, how many, and their hash.

    A hash (of names, attributes and labels) decides alone. Without one, as of a run's own validation or a copy made
    elsewhere, all else must be equal, and no such set is one with a hash.
    """

    images: str
    split: str
    n: int | None
    digest: str = ""

    @property
    def key(self) -> str:
        """The same for scores that may be compared."""
        return self.digest or json.dumps([self.images, self.split, self.n])

    @property
    def title(self) -> str:
        """pa100k-mini, test, n = 200, hash 1b9c3ad"""
        count = f", n = {self.n:,}" if self.n is not None else ""
        return f"{self.images}{count}, {f'hash {self.digest[:SHORT]}' if self.digest else 'no hash'}"


@dataclass(frozen=True)
class Score:
    """The five metrics, fractions by the names of FIVE, on n images (None: not recorded) under one convention.

    `digest`: hash of the images, "" where none was recorded; `note`: what else there is to say, such as the epoch.
    """

    images: str
    split: str
    n: int | None
    convention: str
    values: dict[str, float]
    supported: float | None = None  # mA over the attributes with enough positives, `supported_attributes` of them
    supported_attributes: int | None = None  # None: not recorded
    without_positives: tuple[str, ...] = ()
    digest: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.convention not in THRESHOLDS:
            raise ValueError(f"no convention is called {self.convention!r}; there are {', '.join(THRESHOLDS)}")
        if self.n is not None and (not isinstance(self.n, int) or self.n < 1):
            raise ValueError(f"n must be a number of images; got {self.n!r}")
        told, over = self.supported, self.supported_attributes
        if told is not None and not (isinstance(told, float) and 0 <= told <= 1 and isinstance(over, int)):
            raise ValueError(f"supported must be a share from 0 to 1 over some attributes; got {told!r} over {over!r}")
        if not isinstance(self.digest, str) or not _DIGEST.fullmatch(self.digest):
            raise ValueError(f"digest must be a sha256 in hexadecimals, or empty; got {str(self.digest)[:80]!r}")
        if set(self.values) != set(FIVE) or not all(isinstance(v, float) and 0 <= v <= 1 for v in self.values.values()):
            raise ValueError(f"values must be shares from 0 to 1 by {', '.join(FIVE)}; got {self.values}")

    @property
    def threshold(self) -> float:
        return THRESHOLDS[self.convention]

    @property
    def set(self) -> ImageSet:
        return ImageSet(self.images, self.split, self.n, self.digest)

    @property
    def words(self) -> str:
        """The images, with the note."""
        return self.images + (f" ({self.note})" if self.note else "")

    def to_dict(self) -> dict:
        """For JSON, without what is empty."""
        return {name: value for name, value in asdict(self).items() if value not in ("", None, ())}


def image_sets(known: Iterable[list[Score]]) -> list[tuple[ImageSet, int]]:
    """The sets that checkpoints have scores on, and how many have: the most common first, then those with a hash,
    then test before val."""
    sets: dict[str, ImageSet] = {}
    counts: Counter[str] = Counter()
    for scores in known:
        found = {score.set.key: score.set for score in scores}
        sets = found | sets
        counts.update(found.keys())
    ordered = sorted(sets.values(), key=lambda one: (-counts[one.key], not one.digest, one.split != "test", one.title))
    return [(one, counts[one.key]) for one in ordered]


def choice_for(images: ImageSet) -> DataChoice | None:
    """How to open a set here: as an evaluation of it did, or as rendered pedestrians. None where neither is known."""
    for evaluation in list_evaluations():
        if images.digest and evaluation.is_complete:
            with suppress(EvaluationError, KeyError, TypeError):
                if evaluation.info()["provenance"]["data"]["hash"] == images.digest:
                    return evaluation.choice
    return _rendered(images)


def _rendered(images: ImageSet) -> DataChoice | None:
    """Held-out rendered pedestrians can be drawn anywhere; their hash says whether they are these."""
    if not images.digest or images.n is None or images.n > MOST_RENDERED:
        return None
    choice = DataChoice(rendered=images.n)
    return choice if choice.title == images.images and _rendered_hash(images.n) == images.digest else None


@cache
def _rendered_hash(count: int) -> str:
    return data_hash(DataChoice(rendered=count).open())


def known_scores(folder: Path) -> list[Score]:
    """Of a checkpoint's folder: the validation of its best epoch if it is a run's, else what was known where it was
    copied from; then its complete evaluations here."""
    best = best_epoch(folder)
    if not best or not best.keys() >= set(FIVE):  # another task measures something else
        return _told(read_checkpoint(folder).provenance.get(TOLD)) + _evaluated(folder)
    support = (best.get(SUPPORTED), best.get("supported_attributes"), tuple(best.get("without_positives", ())))
    values, note = {name: best[name] for name in FIVE}, f"epoch {best['epoch']}, the best"
    images = f"validation of training on {_trained_on(folder)}"
    return [Score(images, "val", best.get("val_images"), "published", values, *support, note=note), *_evaluated(folder)]


def _trained_on(folder: Path) -> str:
    """mixed (pa100k-mini)"""
    train = read_checkpoint(folder).train
    place = f" ({without_folders(train['data'])})" if train.get("data") else ""
    masked = train.get("mask_unknown") and train.get("dataset") in WITH_UNKNOWN  # if not, they count: another measure
    return f"{train.get('dataset') or 'unknown data'}{place}{', unknown labels left out' if masked else ''}"


def _told(rows: object) -> list[Score]:
    """The scores that came with a copy; what is not one is left out, as anybody may have written it."""
    found = []
    for row in rows if isinstance(rows, list) else []:
        try:
            score = Score(**{**row, "without_positives": tuple(row.get("without_positives", ()))})
            check_words((score.images, score.split, score.note, *score.without_positives), "What is said of a score")
            found.append(score)
        except (AttributeError, TypeError, SnnparError, ValueError):
            continue
    return found


def best_epoch(folder: Path) -> Mapping | None:
    """The validation of the weights that a run keeps; None without one."""
    rows = history.read_metrics(Run(folder))
    return history.best_epoch([row for row in rows if "best" in row])


def _evaluated(folder: Path) -> list[Score]:
    """Both conventions of each evaluation of these very weights."""
    weights, found = None, []
    for evaluation in list_evaluations():
        if not evaluation.is_complete:
            continue
        try:
            info = evaluation.info()
            source, data = info["provenance"]["checkpoint"], info["provenance"]["data"]
            weights = weights or revision(folder)
            if source["sha256"] == weights:
                images, digest = _counted(info)
                found += [
                    Score(
                        images,
                        data["split"] if data["data"] else "test",
                        info["n"],
                        name,
                        {one: info["metrics"][name][one]["value"] for one in FIVE},
                        *_support(info, name),
                        digest=digest,
                    )
                    for name in THRESHOLDS
                ]
        except (EvaluationError, KeyError, TypeError):
            continue  # the Evaluate page tells about it
    return found


def _support(info: dict, convention: str) -> tuple[float | None, int, tuple[str, ...]]:
    """mA over the attributes with enough positives, how many these are, and the names of those without any."""
    several = supported_mean(info, convention)
    return (
        several["value"] if several else None,
        len(supported_attributes(info)),
        tuple(info["attributes_without_positives"]),
    )


def _counted(info: dict) -> tuple[str, str]:
    """The images of an evaluation and their hash. A mean over some of the attributes is like none over all of them:
    what the checkpoint does not know makes another set."""
    provenance, attributes = info["provenance"], info["attributes"]
    data, left_out = provenance["data"], provenance.get("attributes_left_out", {}).get("data", [])
    if not left_out:
        return data["title"], data["hash"]
    words = json.dumps([data["hash"], *attributes])
    return (
        f"{data['title']}, {len(attributes)} of {len(attributes) + len(left_out)} attributes",
        hashlib.sha256(words.encode()).hexdigest(),
    )
