"""The page to keep, opened from its file with the network off."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import MARKS, browser_context
from tiny import STUDENT, TEACHER, random_image, write_checkpoint

from snnpar.checkpoint import read_checkpoint
from snnpar.inference import analyze, load
from snnpar.sharing.report import report
from snnpar.views.image import InputImage
from snnpar.views.reading import Reading

pytestmark = MARKS


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, image = tmp_path_factory.mktemp("report"), InputImage.of("<b>someone</b>", random_image(3, (96, 48)))
    readings = {}
    for role, config in (("teacher", TEACHER), ("student", STUDENT)):
        model = load(read_checkpoint(write_checkpoint(root / role, config).path))
        readings[role] = Reading(model, analyze(model, image.image))
    (root / "page.html").write_text(report(readings, image), "utf-8")
    return root / "page.html"


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 1000)])
def test_the_views_work_without_a_server(file: Path, width: int, height: int) -> None:
    from playwright.sync_api import expect

    with browser_context() as context:
        context.set_offline(True)
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(file.as_uri())
        expect(page.get_by_role("heading", level=1)).to_contain_text("<b>someone</b>")
        page.locator("input.t").first.focus()
        page.keyboard.press("Home")
        expect(page.get_by_text(f"t = 1 of {STUDENT.timesteps}").first).to_be_visible()
        page.locator("tr[data-attribute=Hat]").click()
        expect(page.get_by_role("status").first).to_contain_text("Maps are kept of one attribute")
        page.get_by_role("tab", name="Compare").focus()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_text("Which neurons spike when")).to_be_visible()
        page.locator(".layers button").nth(2).click()
        expect(page.locator(".layers button").nth(2)).to_have_attribute("aria-pressed", "true")
        page.get_by_role("tab", name="Explain").click()
        page.locator("td.pick").first.click()
        expect(page.get_by_text("The spikes behind this cell")).to_be_visible()
        page.get_by_role("tab", name="Energy").click()
        expect(page.get_by_role("row").filter(has_text="memory").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width and said == []
