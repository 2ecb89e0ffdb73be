"""The distillation lens of a run: what student and teacher said about a few pinned images after each epoch.

Training writes lens/epoch-0001.json and so on, and the pinned images once, side by side, as lens/images.png; pages
read them while the run goes on. Numbers are rounded to 5 digits after the point: they are for looking at.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from snnpar.core.atomic import write_text
from snnpar.core.errors import SnnparError
from snnpar.core.formats import LENS, FormatError, stamped, upgraded
from snnpar.images.geometry import Axis, Geometry

FOLDER, IMAGES = "lens", "images.png"
DIGITS = 5


class LensError(SnnparError):
    """A lens file that is missing or cannot be used; the message names it."""


@dataclass(frozen=True, eq=False)
class LensMaps:
    """Where both looked, for B images and A attributes.

    correlation (B, A) of the teacher's map and the student's over the tokens, NaN where either is flat. The maps
    themselves, (B, rows, columns), are of one attribute (its column) of each image: the one with the widest logit gap.
    `student_signed` and the geometries say how to draw them; even cells unless told, as files of older runs do not.
    """

    teacher_title: str
    student_title: str
    correlation: np.ndarray
    attribute: np.ndarray
    teacher: np.ndarray
    student: np.ndarray
    student_signed: bool = False
    teacher_geometry: Geometry | None = None
    student_geometry: Geometry | None = None

    def __post_init__(self) -> None:
        count = len(self.correlation)
        for name in ("attribute", "teacher", "student"):
            if len(getattr(self, name)) != count:
                raise LensError(f"{name} must be of {count} images, as the correlation; got {len(getattr(self, name))}")
        if self.teacher.ndim != 3 or self.teacher.shape != self.student.shape:
            raise LensError(f"maps must be equal (B, rows, columns); got {self.teacher.shape}, {self.student.shape}")
        for name in ("teacher_geometry", "student_geometry"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, Geometry.even(*self.teacher.shape[1:]))


@dataclass(frozen=True, eq=False)
class Lens:
    """One epoch (1-based) seen through B pinned images: labels and logits (B, A), and the teacher's if there is one."""

    epoch: int
    step: int
    attributes: tuple[str, ...]
    files: tuple[str, ...]
    labels: np.ndarray
    logits: np.ndarray
    teacher_logits: np.ndarray | None = None
    maps: LensMaps | None = None

    def __post_init__(self) -> None:
        shape = (len(self.files), len(self.attributes))
        for name in ("labels", "logits", "teacher_logits"):
            value = getattr(self, name)
            if value is not None and value.shape != shape:
                raise LensError(f"{name} must be {shape}, images and attributes; got {value.shape}")
        if self.maps is not None and self.maps.correlation.shape != shape:
            raise LensError(f"correlation must be {shape}, images and attributes; got {self.maps.correlation.shape}")

    @property
    def gap(self) -> np.ndarray | None:
        """(B, A) student's logit minus the teacher's; None without a teacher."""
        return None if self.teacher_logits is None else self.logits - self.teacher_logits


def save_lens(run: Path, lens: Lens) -> None:
    """Write the file of one epoch into a run's folder, in one step."""
    content = {
        "epoch": lens.epoch,
        "step": lens.step,
        "attributes": lens.attributes,
        "files": lens.files,
        "labels": lens.labels.astype(int).tolist(),
        "logits": _rounded(lens.logits),
    }
    if lens.teacher_logits is not None:
        content["teacher_logits"] = _rounded(lens.teacher_logits)
    if lens.maps is not None:
        maps = lens.maps
        content["maps"] = {
            "teacher_title": maps.teacher_title,
            "student_title": maps.student_title,
            "attribute": maps.attribute.tolist(),
            "student_signed": maps.student_signed,
            "teacher_geometry": maps.teacher_geometry and asdict(maps.teacher_geometry),
            "student_geometry": maps.student_geometry and asdict(maps.student_geometry),
            **{name: _rounded(getattr(maps, name)) for name in ("correlation", "teacher", "student")},
        }
    (run / FOLDER).mkdir(exist_ok=True)
    write_text(
        _file(run, lens.epoch), json.dumps(stamped(LENS, content), separators=(",", ":"), allow_nan=False) + "\n"
    )


def save_images(run: Path, images: np.ndarray) -> None:
    """Keep the pinned images, uint8 (B, H, W, 3), unless the run has them."""
    from PIL import Image

    path = run / FOLDER / IMAGES
    if path.exists():
        return
    path.parent.mkdir(exist_ok=True)
    partial = path.with_suffix(".partial")
    Image.fromarray(np.concatenate(list(images), axis=1)).save(partial, "PNG")
    os.replace(partial, path)


def lens_epochs(run: Path) -> list[int]:
    """The epochs that have a lens, in order."""
    numbers = (path.stem.removeprefix("epoch-") for path in (run / FOLDER).glob("epoch-*.json"))
    return sorted(int(number) for number in numbers if number.isdecimal())


def read_lens(run: Path, epoch: int) -> Lens:
    """The lens of one epoch (1-based). Raises LensError when it is missing or damaged."""
    path = _file(run, epoch)
    try:
        content = upgraded(LENS, json.loads(path.read_text("utf-8")), path)
        maps = content.get("maps")
        return Lens(
            content["epoch"],
            content["step"],
            tuple(content["attributes"]),
            tuple(content["files"]),
            np.array(content["labels"], np.uint8),
            _array(content["logits"]),
            _array(content["teacher_logits"]) if "teacher_logits" in content else None,
            _read_maps(maps) if maps else None,
        )
    except OSError as error:
        raise LensError(f"{path} cannot be read ({error.strerror}); resume the run to write later epochs") from error
    except FormatError as error:
        raise LensError(str(error)) from error
    except (SnnparError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise LensError(f"{path} is damaged ({error}); delete it, the other epochs can be seen without it") from error


def read_images(run: Path, count: int) -> np.ndarray | None:
    """The pinned images, uint8 (count, H, W, 3); None if the run has not kept them, or not that many."""
    from PIL import Image

    try:
        with Image.open(run / FOLDER / IMAGES) as image:
            strip = np.asarray(image.convert("RGB"))
    except (OSError, Image.DecompressionBombError):  # PIL's error for damaged files is one too
        return None
    return np.stack(np.split(strip, count, axis=1)) if count and strip.shape[1] % count == 0 else None


def _file(run: Path, epoch: int) -> Path:
    return run / FOLDER / f"epoch-{epoch:04d}.json"


def _read_maps(content: dict) -> LensMaps:
    return LensMaps(
        content["teacher_title"],
        content["student_title"],
        _array(content["correlation"]),
        np.array(content["attribute"], int),
        _array(content["teacher"]),
        _array(content["student"]),
        content.get("student_signed", content["student_title"].startswith("Text-patch cosine")),
        *(_read_geometry(content.get(f"{role}_geometry")) for role in ("teacher", "student")),
    )


def _read_geometry(content: dict | None) -> Geometry | None:
    return Geometry(*(Axis(**content[side]) for side in ("rows", "columns"))) if content else None


def _rounded(values: np.ndarray) -> list:
    """Nested lists; what is not finite becomes null, which JSON can say."""
    flat = [round(value, DIGITS) if math.isfinite(value) else None for value in values.ravel().tolist()]
    for length in reversed(values.shape[1:]):
        flat = [flat[i : i + length] for i in range(0, len(flat), length)]
    return flat


def _array(values: list) -> np.ndarray:
    return np.array(values, np.float32)  # None becomes NaN
