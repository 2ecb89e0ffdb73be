"""The Energy page in a real browser: assumptions are reset, the budget moves by keyboard, the link holds both."""

from __future__ import annotations

import re

from browsing import MARKS, settle

pytestmark = MARKS
WAIT = {"timeout": 60_000}  # the machine may be busy


def test_reset_assumptions_move_the_budget_and_reload(page, url: str) -> None:
    from playwright.sync_api import expect

    page.goto(f"{url}/energy?e_ac=0.8")
    expect(page.get_by_text(re.compile("t = 3 of 3 fits"))).to_be_visible(**WAIT)
    expect(page.get_by_text("as changed above")).to_be_visible(**WAIT)
    settle(page)
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_text("as changed above")).to_have_count(0, **WAIT)
    expect(page.get_by_role("spinbutton", name="AC, pJ", exact=True)).to_have_value("0.9", **WAIT)
    assert "e_ac" not in page.url
    settle(page)

    slider = page.get_by_role("slider", name="Budget for one image")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.get_by_text("Not even one timestep fits")).to_be_visible(**WAIT)
    expect(page).to_have_url(re.compile(r"[?&]budget=0\b"), **WAIT)
    page.reload()
    expect(page.get_by_text("Not even one timestep fits")).to_be_visible(**WAIT)
    settle(page)
    page.get_by_test_id("stButtonGroup").filter(has_text="int8").get_by_text("int8", exact=True).click()
    expect(page.get_by_text(re.compile("t = 3 of 3 fits"))).to_be_visible(**WAIT)
    expect(page).to_have_url(re.compile(r"[?&]energy=int8"), **WAIT)
    assert "budget" not in page.url
    expect(page.get_by_test_id("stException")).to_have_count(0)
