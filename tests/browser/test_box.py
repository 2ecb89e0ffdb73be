"""In a real Chromium: one person is cut out of a scene, by pointer, keyboard and touch."""

from __future__ import annotations

import re

import pytest
from browsing import MARKS, WIDTH, pick_file, settle

pytestmark = MARKS


def box(page) -> list[int]:
    """x, y, width and height as the tool says them."""
    found = re.match(r"(\d+) × (\d+) of \d+ × \d+ pixels, from (\d+), (\d+)", page.locator(".size").inner_text())
    width, height, x, y = map(int, found.groups())
    return [x, y, width, height]


def drag(page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From a place of the scene to another, in its pixels."""
    stage = page.locator(".stage").bounding_box()
    scale = stage["width"] / WIDTH
    for place, act in ((start, page.mouse.down), (end, page.mouse.up)):
        page.mouse.move(stage["x"] + place[0] * scale, stage["y"] + place[1] * scale, steps=6)
        act()


def test_after_a_file_that_is_read_one_that_is_not_leaves_the_sample(page, tool: list) -> None:
    """The browser then still names the first file, which has gone from the choices."""
    from playwright.sync_api import expect

    pick_file(page, "odd.gif", b"GIF89a and no more")
    expect(page.get_by_text("odd.gif is a GIF; save it as PNG or JPEG")).to_be_visible()
    expect(page).not_to_have_url(re.compile("image="))
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_box_is_drawn_moved_and_resized_by_pointer(page, tool: list) -> None:
    from playwright.sync_api import expect

    assert box(page) == [243, 48, 154, 384]
    drag(page, (320, 240), (350, 230))
    assert box(page) == pytest.approx([273, 38, 154, 384], abs=2)
    drag(page, (273, 38), (253, 18))  # its left top corner
    assert box(page) == pytest.approx([253, 18, 174, 404], abs=2)
    drag(page, (427, 200), (900, 200))  # its right edge, out of the image
    assert box(page) == pytest.approx([253, 18, 387, 404], abs=2)
    drag(page, (20, 60), (140, 400))  # a new one
    assert box(page) == pytest.approx([20, 60, 120, 340], abs=2)
    assert not tool  # nothing was told so far
    wanted = box(page)
    page.get_by_role("button", name="Read this box").click()
    expect(page.get_by_text(f"box of {wanted[2]} × {wanted[3]} pixels of street.png")).to_be_visible()
    assert "crop=" + ".".join(map(str, wanted)) in page.url and len(tool) == 1
    settle(page)

    page.get_by_role("button", name="Change the box").click()
    expect(page.locator(".size")).to_be_visible()
    assert box(page) == wanted
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".size")).to_have_count(0)
    assert "crop=" in page.url
    settle(page)
    page.get_by_role("button", name="Change the box").click()
    page.get_by_role("button", name="Use the whole image").click()
    expect(page.get_by_text("Both models read all of street.png")).to_be_visible()
    assert "crop=whole" in page.url
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_box_is_moved_and_resized_by_keyboard(page, tool: list) -> None:
    from playwright.sync_api import expect

    thing = page.get_by_role("group", name=re.compile("Box round the person"))
    thing.focus()
    x, y, width, height = box(page)
    step = round(WIDTH / 50)
    for key in ("ArrowRight", "ArrowDown", "Control+ArrowLeft"):
        page.keyboard.press(key)
    assert box(page) == [x + step - 1, y + step, width, height]
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowUp")
    assert box(page) == [x + step - 1, y + step, width - step, height - step]
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Top left corner")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    assert box(page) == [x - 1, y, width, height]
    assert "of 640 × 480 pixels, from" in thing.get_attribute("aria-label") and not tool
    thing.focus()
    for _ in range(99):
        page.keyboard.press("ArrowLeft")
    assert box(page)[0] == 0  # it stays inside
    wanted = box(page)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("crop=" + r"\.".join(map(str, wanted))))


def test_a_box_is_moved_by_touch(page, url: str, scene: bytes) -> None:
    from playwright.sync_api import expect

    context = page.context.browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    phone = context.new_page()
    phone.goto(url)
    expect(phone.get_by_text("Two networks look at one person")).to_be_visible()
    phone.get_by_text("Choose models, image").click()  # the bar
    pick_file(phone, "street.png", scene)
    expect(phone.locator(".size")).to_be_visible()
    phone.keyboard.press("Escape")
    settle(phone)
    stage = phone.locator(".stage")
    stage.scroll_into_view_if_needed()
    at, before = stage.bounding_box(), box(phone)
    assert at["x"] >= 0 and at["x"] + at["width"] <= 390
    x, y = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
    touch = context.new_cdp_session(phone)
    for kind, dx in (("touchStart", 0), ("touchMove", 20), ("touchMove", 40)):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x + dx, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert box(phone)[0] == pytest.approx(before[0] + 40 * WIDTH / at["width"], abs=2)
    assert box(phone)[1:] == pytest.approx(before[1:], abs=2)
    context.close()
