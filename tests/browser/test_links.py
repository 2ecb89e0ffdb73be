"""In a real Chromium: a copied link opens the same view in another browser."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from browsing import MARKS, SLOW_S, choose, pick_file, served, settle
from PIL import Image
from tiny import STUDENT, TEACHER, write_checkpoint

from snnpar.evaluation.evaluate import evaluate_checkpoint
from snnpar.evaluation.slices import DataChoice
from snnpar.metrics.defaults import SAMPLE

pytestmark = MARKS


SEEN = """() => {
  const out = [];
  const walk = (node) => {
    if (node.nodeType === 3 && node.textContent.trim()) out.push(node.textContent.trim());
    if (node.nodeType !== 1 || ["STYLE", "SCRIPT"].includes(node.tagName)) return;
    if (node.tagName === "INPUT") out.push(`${node.type}: ${node.type === "checkbox" ? node.checked : node.value}`);
    // The cells of Streamlit's tables are texts inside their canvas, whose pixels depend on the pointer.
    if (node.tagName === "CANVAS" && !node.closest("[data-testid=stDataFrame]")) out.push(node.toDataURL());
    for (const name of ["aria-pressed", "aria-selected", "aria-checked", "aria-valuenow"]) {
      if (node.hasAttribute(name)) out.push(`${name}: ${node.getAttribute(name)}`);
    }
    for (const child of [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes]) walk(child);
  };
  walk(document.querySelector("[data-testid=stMain]"));
  return out;
}"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app over a pair that was evaluated on a few rendered images."""
    root = tmp_path_factory.mktemp("served")
    for name, config in (("tiny-teacher", TEACHER), ("tiny-student", STUDENT)):
        write_checkpoint(root / name, config)
        evaluate_checkpoint(root / name, DataChoice(rendered=12), root=root / "evaluations")
    with served(root) as (_, address):
        yield address


def seen(page) -> list[str]:
    """All that the page shows, apart from how long it took."""
    settle(page)
    return [text for text in page.evaluate(SEEN) if not re.fullmatch(r"[\d.,]+ m?s", text)]


def assert_same(other, page) -> None:
    """Charts are drawn after the script has ended, so that a difference may go away."""
    end = time.monotonic() + SLOW_S
    while seen(other) != seen(page) and time.monotonic() < end:
        page.wait_for_timeout(500)
    assert seen(other) == seen(page)


def copied(page) -> str:
    """The link that the page offers."""
    page.get_by_role("button", name=re.compile("^Share")).click()
    settle(page)
    link = page.get_by_test_id("stCode").last.inner_text()
    page.locator("h2").first.click()  # beside it, which closes it
    page.get_by_test_id("stPopoverBody").wait_for(state="detached")
    page.mouse.move(5, 5)
    return link


@pytest.fixture
def other(page) -> Iterator:
    """Another browser, which knows nothing of the first."""
    context = page.context.browser.new_context(viewport={"width": 1440, "height": 1600})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def test_the_link_of_an_upload_asks_for_it_and_shows_the_same(page, other, tool: list, scene: bytes) -> None:
    from playwright.sync_api import expect

    page.get_by_role("button", name="Read this box").click()
    expect(page.get_by_text("Both models read a box")).to_be_visible()
    choose(page, "Attribute", "Hat")
    expect(page.get_by_text("Heatmaps for “Hat”")).to_be_visible()
    settle(page)
    link = copied(page)
    assert hashlib.sha256(scene).hexdigest()[:24] in link and "street" not in link
    other.goto(link)
    expect(other.get_by_text("This link is about an image that is not part of it")).to_be_visible()
    expect(other.get_by_text("Two networks look at one person")).to_have_count(0)
    small = BytesIO()
    Image.new("RGB", (24, 48)).save(small, "PNG")
    pick_file(other, "walk.png", small.getvalue(), "[data-testid=stMain]")
    expect(other.get_by_text("walk.png is another file")).to_be_visible()
    pick_file(other, "street.png", scene, "[data-testid=stMain]")
    expect(other.get_by_text("Heatmaps for “Hat”")).to_be_visible()
    assert_same(other, page)


def test_a_link_of_compare_holds_all_of_it(page, other, url: str) -> None:
    from playwright.sync_api import expect

    page.goto(f"{url}/?threshold=0.6")
    expect(page.get_by_text("Two networks look at one person")).to_be_visible()
    settle(page)
    page.locator(".st-key-next button").first.click()
    settle(page)
    choose(page, "Attribute", "Backpack")
    expect(page.get_by_text("Heatmaps for “Backpack”")).to_be_visible()
    for role in ("Teacher", "Student"):
        pick_map(page, role, "Grad-CAM")
    settle(page)
    page.get_by_test_id("stButtonGroup").get_by_text("one shared scale").click()
    settle(page)
    page.locator("input.t").focus()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("t=2"))
    page.locator(".filters button").nth(1).click()
    settle(page)
    link = copied(page)
    for part in (
        "threshold=0.6",
        f"sample={int(SAMPLE) + 2}.",
        "attribute=Backpack",
        "teacher_map=",
        "student_map=",
        "t=2",
        "show=",
        "scale=one",
    ):
        assert part in link, part
    assert link.startswith(url)
    other.goto(link)
    expect(other.get_by_text("Heatmaps for “Backpack”")).to_be_visible()
    assert_same(other, page)


def pick_map(page, role: str, method: str) -> None:
    picker = page.get_by_test_id("stSelectbox").filter(has_text=f"{role} map").get_by_role("combobox")
    picker.click()
    page.get_by_role("option").filter(has_text=method).first.click()


def test_a_link_of_spikes_holds_all_of_it(page, other, url: str) -> None:
    from playwright.sync_api import expect

    query = "layer=block.1.attn.q_lif&channel=5&neuron=1.1&box=0.0.2.2&t=2&side=1&attribute=Hat"
    page.goto(f"{url}/spikes?{query}")
    expect(page.get_by_text("Which neurons spike when")).to_be_visible()
    settle(page)
    page.get_by_test_id("stMultiSelect").get_by_role("combobox").fill("Boots")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    settle(page)
    link = copied(page)
    assert all(part in link for part in query.split("&")) and "followed=" in link
    other.goto(link)
    expect(other.get_by_text("Which neurons spike when")).to_be_visible()
    assert_same(other, page)


@pytest.mark.parametrize(
    ("path", "query", "ready"),
    [
        ("explain", "view=Heatmaps&scales=one+scale+per+unit&attribute=Hat", "Every heatmap for “Hat”"),
        ("explain", "view=Occlusion&hidden=c0&attribute=Hat&threshold=0.3", "Decisions that flipped"),
        ("explain", "cell=2.block.0.attn&attribute=Hat", "Which channels of the read-out carry it"),
        ("energy", "energy=memory&e_mac=3.5&e_norms=1&energy_bars=energy", "The changes are in the link"),
    ],
)
def test_links_of_the_other_pages_hold_all_of_it(page, other, url: str, path: str, query: str, ready: str) -> None:
    from playwright.sync_api import expect

    page.goto(f"{url}/{path}?{query}")
    expect(page.get_by_text(ready).first).to_be_visible()
    settle(page)
    link = copied(page)
    assert link.startswith(f"{url}/{path}?") and all(part in link for part in query.split("&")), link
    other.goto(link)
    expect(other.get_by_text(ready).first).to_be_visible()
    assert_same(other, page)


def test_an_image_of_a_dataset_is_named_and_opens_elsewhere(page, other, url: str, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    page.goto(f"{url}/evaluate?outcome=both+right")
    expect(page.get_by_text("Disagreements")).to_be_visible(timeout=SLOW_S * 1000)
    settle(page)
    page.locator("[class*=_compare] button").first.click()
    expect(page.get_by_text("Two networks look at one person")).to_be_visible()
    settle(page)
    name = page.get_by_test_id("stSelectbox").filter(has_text="Image").get_by_role("combobox").input_value()
    assert "image=data-" in page.url and "sample" not in page.url and str(tmp_path.parent) not in page.url
    expect(page.get_by_text(name).first).to_be_visible()
    other.goto(copied(page))
    expect(other.get_by_text("Two networks look at one person")).to_be_visible()
    assert_same(other, page)
