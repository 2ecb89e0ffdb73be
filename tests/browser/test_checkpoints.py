"""All checkpoints evaluated on the same images, from the page: progress, a reload, cancel, and the scores."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browsing import MARKS, SLOW_S, served_pair, settle

pytestmark = MARKS


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own: other tests leave runs, which have scores."""
    with served_pair(tmp_path_factory.mktemp("unscored")) as address:
        yield address


def test_all_are_evaluated_as_one_job(page, url: str) -> None:
    from playwright.sync_api import expect

    page.goto(f"{url}/checkpoints")
    expect(page.get_by_text("No checkpoint has a score yet.")).to_be_visible()
    page.get_by_text("Evaluate all on the same images").click()
    field = page.get_by_label("Rendered", exact=True)
    field.fill("12000")
    field.press("Enter")
    page.get_by_role("button", name="Evaluate all 2", exact=True).click()
    expect(page.get_by_text("2 checkpoints on 12000 rendered")).to_be_visible(timeout=SLOW_S * 1000)
    expect(page.get_by_text("0 of 2 checkpoints")).to_be_visible(timeout=SLOW_S * 1000)
    page.reload()
    expect(page.get_by_text("2 checkpoints on 12000 rendered")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("stopped on request")).to_be_visible(timeout=SLOW_S * 1000)
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("2 checkpoints on 12000 rendered")).to_have_count(0)

    settle(page)
    page.get_by_text("Evaluate all on the same images").click()
    field.fill("4")
    field.press("Enter")
    page.get_by_role("button", name="Evaluate all 2", exact=True).click()
    expect(page.get_by_text("2 of 2 have a score on these images")).to_be_visible(timeout=SLOW_S * 1000)
    box = page.get_by_test_id("stSelectbox").filter(has=page.get_by_text("Compare mA and F1 on"))
    expect(box.get_by_role("combobox")).to_have_value(re.compile("^4 rendered, n = 4, hash [0-9a-f]{7}$"))
