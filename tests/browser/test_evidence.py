"""A view is saved in a real browser: both files of its evidence card, and the link that restores it."""

from __future__ import annotations

import json
from io import BytesIO

from browsing import FIRST, MARKS, choose, downloaded, settle
from PIL import Image

pytestmark = MARKS


def saved(page, label: str) -> bytes:
    """The content of a file of the Share menu."""
    return downloaded(page, page.get_by_role("button", name=label))


def test_a_view_is_exported_as_it_is_seen(page) -> None:
    from playwright.sync_api import expect

    expect(page.get_by_text(f"Heatmaps for “{FIRST}”")).to_be_visible()
    choose(page, "Attribute", "Backpack")
    expect(page.get_by_text("Heatmaps for “Backpack”")).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Share or save").click()
    expect(page.get_by_text("attribute=Backpack", exact=False).first).to_be_visible()
    settle(page)
    told = json.loads(saved(page, "Numbers (JSON)"))
    assert told["attribute"] == "Backpack" and "attribute=Backpack" in told["link"]
    assert {model["checkpoint"] for model in told["models"].values()} == {"tiny-teacher", "tiny-student"}
    assert all(len(model["weights_sha256"]) == 64 for model in told["models"].values())
    assert Image.open(BytesIO(saved(page, "Card (PNG)"))).width > 400
    assert saved(page, "Page to keep (HTML)").startswith(b"<!doctype html>")
    page.goto(told["link"])
    expect(page.get_by_text("Heatmaps for “Backpack”")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
