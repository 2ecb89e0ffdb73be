"""A folder of one's own: images, labels.csv, and if wanted schema.json with phrases, labels and groups.

labels.csv has a column `file`, a column `split` (train, val, test) and one per attribute: 1, 0, or blank for unknown.
Commas, semicolons and tabs separate; a byte order mark and Windows line ends do no harm.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from snnpar.core.errors import SnnparError
from snnpar.datasets.annotation import (
    SPLITS,
    Annotation,
    Layout,
    image_folder,
    inside,
    points_elsewhere,
    schema_of_names,
    select,
)
from snnpar.datasets.split import UNKNOWN, DataError
from snnpar.schema.attributes import AttributeSchema

FILE, SCHEMA = "labels.csv", "schema.json"
CELLS = {"": UNKNOWN, "0": 0, "1": 1, "2": UNKNOWN, "0.0": 0, "1.0": 1, "2.0": UNKNOWN}  # tables with blanks have 1.0


def read(folder: Path, _fold: int) -> Annotation:
    """The rows of labels.csv."""
    source = folder / FILE
    lines = _lines(source)
    header, rows = lines[0][1], lines[1:]
    file_column, split_column, attributes = _columns(source, header)
    if not rows:
        raise DataError(f"{source} has a header but no images; add a line for each")
    for number, row in rows:
        if len(row) != len(header):
            raise DataError(f"{source}, line {number}: {len(row)} cells where the header has {len(header)}; fix it")
    files = _files(source, [(number, row[file_column]) for number, row in rows])
    places = _places(source, [(number, row[split_column]) for number, row in rows])
    labels = np.array([_labels(source, number, row, attributes) for number, row in rows], dtype=np.int8)
    schema = _schema(folder, source, list(attributes))
    splits = {name: indices for name in SPLITS if len(indices := np.flatnonzero(places == name))}
    return Annotation(
        source, schema, files, select(source, schema, list(attributes), labels), splits, image_folder(folder, files)
    )


def _lines(source: Path) -> list[tuple[int, list[str]]]:
    """The lines that are not blank, with their numbers."""
    try:
        text = source.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{source} is not UTF-8 text; save it as CSV UTF-8") from error
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}") from error
    first = text.lstrip().split("\n", 1)[0]
    reader = csv.reader(text.splitlines(keepends=True), delimiter=max(",;\t", key=first.count), strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise DataError(f"{source}, line {reader.line_num}: {error}; fix the quotes of that line") from error
    lines = [(number, row) for number, row in lines if any(row)]
    if not lines:
        raise DataError(f"{source} is empty; its first line must name the columns file, split and the attributes")
    return lines


def _columns(source: Path, header: list[str]) -> tuple[int, int, dict[str, int]]:
    """Where file, split and each attribute stand."""
    lower = [name.casefold() for name in header]
    for name in ("file", "split"):
        if lower.count(name) != 1:
            raise DataError(f"{source}, line 1: the header needs one column {name!r}; it has {', '.join(header)}")
    columns = {name: i for i, name in enumerate(header) if lower[i] not in ("file", "split")}
    repeated = sorted({name for name in columns if header.count(name) > 1})
    if repeated or "" in columns:
        what = f"the column {repeated[0]!r} repeats" if repeated and repeated != [""] else "a column has no name"
        raise DataError(f"{source}, line 1: {what}; give every attribute one column with its name")
    if not columns:
        raise DataError(f"{source}, line 1: there is no attribute; add a column for each beside file and split")
    return lower.index("file"), lower.index("split"), columns


def _files(source: Path, cells: list[tuple[int, str]]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    for number, name in cells:
        if points_elsewhere(name):
            raise DataError(f"{source}, line {number}: {name!r} is no file below the folder; write its path from there")
        file = inside(name)
        if file in seen:
            raise DataError(f"{source}, line {number}: {file} stands in line {seen[file]} already; keep one of the two")
        seen[file] = number
    return tuple(seen)


def _places(source: Path, cells: list[tuple[int, str]]) -> np.ndarray:
    for number, name in cells:
        if name.casefold() not in SPLITS:
            raise DataError(f"{source}, line {number}: the split is {name!r}; write train, val or test")
    return np.array([name.casefold() for _, name in cells])


def _labels(source: Path, number: int, row: list[str], attributes: dict[str, int]) -> list[int]:
    for name, column in attributes.items():
        if row[column] not in CELLS:
            raise DataError(f"{source}, line {number}: {name} is {row[column]!r}; write 1, 0, or nothing for unknown")
    return [CELLS[row[column]] for column in attributes.values()]


def _schema(folder: Path, source: Path, names: list[str]) -> AttributeSchema:
    """That of schema.json, which must name the same attributes as the table; without one, plain words of its own."""
    path = folder / SCHEMA
    if not path.is_file():
        try:
            return schema_of_names(names)
        except DataError as error:
            raise DataError(f"{source}, line 1: {error}") from error
    try:
        schema = AttributeSchema.from_dict(json.loads(path.read_text("utf-8-sig")))
    except (SnnparError, ValueError, OSError) as error:
        raise DataError(f"{path} is not an attribute schema ({error}); fix it or take it away") from error
    extra = [name for name in names if name not in schema.attributes]
    if extra:
        raise DataError(f"{source} has columns that {path} does not know: {', '.join(extra)}; add them there")
    return schema


CSV = Layout(
    name="csv",
    needs="labels.csv with the columns file, split and one per attribute",
    splits=SPLITS,
    folds=1,
    recognises=lambda path: (path / FILE).is_file(),
    read=read,
)
