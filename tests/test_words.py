"""Words that must not come back, see docs/glossary.md; each with the one to use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = [
    path
    for folder in ("snnpar", "train", "pages", "docs")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".js", ".html", ".md") and "__pycache__" not in path.parts
]
INSTEAD = {
    r"\bmend(s|ed|ing)?\b(?!\()": "fix",
    r"\bdata sets?\b": "dataset",
    r"\b[Aa] image\b": "an image",
    r"\bno numbers?\b(?! of)": "NaN or infinite",
    r"\bleft alone among\b": "specificity",
    r"\blongest gradient": "maximum gradient norm",
    r"\b(the|an?|this|one|own) picture\b(?![_.=])": "image",
}


@pytest.mark.parametrize("word", INSTEAD)
def test_a_word_that_was_replaced_stays_away(word: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in [*FILES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(word, line)
    ]
    assert not found, f"say {INSTEAD[word]} in {found[:5]}"


def test_the_glossary_has_its_tables() -> None:
    rows = re.findall(r"^\| (?!---)(.+?) \|", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.M)
    assert len(rows) > 40 and len(rows) == len(set(rows))


def test_a_class_name_names_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for path in FILES:
        if path.suffix == ".py":
            for name in re.findall(r"^class ([A-Z]\w*)", path.read_text("utf-8"), re.M):
                places.setdefault(name, []).append(path.relative_to(ROOT).as_posix())
    assert len(places) > 100
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    "path",
    sorted(
        path
        for folder in ("snnpar", "train", "pages", "tests")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".js", ".mjs", ".css", ".html") and "__pycache__" not in path.parts
    ),
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) < 300, "split it by what it holds"
