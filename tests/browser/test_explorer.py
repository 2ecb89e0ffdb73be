"""The explorer in a real Chromium, as a person uses it. Skipped with a reason where there is no Chromium."""

from __future__ import annotations

from browsing import FIRST, MARKS, SLOW_S, choose, press, settle
from screen import png

pytestmark = MARKS


def number(page, label: str, value: int) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")


def test_a_first_visit(page) -> None:
    from playwright.sync_api import expect

    expect(page.get_by_text(f"Heatmaps for “{FIRST}”")).to_be_visible(timeout=60_000)
    expect(page.locator("figure[data-role] .stack canvas")).to_have_count(2)

    page.get_by_role("button", name="Your own").click()
    page.locator('input[type="file"]').set_input_files({"name": "me.png", "mimeType": "image/png", "buffer": png()})
    expect(page.get_by_text("The truth is not known for your own image")).to_be_visible()
    page.keyboard.press("Escape")

    choose(page, "Attribute", "Backpack")
    expect(page.get_by_text("Heatmaps for “Backpack”")).to_be_visible()
    assert "attribute=Backpack" in page.url and "me.png" not in page.url

    page.locator("tr[data-attribute]").nth(3).click()
    expect(page.get_by_text("Heatmaps for “Under 18”")).to_be_visible()
    choose(page, "Attribute", "Backpack")
    expect(page.get_by_text("Heatmaps for “Backpack”")).to_be_visible()

    settle(page)
    steps = page.evaluate("history.length")
    page.get_by_role("link", name="Spikes").click()
    expect(page.get_by_text("Which neurons spike when")).to_be_visible()
    expect(page.get_by_test_id("stMultiSelect")).to_contain_text("Backpack")
    assert "attribute=Backpack" in page.url
    settle(page)
    assert page.evaluate("history.length") == steps + 1  # what a page adds to its link while it opens is no step
    page.go_back()
    expect(page.get_by_text("Heatmaps for “Backpack”")).to_be_visible()

    page.get_by_role("link", name="Train").click()
    choose(page, "Model", "spikingformer_1_64")
    number(page, "Epochs", 1)
    settle(page)  # a form that is drawn anew closes what was opened
    page.get_by_text("more settings").click()
    number(page, "Rendered count", 32)
    command = page.get_by_test_id("stCode").first
    expect(command).to_contain_text("--model spikingformer_1_64")
    expect(command).not_to_contain_text("logit-kd")
    expect(command).to_contain_text("--rendered-count 32")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text("best epoch 1: mA", exact=False).first).to_be_visible(timeout=SLOW_S * 1000)
    expect(page.get_by_test_id("stPlotlyChart")).to_have_count(6)  # loss, rate, gradient, speed, memory, metrics

    settle(page)
    press(page, "Use as student", "Attribute by attribute")
    expect(page.get_by_text("student-rendered", exact=False).first).to_be_visible()
    assert "student=runs" in page.url and "attribute=Backpack" in page.url
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)


def test_two_tabs_do_not_disturb_each_other(page, url: str) -> None:
    from playwright.sync_api import expect

    other = page.context.new_page()
    other.goto(f"{url}/?attribute=Hat")
    expect(other.get_by_text("Heatmaps for “Hat”")).to_be_visible(timeout=60_000)
    expect(page.get_by_text(f"Heatmaps for “{FIRST}”")).to_be_visible(timeout=60_000)
    choose(page, "Attribute", "Boots")
    expect(page.get_by_text("Heatmaps for “Boots”")).to_be_visible()
    other.reload()
    expect(other.get_by_text("Heatmaps for “Hat”")).to_be_visible(timeout=60_000)
