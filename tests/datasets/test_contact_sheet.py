"""The gallery of what labels show: which images, how many, in one file that asks for nothing else."""

from __future__ import annotations

import base64
import errno
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image

from snnpar.__main__ import main
from snnpar.datasets import DataError, PedestrianSplit
from snnpar.datasets.contact_sheet import BOX, SHOWN, LabelledImages, rendered_side, side_of, write_contact_sheet
from snnpar.schema.attributes import AttributeGroup, AttributeSchema

ODD = "Skirt&\"Dress'"


def own(count: int, names: tuple[str, ...] = ("Hat", ODD), *, unreadable: tuple[int, ...] = ()) -> LabelledImages:
    """Images whose grey says their number; every second has the first attribute, only the first two the second.

    Of the third, if there is one, the label is unknown.
    """
    from snnpar.images.pixels import ImageError

    def read(index: int) -> np.ndarray:
        if index in unreadable:
            raise ImageError("damaged")
        return np.full((200, 100, 3), index, np.uint8)

    labels = np.stack([np.arange(count) % 2, np.arange(count) < 2, np.full(count, 2)], 1)[:, : len(names)]
    schema = AttributeSchema("own", names, names, names, (AttributeGroup("All", names, none="None"),))
    files = tuple(f"{i}.png" for i in range(count))
    cut = count * 3 // 4
    train, val = (
        PedestrianSplit(
            name, schema, files[part], labels[part].astype(np.int8), lambda i, start=part.start: read(i + start)
        )
        for name, part in (("train", slice(0, cut)), ("val", slice(cut, count)))
    )
    return LabelledImages("own", {"train": train, "val": val})


class Page(HTMLParser):
    """The page's sections: heading words and, below each, captions and pixels of its images."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links, self.ids, self.images, self.words, self.heads, self.tags = [], [], {}, [], [], []
        self.reading = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.links += [found[name] for name in ("href", "src") if name in found]
        self.ids += [found["id"]] if "id" in found else []
        if tag in ("h2", "h3", "h4"):
            self.reading = tag
            self.heads.append("")
        if tag == "img":
            data = base64.b64decode(found["src"].partition("base64,")[2])
            image = Image.open(io.BytesIO(data))
            assert image.format == "JPEG" and image.width <= BOX[0] and image.height <= BOX[1]
            self.images.setdefault(len(self.heads) - 1, []).append((found["alt"], np.asarray(image)))

    def handle_endtag(self, tag: str) -> None:
        if tag == self.reading:
            self.reading = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.reading:
            self.heads[-1] += data

    def below(self, head: int) -> list[tuple[str, np.ndarray]]:
        return self.images.get(head, [])


def page_of(tmp_path: Path, *sides: LabelledImages, seed: int = 0) -> Page:
    write_contact_sheet(tmp_path / "page.html", sides, seed=seed)
    return Page((tmp_path / "page.html").read_text("utf-8"))


def test_every_image_stands_where_its_label_says(tmp_path: Path) -> None:
    page = page_of(tmp_path, own(100))
    assert page.heads == ["Hat ↑", "Yes: 30 of 50", "No: 30 of 50", f"{ODD} ↑", "Yes: all 2", "No: 30 of 98"]
    for head, belongs in (
        (1, lambda i: i % 2 == 1),
        (2, lambda i: i % 2 == 0),
        (4, lambda i: i < 2),
        (5, lambda i: i >= 2),
    ):
        numbers = []
        for caption, pixels in page.below(head):
            split, number = caption.removesuffix(".png").split()
            numbers.append(int(number))
            assert split == ("train" if int(number) < 75 else "val")
            assert abs(int(pixels.mean()) - int(number)) <= 2  # the image is that of the caption
        assert all(map(belongs, numbers)) and len(set(numbers)) == len(numbers) == min(SHOWN, 2 if head == 4 else SHOWN)


def test_the_draw_is_that_of_the_seed(tmp_path: Path) -> None:
    first, again, other = (page_of(tmp_path, own(200), seed=seed) for seed in (3, 3, 4))
    captions = [[caption for caption, _ in page.below(1)] for page in (first, again, other)]
    assert captions[0] == captions[1] != captions[2]
    assert "with seed 3; the same seed" in "".join(first.words)
    write_contact_sheet(tmp_path / "twice.html", [own(200)], seed=4)
    assert (tmp_path / "twice.html").read_bytes() == (tmp_path / "page.html").read_bytes()


def test_draws_are_uniform(tmp_path: Path) -> None:
    """Not the first ones: over 40 seeds each of 60 positives is drawn about half the times."""
    drawn = np.zeros(120)
    for seed in range(40):
        for caption, _ in page_of(tmp_path, own(120, ("Hat",)), seed=seed).below(1):
            drawn[int(caption.split()[1].removesuffix(".png"))] += 1
    assert drawn[::2].sum() == 0 and (drawn[1::2] > 6).all() and (drawn[1::2] < 34).all() and drawn.sum() == 40 * SHOWN


def test_counts_per_split_and_unknown_labels(tmp_path: Path) -> None:
    write_contact_sheet(tmp_path / "page.html", [own(40, ("Hat", "Bag", "Odd"))])
    rows = re.findall(r'<th scope="row">(\w+)</th>((?:<td>[^<]*</td>)+)', (tmp_path / "page.html").read_text("utf-8"))
    cells = [(name, *re.findall(r"<td>([^<]*)</td>", row)) for name, row in rows]
    assert cells == [
        ("train", "30", "15", "15", "50.0%"),
        ("val", "10", "5", "5", "50.0%"),
        ("train", "30", "2", "28", "6.7%"),
        ("val", "10", "0", "10", "0.0%"),
        ("train", "30", "0", "0", "30", "–"),
        ("val", "10", "0", "0", "10", "–"),
    ]
    heads = Page((tmp_path / "page.html").read_text("utf-8")).heads
    assert heads[-2:] == ["Yes: none", "No: none"]


def test_the_page_needs_nothing_but_itself(tmp_path: Path) -> None:
    page = page_of(tmp_path, own(20))
    assert all(link.startswith(("#", "data:")) for link in page.links) and "script" not in page.tags
    jumps = [link.removeprefix("#") for link in page.links if link.startswith("#a")]
    assert jumps == ["a0", "a1"] and set(jumps) <= set(page.ids)
    text = (tmp_path / "page.html").read_text("utf-8")
    assert (
        "default-src 'none'" in text
        and "prefers-color-scheme: dark" in text
        and "http" not in text.replace("http-equiv", "")
    )
    assert ODD not in text and "Skirt&amp;&quot;Dress&#x27;" in text


def test_unreadable_images_are_counted_and_replaced(tmp_path: Path) -> None:
    page = page_of(tmp_path, own(80, ("Hat",), unreadable=tuple(range(1, 41, 2))))
    assert page.heads[1] == "Yes: 20 of 40; 20 cannot be read" and len(page.below(1)) == 20
    assert page.heads[2] == "No: 30 of 40"


def test_sides_stand_beside_each_other(tmp_path: Path) -> None:
    page = page_of(tmp_path, own(20, ("Hat", "Umbrella")), rendered_side(60, seed=5))
    assert page.heads[:2] == ["Hat ↑", "own"] and page.heads[4] == "rendered pedestrians (seed 5)"
    split = rendered_side(60, seed=5).whole
    hats = {f"rendered {split.files[i]}" for i in np.flatnonzero(split.labels[:, split.schema.index("Hat")] == 1)}
    assert {caption for caption, _ in page.below(5)} == hats and hats
    assert page.heads[-1] == "rendered pedestrians (seed 5)"  # no such label: said, and no images
    assert "No label says whether this applies." in page.words
    with pytest.raises(DataError, match="no attribute in common"):
        write_contact_sheet(tmp_path / "page.html", [own(4, ("Umbrella",)), rendered_side(4)])


def test_labels_that_are_none_belong_nowhere(tmp_path: Path) -> None:
    """`data check` counts them; the gallery shows the others."""
    from scipy.io import loadmat, savemat

    tiny.write_pa100k(tmp_path, {"train": 3, "val": 2, "test": 1})
    content = {k: v for k, v in loadmat(tmp_path / "annotation.mat").items() if k[0] != "_"}
    content["val_label"][1, 4] = 9
    savemat(tmp_path / "annotation.mat", content)
    side = side_of(str(tmp_path))
    assert [(name, len(split)) for name, split in side.splits.items()] == [("train", 3), ("val", 2), ("test", 1)]
    page = page_of(tmp_path, side)
    front = page.heads.index("Front ↑")
    assert len(page.below(front + 1)) + len(page.below(front + 2)) == 5


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["DATA", "--gallery", "OUT/page.png"], "ends in .html"),
        (["DATA", "--gallery", "OUT/no/page.html"], "is missing"),
        (["DATA", "--gallery", "OUT/page.html", "--beside-rendered", "0"], "at least 1; got 0"),
        (["DATA", "--gallery", "OUT/page.html", "--seed", "-1"], "0 or more; got -1"),
        (["DATA", "--beside-rendered", "5"], "in the gallery: add --gallery OUT.html"),
        (["rendered"], "need no check; to see them add --gallery OUT.html"),
    ],
)
def test_what_cannot_be_shown_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture, words: list[str], sentence: str
) -> None:
    tiny.write_pa100k(tmp_path / "data", {"train": 3, "val": 2, "test": 1})
    words = [
        word.replace("DATA", str(tmp_path / "data")).replace("OUT", str(tmp_path)) if "OUT.html" not in word else word
        for word in words
    ]
    assert main(["data", "check", *words]) == 2 and sentence in capsys.readouterr().err
    assert not list(tmp_path.glob("page.*"))


def test_the_command_writes_the_page_and_the_report(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    tiny.write_pa100k(tmp_path / "people", {"train": 3, "val": 2, "test": 1})
    out = tmp_path / "page.html"
    assert main(["data", "check", str(tmp_path / "people"), "--gallery", str(out), "--beside-rendered", "8"]) == 0
    assert f"{out}: " in (printed := capsys.readouterr().out) and "near duplicates" in printed
    text = out.read_text("utf-8")
    assert "people (pa100k) and rendered pedestrians (seed 0)" in text and str(tmp_path) not in text
    assert main(["data", "check", "rendered", "--gallery", str(out), "--beside-rendered", "8"]) == 0
    assert "near duplicates" not in capsys.readouterr().out and "people" not in out.read_text("utf-8")


def test_real_images_make_a_page_of_some_megabytes(shared_data: Path, tmp_path: Path) -> None:
    page = page_of(tmp_path, side_of(str(shared_data / "pa100k-mini")))
    assert (tmp_path / "page.html").stat().st_size < 8e6
    stripe = next(i for i, head in enumerate(page.heads) if head.startswith("LowerStripe"))
    assert re.fullmatch(r"Yes: (all \d+|30 of \d+)", page.heads[stripe + 1])
    assert sum(head.startswith("No: 30 of ") for head in page.heads) >= 25


def test_a_gallery_that_cannot_be_written_is_told_and_leaves_nothing(tmp_path, monkeypatch, capsys) -> None:
    def full(partial: Path, _text: str, _encoding: str) -> None:
        partial.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    tiny.write_pa100k(tmp_path / "people", {"train": 3, "val": 2, "test": 1})
    monkeypatch.setattr(Path, "write_text", full)
    assert main(["data", "check", str(tmp_path / "people"), "--gallery", str(tmp_path / "labels.html")]) == 2
    assert "labels.html cannot be written (No space left on device)" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["people"]
