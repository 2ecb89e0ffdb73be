from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snnpar.core.errors import SnnparError
from snnpar.datasets import PedestrianSplit, open_folder, rendered_split
from snnpar.datasets.drawing.attributes import ATTRIBUTES, EXCLUSIVE, decode, encode
from snnpar.datasets.rendered import (
    PA100K_FREQUENCIES,
    RenderedPedestrian,
    appearance_of,
    draw,
    render_pedestrian,
    sample_labels,
    scene_of,
)

SIZE = (128, 64)
PLAIN = frozenset({"Age18-60", "Front", "ShortSleeve", "Trousers"})


@pytest.fixture(scope="module")
def many() -> list[frozenset[str]]:
    return [decode(sample_labels(11, index)) for index in range(2000)]


def image(names: frozenset[str], index: int, styled_for: frozenset[str]) -> np.ndarray:
    """The pedestrian `index` in one style, whatever its labels, without sensor noise differing."""
    grain = np.random.default_rng(0)
    return draw(names, appearance_of(3, index, styled_for), scene_of(3, index), grain, size=SIZE).astype(float)


def test_the_same_seed_and_index_give_the_same_image_in_any_order() -> None:
    first = render_pedestrian(5, 9)
    render_pedestrian(5, 10)
    again = render_pedestrian(5, 9)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.labels, again.labels)
    assert np.array_equal(first.labels, sample_labels(5, 9))


@pytest.mark.parametrize("other", [(5, 10), (6, 9), (9, 5)])
def test_another_seed_or_index_gives_another_image(other: tuple[int, int]) -> None:
    assert np.abs(render_pedestrian(5, 9).image.astype(int) - render_pedestrian(*other).image).mean() > 5


@pytest.mark.parametrize("group", EXCLUSIVE, ids="|".join)
def test_exactly_one_of_an_exclusive_group(group: tuple[str, ...], many: list[frozenset[str]]) -> None:
    assert {len(names & set(group)) for names in many} == {1}


@pytest.mark.parametrize(
    ("given", "never"),
    [
        ("LongCoat", "ShortSleeve"),
        ("LongCoat", "Shorts"),
        ("Hat", "Glasses"),
        ("Backpack", "ShoulderBag"),
        ("HoldObjectsInFront", "Back"),
        ("HoldObjectsInFront", "UpperLogo"),
        ("UpperLogo", "UpperPlaid"),
        ("UpperStride", "UpperSplice"),
    ],
)
def test_what_would_hide_another_attribute_never_occurs_with_it(
    given: str, never: str, many: list[frozenset[str]]
) -> None:
    assert any(given in names for names in many)
    assert not any({given, never} <= names for names in many)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_frequencies_follow_pa100k(name: str, many: list[frozenset[str]]) -> None:
    expected = PA100K_FREQUENCIES[name]
    tolerance = 0.012 + 3.5 * np.sqrt(expected * (1 - expected) / len(many))
    assert np.mean([name in names for names in many]) == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("size", [(128, 64), (256, 128), (384, 192), (224, 224), (97, 41)])
def test_any_size_shows_the_same_scene(size: tuple[int, int]) -> None:
    import cv2

    small = render_pedestrian(2, 4).image
    sized = render_pedestrian(2, 4, size=size).image
    assert sized.shape == (*size, 3)
    back = cv2.resize(sized, (SIZE[1], SIZE[0]), interpolation=cv2.INTER_AREA)
    other = render_pedestrian(2, 5).image
    assert np.abs(back.astype(float) - small).mean() < 0.25 * np.abs(back.astype(float) - other).mean()


def test_a_tiny_size_is_refused() -> None:
    with pytest.raises(SnnparError, match="16 x 16"):
        render_pedestrian(0, 0, size=(8, 4))


@pytest.mark.parametrize(
    ("added", "removed", "rows"),
    [
        ("Hat", "", (0.0, 0.3)),
        ("Glasses", "", (0.0, 0.3)),
        ("HandBag", "", (0.35, 0.85)),
        ("ShoulderBag", "", (0.1, 0.75)),
        ("Backpack", "", (0.1, 0.6)),
        ("HoldObjectsInFront", "", (0.15, 0.65)),
        ("LongSleeve", "ShortSleeve", (0.15, 0.65)),
        ("UpperStride", "", (0.1, 0.65)),
        ("UpperLogo", "", (0.15, 0.6)),
        ("UpperPlaid", "", (0.1, 0.65)),
        ("UpperSplice", "", (0.1, 0.65)),
        ("LowerStripe", "", (0.45, 1.0)),
        ("LowerPattern", "", (0.4, 1.0)),
        ("Shorts", "Trousers", (0.45, 1.0)),
        ("Skirt&Dress", "Trousers", (0.35, 1.0)),
        ("boots", "", (0.6, 1.0)),
    ],
)
def test_an_attribute_changes_its_part_of_the_image(added: str, removed: str, rows: tuple[float, float]) -> None:
    names = (PLAIN - {removed}) | {added}
    top, bottom = (int(share * SIZE[0]) for share in rows)
    moves_the_arms = {"HoldObjectsInFront", "HandBag", "Backpack"}
    for index in range(12):
        change = np.abs(image(names, index, PLAIN) - image(PLAIN, index, PLAIN)).max(2)
        inside = change[top:bottom]
        assert (inside > 18).sum() >= 8, f"{added} cannot be seen in image {index}"
        if added not in moves_the_arms | {"Hat", "boots", "UpperLogo"}:
            assert inside.sum() > 0.8 * change.sum(), f"{added} changes other parts of image {index}"


def fine_lines(image: np.ndarray) -> float:
    """How finely the chest is patterned: mean second difference of grey, both ways, in units of its spread."""
    from PIL import Image

    chest = np.asarray(Image.fromarray(image).resize((64, 128)).convert("L"), float)[28:62, 20:44]
    return sum(np.abs(np.diff(chest, 2, axis=axis)).mean() for axis in (0, 1)) / (chest.std() + 8)


def plaid_over_blocks(split: PedestrianSplit) -> float:
    """The median `fine_lines` of those labelled UpperSplice over that of those labelled UpperPlaid."""
    medians = []
    for name in ("UpperSplice", "UpperPlaid"):
        having = np.flatnonzero(split.labels[:, split.schema.index(name)] == 1)[:40]
        medians.append(np.median([fine_lines(split.read(int(index))) for index in having]))
    return medians[0] / medians[1]


def test_a_column_is_drawn_as_its_real_images_look(shared_data: Path) -> None:
    """The official columns mean each other: UpperSplice marks plaid, which is finely patterned, UpperPlaid blocks."""
    assert plaid_over_blocks(open_folder(shared_data / "pa100k-mini", "train")) > 1.4
    assert plaid_over_blocks(rendered_split(7, 1500, name="rendered")) > 1.4


@pytest.mark.parametrize("column", ["UpperPlaid", "UpperSplice"])
def test_exchanged_columns_are_drawn_as_what_they_show(column: str) -> None:
    index = next(i for i in range(1000) if column in decode(sample_labels(3, i)))
    names = decode(sample_labels(3, index))
    other = {"UpperPlaid": "UpperSplice", "UpperSplice": "UpperPlaid"}[column]
    grain = np.random.default_rng((3, index, 3))
    shown = names - {column} | {other}
    expected = draw(shown, appearance_of(3, index, shown), scene_of(3, index), grain, size=SIZE)
    assert np.array_equal(render_pedestrian(3, index).image, expected)


def test_names_and_vectors_are_inverse_and_checked() -> None:
    names = {"Female", "boots"}
    assert decode(encode(names)) == names
    with pytest.raises(ValueError, match="Cape"):
        encode({"Cape"})
    with pytest.raises(ValueError, match=r"\(26,\).*\(3,\)"):
        decode(np.zeros(3, np.int8))


@pytest.mark.parametrize(
    ("image", "labels"),
    [
        (np.zeros((4, 4), np.uint8), np.zeros(26, np.int8)),
        (np.zeros((4, 4, 3), np.float32), np.zeros(26, np.int8)),
        (np.zeros((4, 4, 3), np.uint8), np.zeros(25, np.int8)),
    ],
)
def test_a_pedestrian_checks_its_shapes(image: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(SnnparError, match="expected .* got"):
        RenderedPedestrian(image, labels)
