"""The bar shows what a page uses, and forgets nothing of what it does not show; a table has no column without words."""

from __future__ import annotations

import pytest
from browsing import MARKS, choose, settle
from screen import png

from pages.ui.chrome import CHOICES, PAGES

pytestmark = MARKS


def test_each_page_shows_what_it_uses_and_a_way_back_restores_the_rest(page) -> None:
    from playwright.sync_api import expect

    choose(page, "Attribute", "Backpack")
    expect(page.get_by_text("Heatmaps for “Backpack”")).to_be_visible()
    page.get_by_role("slider", name="Threshold").focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    for title in [*list(PAGES)[1:], "Compare"]:
        page.get_by_role("link", name=title, exact=True).click()
        for name in CHOICES:
            expect(page.locator(f".st-key-bar_{name}")).to_be_visible(visible=name in PAGES[title])
        settle(page)
        assert "attribute=Backpack" in page.url and "threshold=0.46" in page.url, title
    expect(page.get_by_text("Heatmaps for “Backpack”")).to_be_visible()
    expect(page.get_by_role("slider", name="Threshold")).to_have_value("0.46")


@pytest.mark.parametrize("path", ["checkpoints", "train"])
def test_a_reload_of_a_page_without_a_choice_keeps_it(page, url: str, path: str) -> None:
    from playwright.sync_api import expect

    page.goto(f"{url}/{path}?attribute=Backpack&threshold=0.7")
    settle(page)
    page.reload()
    settle(page)
    page.get_by_role("link", name="Compare", exact=True).click()
    expect(page.get_by_text("Heatmaps for “Backpack”")).to_be_visible()
    expect(page.get_by_role("slider", name="Threshold")).to_have_value("0.7")


def test_the_truth_has_a_column_only_where_it_is_known(page) -> None:
    from playwright.sync_api import expect

    heads = page.locator(".attributes thead th[data-key=truth]")
    expect(heads).to_have_count(1)
    page.get_by_role("button", name="Your own").click()
    page.locator('input[type="file"]').set_input_files({"name": "me.png", "mimeType": "image/png", "buffer": png()})
    expect(page.get_by_text("The truth is not known for your own image")).to_be_visible()
    expect(heads).to_have_count(0)
    expect(page.locator(".attributes td.truth")).to_have_count(0)
    expect(page.locator(".groups th").get_by_text("Truth")).to_have_count(0)
