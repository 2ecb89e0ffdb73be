"""Lens files: what is written is read back, and what is damaged is told by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snnpar.runs.lens import Lens, LensError, LensMaps, lens_epochs, read_images, read_lens, save_images, save_lens


def some_lens(epoch: int = 1, *, images: int = 3) -> Lens:
    rng = np.random.default_rng(epoch)
    logits, taught, correlation = rng.normal(size=(3, images, 2)).astype(np.float32)
    correlation[0, 1] = np.nan
    maps = LensMaps(
        "attention",
        "cosine",
        correlation,
        np.array([0, 1, 0][:images]),
        *rng.random((2, images, 4, 2)).astype(np.float32),
    )
    return Lens(
        epoch,
        10 * epoch,
        ("Hat", "Red coat"),
        tuple(f"{i}.png" for i in range(images)),
        rng.integers(0, 3, (images, 2)),
        logits,
        taught,
        maps,
    )


def test_a_lens_comes_back_as_it_was(tmp_path: Path) -> None:
    lens = some_lens()
    save_lens(tmp_path, lens)
    back = read_lens(tmp_path, 1)
    assert (back.epoch, back.step, back.attributes, back.files) == (1, 10, lens.attributes, lens.files)
    assert np.array_equal(back.labels, lens.labels) and np.array_equal(back.maps.attribute, lens.maps.attribute)
    for name in ("logits", "teacher_logits"):
        assert np.allclose(getattr(back, name), getattr(lens, name), atol=1e-5)
    for name in ("correlation", "teacher", "student"):
        assert np.allclose(getattr(back.maps, name), getattr(lens.maps, name), atol=1e-5, equal_nan=True)
    assert np.array_equal(back.gap, back.logits - back.teacher_logits)


def test_without_a_teacher_there_is_no_gap(tmp_path: Path) -> None:
    save_lens(tmp_path, replace(some_lens(), teacher_logits=None, maps=None))
    back = read_lens(tmp_path, 1)
    assert back.teacher_logits is None and back.maps is None and back.gap is None


def test_epochs_are_those_written_whole(tmp_path: Path) -> None:
    assert lens_epochs(tmp_path) == []
    for epoch in (10, 2, 12_345):
        save_lens(tmp_path, some_lens(epoch))
    (tmp_path / "lens" / "epoch-0003.json.partial").write_text("{")
    (tmp_path / "lens" / "epoch-best.json").write_text("{}")
    assert lens_epochs(tmp_path) == [2, 10, 12_345]


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"epoch": 1}', "logits", "correlation", "maps"])
def test_a_damaged_lens_is_named(tmp_path: Path, damage: str) -> None:
    save_lens(tmp_path, some_lens())
    path = tmp_path / "lens" / "epoch-0001.json"
    content = json.loads(path.read_text("utf-8"))
    if damage == "logits":
        content["logits"] = content["logits"][:2]
    elif damage == "correlation":
        content["maps"]["correlation"] = [[0.0, 0.0]]
    elif damage == "maps":
        content["maps"]["teacher"][0] = [[1.0, 2.0]]
    path.write_text(json.dumps(content) if damage in ("logits", "correlation", "maps") else damage, "utf-8")
    with pytest.raises(LensError, match="epoch-0001.json is damaged"):
        read_lens(tmp_path, 1)


def test_a_missing_lens_is_told(tmp_path: Path) -> None:
    with pytest.raises(LensError, match="epoch-0007.json cannot be read"):
        read_lens(tmp_path, 7)


def test_images_are_kept_once_and_exactly(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 16, 3), dtype=np.uint8)
    assert read_images(tmp_path, 3) is None
    save_images(tmp_path, images)
    save_images(tmp_path, images[:1])
    assert np.array_equal(read_images(tmp_path, 3), images)
    assert read_images(tmp_path, 5) is None and read_images(tmp_path, 0) is None
