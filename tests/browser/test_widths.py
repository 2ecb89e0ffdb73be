"""On a phone the image and the answer come first and nothing runs out of sight; a large screen is used."""

from __future__ import annotations

import re

import pytest
from browsing import MARKS, settle

from pages.ui.chrome import PAGES

pytestmark = MARKS
PHONE, LARGE = {"width": 390, "height": 844}, {"width": 1920, "height": 1080}
TAP_PX = 24
# Everything that is used by a tap in what is ours, with its name; what lies in a line of text may be small.
SMALL = """(least) => {
  const found = [];
  const walk = (root) => root.querySelectorAll("*").forEach((node) => {
    if (node.shadowRoot) walk(node.shadowRoot);
    if (!node.matches("button, select, summary, input:not([type=file]), [role=button]") || !root.host) return;
    const {width, height} = node.getBoundingClientRect();
    if (width && (width < least || height < least))
      found.push(`${node.outerHTML.slice(0, 90)}: ${width} x ${height}`);
  });
  walk(document);
  return found;
}"""


def open_page(page, url: str, title: str, size: dict) -> None:
    page.set_viewport_size(size)
    page.goto(f"{url}/{'' if title == 'Compare' else title.lower()}")
    page.get_by_test_id("stHeading").first.wait_for()
    settle(page)


def top(page, selector: str) -> float:
    return page.locator(selector).first.bounding_box()["y"]


@pytest.mark.parametrize("title", PAGES)
def test_a_page_fits_a_phone(page, url: str, title: str) -> None:
    open_page(page, url, title, PHONE)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth") <= PHONE["width"]
    wide = main.evaluate("""main => [...main.querySelectorAll(".stElementContainer")]
      .filter((one) => one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.className)""")
    assert wide == []
    assert page.evaluate(SMALL, TAP_PX) == []


def test_a_phone_shows_image_and_answer_first_and_opens_the_bar_on_demand(page, url: str) -> None:
    from playwright.sync_api import expect

    open_page(page, url, "Compare", PHONE)
    for selector in (".images .stack", ".summary"):
        box = page.locator(selector).first.bounding_box()
        assert box["y"] + box["height"] <= PHONE["height"], selector
    assert top(page, ".summary") < top(page, ".groups") < top(page, ".right") < top(page, ".st-key-figures")
    expect(page.locator(".st-key-bar")).to_be_hidden()
    expect(page.locator(".st-key-map_choices")).to_be_hidden()
    page.get_by_text("Choose models, image").click()
    expect(page.get_by_role("combobox", name="Student map")).to_be_visible()
    page.get_by_role("button", name="Next sample").first.click()
    expect(page).to_have_url(re.compile("sample="))
    page.get_by_text("Choose models, image").click()
    expect(page.locator(".st-key-bar")).to_be_hidden()


def test_a_large_screen_shows_maps_decisions_and_attributes_side_by_side(page, url: str) -> None:
    open_page(page, url, "Compare", LARGE)
    maps, decisions, attributes = (
        page.locator(selector).bounding_box() for selector in (".images", ".groups", ".right")
    )
    assert maps["x"] + maps["width"] <= decisions["x"]
    assert decisions["x"] + decisions["width"] <= attributes["x"]
    assert attributes["x"] + attributes["width"] > LARGE["width"] - 120
    assert page.locator(".st-key-bar").is_visible() and not page.locator(".st-key-bar_open").is_visible()
