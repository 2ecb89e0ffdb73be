from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from snnpar.core.errors import SnnparError
from snnpar.datasets import gallery
from snnpar.datasets.rendered import ATTRIBUTES, render_pedestrian
from snnpar.images.pixels import open_rgb


def test_the_index_lists_24_images_that_are_there() -> None:
    samples = gallery.samples()
    assert len(samples) == 24
    assert all(sample.path.is_file() for sample in samples)
    assert len({sample.name for sample in samples}) == 24
    assert sum(sample.path.stat().st_size for sample in samples) <= 2_000_000


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_every_attribute_occurs_at_least_twice(name: str) -> None:
    assert Counter(label for sample in gallery.samples() for label in sample.labels)[name] >= 2


def test_the_bundled_images_are_what_the_code_draws() -> None:
    entries = json.loads((gallery.SAMPLES / "index.json").read_text(encoding="utf-8"))
    for entry in entries:
        drawn = render_pedestrian(entry["seed"], entry["index"], size=gallery.SIZE)
        stored = open_rgb(gallery.SAMPLES / entry["file"])
        assert np.abs(drawn.image.astype(float) - stored).mean() < 2, entry["file"]
        assert [name for name, label in zip(ATTRIBUTES, drawn.labels, strict=True) if label] == entry["labels"]


def test_the_bundled_images_are_those_the_rule_chooses() -> None:
    entries = json.loads((gallery.SAMPLES / "index.json").read_text(encoding="utf-8"))
    assert [entry["index"] for entry in entries] == gallery.choose()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"Female", "Age18-60", "Side", "Backpack", "Trousers"}, "Woman, side view, backpack"),
        ({"AgeOver60", "Back", "Trousers"}, "Elderly man, back view"),
        (
            {"AgeLess18", "Female", "Front", "Skirt&Dress", "LowerPattern"},
            "Girl, front view, patterned skirt",
        ),
        ({"AgeLess18", "Front", "Shorts", "Hat", "Glasses"}, "Boy, front view, hat, glasses"),
    ],
)
def test_titles(names: set[str], words: str) -> None:
    assert gallery.title(frozenset(names)) == words


@pytest.mark.parametrize("content", [None, "not json", '[{"file": "00.png"}]'])
def test_a_damaged_index_is_named_with_its_fix(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "index.json").write_text(content)
    with pytest.raises(SnnparError, match=r"index\.json.*snnpar\.datasets\.gallery"):
        gallery.samples(tmp_path)
