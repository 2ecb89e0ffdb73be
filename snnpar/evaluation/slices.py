"""Which images to evaluate on: a split of some data, rendered pedestrians, or a named slice of either.

A slice is a list of file names with the choice of data that they belong to, kept as SLICES/NAME.json.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import snnpar
from snnpar.core.atomic import write_text
from snnpar.core.errors import SnnparError
from snnpar.core.formats import SLICE, FormatError, stamped, upgraded
from snnpar.core.places import place as path_of
from snnpar.datasets import HELD_OUT_SEEDS, PedestrianSplit, join, open_folder, rendered_split, subset

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")


class SliceError(SnnparError):
    """A slice or a choice of images that cannot be used; the message says why."""


@dataclass(frozen=True)
class DataChoice:
    """A split of `data` (a folder, a pickle, hf:owner/name, or "") and `rendered` held-out rendered pedestrians.

    `split` may join several: val+test.
    `layout` "" is found out from the content. `slice` "" is all of these images, else the name of a slice of them.
    """

    data: str = ""
    layout: str = ""
    split: str = "val"
    fold: int = 0
    rendered: int = 0
    slice: str = ""

    def __post_init__(self) -> None:
        if self.data and not self.data.startswith("hf:"):  # the same images from wherever a command is given
            object.__setattr__(self, "data", os.path.abspath(path_of(self.data)))
        if not self.data:  # rendered images have none of these, and one choice has one name
            for name, value in (("layout", ""), ("split", ""), ("fold", 0)):
                object.__setattr__(self, name, value)
        if not self.data and not self.rendered:
            raise SliceError("nothing to evaluate on: give --data, a folder of labelled images, or --rendered N")
        if self.rendered < 0:
            raise SliceError(f"the number of rendered images must be 0 or more; got {self.rendered}")

    @property
    def title(self) -> str:
        """The choice in one line, without the place of the data on this machine."""
        parts = [self._named(self.split)] if self.data else []
        parts += [f"{self.rendered} rendered"] if self.rendered else []
        return (f"slice {self.slice} of " if self.slice else "") + " and ".join(parts)

    @property
    def train_title(self) -> str:
        """The training images of the same data, likewise."""
        return self._named("train")

    def _named(self, split: str) -> str:
        source = self.data.removeprefix("hf:") if self.data.startswith("hf:") else Path(self.data).name
        return f"{source}, {split}" + (f", fold {self.fold}" if self.fold else "")

    def open_train(self) -> PedestrianSplit:
        """The training images of the same data. Raises SliceError where there can be none, else as `open` does."""
        if not self.data:
            raise SliceError(
                "rendered pedestrians are drawn from a seed that no training uses; there are no training "
                "images to compare with"
            )
        return open_folder(self.data, "train", layout=self.layout, fold=self.fold)

    def open(self, *, slices: Path | None = None) -> PedestrianSplit:
        """These images. Raises DataError or HubError, and SliceError for a slice that is gone or names other files."""
        parts = []
        if self.data:
            parts += [
                open_folder(self.data, split, layout=self.layout, fold=self.fold) for split in self.split.split("+")
            ]
        if self.rendered:
            name = f"{self.rendered} rendered held out"
            parts.append(rendered_split(HELD_OUT_SEEDS["test"], self.rendered, name=name))
        whole = join(parts) if len(parts) > 1 else parts[0]
        if not self.slice:
            return whole
        return pick(whole, load_slice(self.slice, root=slices).files, name=f"slice {self.slice} of {whole.name}")

    def arguments(self) -> list[str]:
        """The flags of `python -m snnpar evaluate` that say this."""
        if self.slice:
            return ["--slice", self.slice]
        flags = ["--data", self.data, "--split", self.split] if self.data else []
        for name, value in (("--layout", self.layout), ("--fold", self.fold), ("--rendered", self.rendered)):
            flags += [name, str(value)] if value else []
        return flags


QUICK = DataChoice(rendered=500)  # the first evaluation that is offered, and the one that comes with the program


def pick(split: PedestrianSplit, files: Iterable[str], *, name: str) -> PedestrianSplit:
    """The named images of a split, in its order, as a split called `name`. Raises SliceError for names it lacks."""
    wanted = set(files)
    missing = sorted(wanted - set(split.files))
    if missing or not wanted:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        what = f"lacks {', '.join(missing[:5])}{more}" if missing else "was asked for no images"
        raise SliceError(f"{split.name} {what}; make the slice again from the data as it is now")
    return replace(subset(split, [i for i, file in enumerate(split.files) if file in wanted]), name=name)


@dataclass(frozen=True)
class Slice:
    """`files` of the images that `choice` (itself without a slice) opens."""

    name: str
    choice: DataChoice
    files: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", tuple(dict.fromkeys(self.files)))
        check_name(self.name)
        if not self.files or not all(isinstance(file, str) and file for file in self.files):
            raise SliceError(f"slice {self.name} needs at least one file, each with a name")


def check_name(name: str) -> str:
    """The name of a slice, which is also a file's. Raises SliceError."""
    if not _NAME.fullmatch(name):
        raise SliceError(f"{name[:70]!r} cannot name a slice; use up to 64 letters, digits, - and _")
    return name


def save_slice(name: str, choice: DataChoice, files: Iterable[str], *, root: Path | None = None) -> Slice:
    """Keep `files` of the images of `choice` as SLICES/NAME.json; a slice of that name is replaced."""
    made = Slice(name, replace(choice, slice=""), tuple(files))
    folder = root or snnpar.SLICES
    folder.mkdir(parents=True, exist_ok=True)
    content = {"name": name, **asdict(made.choice), "files": made.files}
    del content["slice"]
    write_text(folder / f"{name}.json", json.dumps(stamped(SLICE, content), indent=1) + "\n")
    return made


def load_slice(name: str, *, root: Path | None = None) -> Slice:
    """A slice by name. Raises SliceError listing the slices when there is none such."""
    path = _existing(name, root)
    try:
        content = upgraded(SLICE, json.loads(path.read_text("utf-8")), path)
        files, _ = content.pop("files"), content.pop("name")
        return Slice(name, DataChoice(**content), tuple(files))
    except FormatError as error:
        raise SliceError(str(error)) from error
    except (SnnparError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SliceError(f"{path} is damaged ({error}); delete it and make the slice again") from error


def _existing(name: str, root: Path | None) -> Path:
    folder = root or snnpar.SLICES
    path = folder / f"{check_name(name)}.json"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in folder.glob("*.json"))) or "none yet"
        raise SliceError(f"no slice is called {name!r}; there are: {names}")
    return path


def list_slices(*, root: Path | None = None) -> list[Slice]:
    """All slices that can be read, by name."""
    found = []
    for path in sorted((root or snnpar.SLICES).glob("*.json")):
        try:
            found.append(load_slice(path.stem, root=root))
        except SliceError:
            continue  # asked for by name, it says what is wrong
    return found


def choose_slice(name: str, *, root: Path | None = None) -> DataChoice:
    """The choice of images that a slice stands for."""
    return replace(load_slice(name, root=root).choice, slice=name)
