"""What a network is asked about a pedestrian: attributes, phrases and groups, always matched by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from snnpar import ASSETS
from snnpar.core.atomic import share
from snnpar.core.errors import SnnparError

LONGEST_NAME = 100
NO_NAME = re.compile(r"[<>\[\]`\x00-\x1f\x7f]")  # pages show names as Markdown, where these make links and images


def check_words(words: tuple[str, ...], what: str) -> None:
    """Raise SnnparError unless all are words that a page can show as they are."""
    for word in words:
        if not isinstance(word, str) or len(word) > LONGEST_NAME or NO_NAME.search(word):
            raise SnnparError(
                f"{what} must be plain words of at most {LONGEST_NAME} letters, without line breaks and "
                f"any of < > [ ] `; got {str(word)[:LONGEST_NAME]!r}."
            )


def _check_names(names: tuple[str, ...], what: str) -> None:
    if not all(isinstance(name, str) and name for name in names):
        raise SnnparError(f"{what} must be non-empty strings, got {list(names)}.")
    check_words(names, what)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SnnparError(f"{what} must be unique, but these repeat: {', '.join(repeated)}.")


@dataclass(frozen=True)
class AttributeGroup:
    """Attributes that are read together, such as the three views.

    In an exclusive group at most one attribute applies. `none` is the word for "none of them applies"
    ("Male" for {Female}); without it exactly one applies, so the likeliest is the answer.
    """

    name: str
    attributes: tuple[str, ...]
    exclusive: bool = False
    none: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "attributes", tuple(self.attributes))
        if not self.attributes:
            raise SnnparError(f"Group {self.name!r} has no attributes.")
        _check_names(self.attributes, f"Attributes of group {self.name!r}")
        check_words((self.name, *(() if self.none is None else (self.none,))), "The words of a group")
        if not self.exclusive and self.none is None:
            raise SnnparError(f"Group {self.name!r} is not exclusive, so it needs `none`, the word for none.")


@dataclass(frozen=True)
class AttributeSchema:
    """The A attributes of a dataset in label order: name, phrase for the text encoder, label for the screen.

    Every attribute is in exactly one group. `shows`: pairs of an attribute and the one that its images show, where the
    annotation exchanged names (PA-100K's UpperPlaid and UpperSplice); phrases and labels describe what is shown.
    Raises SnnparError naming what does not fit.
    """

    name: str
    attributes: tuple[str, ...]
    phrases: tuple[str, ...]
    labels: tuple[str, ...]
    groups: tuple[AttributeGroup, ...]
    shows: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for field in ("attributes", "phrases", "labels", "groups", "shows"):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        if not self.attributes:
            raise SnnparError(f"Schema {self.name!r} has no attributes.")
        check_words((self.name, *self.labels), "The name and the labels of a schema")
        _check_names(self.attributes, f"Attributes of schema {self.name!r}")
        for field in ("phrases", "labels"):
            found = len(getattr(self, field))
            if found != len(self):
                raise SnnparError(f"Schema {self.name!r}: expected {len(self)} {field}, got {found}.")
        names, shown = [name for name, _ in self.shows], [shown for _, shown in self.shows]
        if sorted(set(names)) != sorted(shown) or len(shown) != len(names) or not set(names) <= set(self.attributes):
            raise SnnparError(f"Schema {self.name!r}: shows must exchange attributes of it among each other.")
        self._check_groups()

    def _check_groups(self) -> None:
        _check_names(tuple(group.name for group in self.groups), f"Groups of schema {self.name!r}")
        grouped = tuple(name for group in self.groups for name in group.attributes)
        _check_names(grouped, f"Group members of schema {self.name!r}")
        unknown = [name for name in grouped if name not in self.attributes]
        if unknown:
            raise SnnparError(f"Schema {self.name!r}: groups name unknown attributes: {', '.join(unknown)}.")
        left_out = [name for name in self.attributes if name not in grouped]
        if left_out:
            raise SnnparError(f"Schema {self.name!r}: attributes in no group: {', '.join(left_out)}.")

    def __len__(self) -> int:
        return len(self.attributes)

    def index(self, name: str) -> int:
        """Column of an attribute. Raises SnnparError listing the attributes if there is no such name."""
        if name not in self.attributes:
            options = ", ".join(self.attributes)
            raise SnnparError(f"Schema {self.name!r} has no attribute {name!r}; it has: {options}.")
        return self.attributes.index(name)

    def shown(self, names: Iterable[str]) -> frozenset[str]:
        """The names of what images labelled with these attributes show."""
        shows = dict(self.shows)
        return frozenset(shows.get(name, name) for name in names)

    def to_dict(self) -> dict:
        """Plain lists, strings and booleans, ready for JSON; `from_dict` reads it back."""
        rows, shows = zip(self.attributes, self.labels, self.phrases, strict=True), dict(self.shows)
        return {
            "name": self.name,
            "attributes": [
                {"name": name, "label": label, "phrase": phrase} | ({"shows": shows[name]} if name in shows else {})
                for name, label, phrase in rows
            ],
            "groups": [asdict(group) | {"attributes": list(group.attributes)} for group in self.groups],
        }

    @classmethod
    def from_dict(cls, data: dict) -> AttributeSchema:
        """Inverse of `to_dict`. Raises SnnparError naming the field that is missing or not known."""
        try:
            rows = data["attributes"]
            return cls(
                name=data["name"],
                attributes=tuple(row["name"] for row in rows),
                phrases=tuple(row["phrase"] for row in rows),
                labels=tuple(row["label"] for row in rows),
                groups=tuple(AttributeGroup(**group) for group in data["groups"]),
                shows=tuple((row["name"], row["shows"]) for row in rows if "shows" in row),
            )
        except KeyError as error:
            raise SnnparError(f"The attribute schema lacks the field {error}.") from None
        except TypeError as error:
            raise SnnparError(f"The attribute schema is malformed: {error}.") from None


SCHEMAS: tuple[str, ...] = ("pa100k", "peta", "rapv1")


@cache
def load_schema(name: str) -> AttributeSchema:
    """A bundled schema by name. Raises SnnparError listing the names if there is none such."""
    if name not in SCHEMAS:
        raise SnnparError(f"Unknown schema {name!r}; choose one of: {', '.join(SCHEMAS)}.")
    return AttributeSchema.from_dict(json.loads((ASSETS / "schemas" / f"{name}.json").read_text("utf-8")))


@dataclass(frozen=True, eq=False)
class Phrases:
    """Sentence vectors of attribute phrases: `vectors` (A, text_dim) float32, row i for `names[i]`."""

    names: tuple[str, ...]
    text: tuple[str, ...]
    vectors: np.ndarray
    encoder: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "text", tuple(self.text))
        object.__setattr__(self, "vectors", np.asarray(self.vectors, dtype=np.float32))
        _check_names(self.names, "Phrase names")
        if len(self.text) != len(self.names):
            raise SnnparError(f"Expected {len(self.names)} phrases, one per name, got {len(self.text)}.")
        shape = self.vectors.shape
        if len(shape) != 2 or shape[0] != len(self.names):
            raise SnnparError(f"Expected phrase vectors ({len(self.names)}, text_dim), got {shape}.")
        if not np.isfinite(self.vectors).all():
            raise SnnparError("The phrase vectors contain values that are not finite.")

    def for_schema(self, schema: AttributeSchema) -> np.ndarray:
        """Vectors (A, text_dim) in the order of the schema, paired by name.

        Raises SnnparError listing the attributes without a phrase.
        """
        missing = [name for name in schema.attributes if name not in self.names]
        if missing:
            raise SnnparError(f"No phrase vectors for attributes of {schema.name!r}: {', '.join(missing)}.")
        return self.vectors[[self.names.index(name) for name in schema.attributes]]


def save_phrases(phrases: Phrases, path: Path) -> None:
    """Write a .safetensors file: tensor `vectors`, the strings as JSON in its metadata."""
    from safetensors.numpy import save_file

    strings = {"names": phrases.names, "text": phrases.text, "encoder": phrases.encoder}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"vectors": np.ascontiguousarray(phrases.vectors)}, path, {"phrases": json.dumps(strings)})
    share(path)


def load_phrases(path: Path) -> Phrases:
    """Read what `save_phrases` wrote. Raises SnnparError naming the file if it holds anything else."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            strings = json.loads(file.metadata()["phrases"])
            return Phrases(strings["names"], strings["text"], file.get_tensor("vectors"), strings["encoder"])
    except (OSError, SafetensorError, KeyError, TypeError, SnnparError, ValueError) as error:
        raise SnnparError(f"{path} does not hold phrase vectors: {error}") from error
