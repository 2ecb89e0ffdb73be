"""The bar: it begins with the common defaults, and a page's choices stay while another page does not show them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tiny import FIRST

from pages.ui import chrome
from snnpar.config import PAIR
from snnpar.datasets.gallery import samples
from snnpar.metrics import defaults
from snnpar.schema.attributes import load_schema

ROOT = Path(__file__).resolve().parents[2]


def hidden(test) -> set[str]:
    """Keys of the containers that are hidden at every width; the style of all pages hides some on a phone."""
    styles = "".join(
        one.proto.body
        for one in test.get("html")
        if "display: none" in one.proto.body and "@media" not in one.proto.body
    )
    return set(re.findall(r":has\(> \.st-key-(\w+)\)", styles))


def test_it_begins_with_the_common_defaults(app, pair: Path) -> None:
    test = app(pair)
    assert test.slider(key="threshold").value == defaults.THRESHOLD
    assert test.selectbox(key="attribute").value == defaults.ATTRIBUTE
    assert {role: test.selectbox(key=f"{role}_map").value for role in PAIR} == FIRST
    number = int(test.selectbox(key="sample").value)
    assert samples()[number - 1].name == defaults.SAMPLE
    assert test.session_state["selection"].attribute == defaults.first_attribute(load_schema("pa100k").attributes)


def test_other_faces_begin_so_too(app, pair: Path) -> None:
    assert app(pair, "energy").segmented_control(key="energy").value == defaults.ENERGY


def test_every_page_says_what_it_uses() -> None:
    assert {title.lower() for title in chrome.PAGES} == {path.stem for path in (ROOT / "pages").glob("*.py")} - {"main"}
    assert all(set(used) <= set(chrome.CHOICES) for used in chrome.PAGES.values())


@pytest.mark.parametrize("title", chrome.PAGES)
def test_a_page_shows_what_it_uses_and_keeps_the_rest(app, pair: Path, title: str) -> None:
    test = app(pair, "" if title == "Compare" else title.lower(), threshold="0.6", attribute="Backpack")
    unused = {f"bar_{name}" for name in chrome.CHOICES if name not in chrome.PAGES[title]}
    assert hidden(test) == (unused | {"bar"} if len(unused) == len(chrome.CHOICES) else unused)
    chosen = test.session_state["selection"]
    assert (chosen.threshold, chosen.attribute) == (0.6, "Backpack")


@pytest.mark.parametrize(
    ("title", "name"),
    [(title, name) for title, used in chrome.PAGES.items() for name in ("attribute", "threshold") if name not in used],
)
def test_what_is_not_shown_changes_nothing(app, pair: Path, title: str, name: str) -> None:
    """Else it belongs into the page's line of PAGES."""
    other = {"attribute": "Backpack", "threshold": "0.9"}[name]
    first, second = app(pair, title.lower()), app(pair, title.lower(), **{name: other})
    assert texts(first) == texts(second)


def texts(test) -> list[str]:
    """What the page says below the bar; times measured differ."""
    elements = [*test.header, *test.subheader, *test.caption, *test.markdown, *test.metric, *test.info]
    return [re.sub(r"\d+ ms", "", str(one.value)) for one in elements]
