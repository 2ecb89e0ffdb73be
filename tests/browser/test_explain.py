"""The Explain page in a real Chromium: the ledger is read and chosen from, a mask is painted, links restore both."""

from __future__ import annotations

import re

import numpy as np
import pytest
from browsing import MARKS, settle
from tiny import PA100K, STUDENT, TEACHER, first_image, write_checkpoint

from pages.ui.components import occluder
from snnpar.explain.ledger import Ledger, entering_spikes, spike_ledger
from snnpar.explain.probing import occlude
from snnpar.images.geometry import Axis, Geometry
from snnpar.inference import analyze, load

pytestmark = MARKS
IMAGE = first_image()
ROWS, COLUMNS = STUDENT.token_grid
GEOMETRY = Geometry(*(Axis(side // 16, 0.5 / side, 16 / side) for side in STUDENT.image_size))
WAIT_MS = 90_000


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The pair that the server has: equal configurations and seeds make equal weights."""
    root = tmp_path_factory.mktemp("pair")
    return {
        role: load(write_checkpoint(root / role, config))
        for role, config in (("teacher", TEACHER), ("student", STUDENT))
    }


@pytest.fixture(scope="module")
def ledger(models: dict) -> Ledger:
    return spike_ledger(models["student"].module, analyze(models["student"], IMAGE).trace, PA100K.index("Hat"))


@pytest.fixture
def sent(page) -> list:
    """What the page sends to the server, one entry per websocket frame."""
    frames: list = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: frames.append(data)))
    return frames


def go(page, url: str, query: str, wait_for: str) -> None:
    page.goto(f"{url}/explain?{query}")
    page.locator(wait_for).first.wait_for(timeout=WAIT_MS)
    settle(page)


def number(text: str) -> float:
    """The first signed number of a text."""
    return float(re.search(r"[+−-][\d.]+", text)[0].replace("−", "-"))


def center(page, selector: str, row: int, column: int) -> tuple[float, float]:
    """Of a token of an image."""
    box = page.locator(selector).bounding_box()
    down, across = (axis.edges for axis in (GEOMETRY.rows, GEOMETRY.columns))
    x, y = across[column : column + 2].mean(), down[row : row + 2].mean()
    return box["x"] + box["width"] * x, box["y"] + box["height"] * y


def test_the_ledger_is_read_cell_by_cell_and_token_by_token(
    page, url: str, sent: list, ledger: Ledger, models: dict
) -> None:
    from playwright.sync_api import expect

    go(page, url, "attribute=Hat", "td[data-cell='2.block.0.attn']")
    for t in range(STUDENT.timesteps):
        for s, name in enumerate(ledger.branches):
            shown = number(page.locator(f"td[data-cell='{t + 1}.{name}']").inner_text())
            assert shown == pytest.approx(ledger.spikes[t, s].sum(), abs=6e-3)
    assert number(page.locator("td[data-cell='all.all']").inner_text()) == pytest.approx(ledger.spikes.sum(), abs=6e-3)

    t, s = np.unravel_index(np.abs(ledger.spikes.sum(2)).argmax(), ledger.spikes.shape[:2])
    name = ledger.branches[s]
    sent.clear()
    page.locator(f"td[data-cell='{t + 1}.{name}']").click()
    spikes = entering_spikes(models["student"].module, analyze(models["student"], IMAGE).trace, name)[t]
    expect(page.get_by_text(f"{len(spikes)} channels (rows) by {ROWS * COLUMNS} tokens")).to_be_visible(timeout=WAIT_MS)
    settle(page)
    assert len(sent) == 1 and f"cell={t + 1}.{name}" in page.url
    assert page.get_by_text(re.compile("Which channels of the read-out carry it: (block|tokenizer)")).is_visible()

    sent.clear()
    for row, column in ((0, 0), (2, 1)):
        page.mouse.move(*center(page, "canvas.map", row, column))
        said, token = page.locator(".said").inner_text(), row * COLUMNS + column
        assert f"Row {row + 1}, column {column + 1}" in said
        assert number(said) == pytest.approx(ledger.spikes[t, s, token], rel=0.02, abs=2e-5)
        assert f"{spikes[:, token].sum()} of {len(spikes)} channels fire" in said
    page.locator("canvas.map").focus()
    page.keyboard.press("ArrowUp")
    assert "Row 2, column 2" in page.locator(".said").inner_text()
    page.wait_for_timeout(600)
    assert not sent  # reading needs no server


def test_cells_are_chosen_by_keyboard_and_restored_by_the_link(page, url: str) -> None:
    from playwright.sync_api import expect

    go(page, url, "attribute=Hat&cell=2.block.0.mlp", "td[data-cell='2.block.0.mlp'][aria-selected=true]")
    page.locator("td[aria-selected=true]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("td[data-cell='3.block.1.attn']")).to_have_attribute("aria-selected", "true")
    expect(page).to_have_url(re.compile(r"cell=3\.block\.1\.attn"), timeout=WAIT_MS)
    settle(page)
    page.locator("td[data-cell='all.all']").click()
    expect(page).to_have_url(re.compile(r"^(?!.*cell=)"), timeout=WAIT_MS)


def hidden(page) -> str:
    found = re.search(r"[?&]hidden=([0-9a-f]+)", page.url)
    return found[1] if found else ""


def test_a_mask_is_painted_undone_and_in_the_link(page, url: str, sent: list, models: dict) -> None:
    from playwright.sync_api import expect

    go(page, url, "view=Occlusion", ".occluder canvas")
    sent.clear()
    page.mouse.move(*center(page, ".occluder canvas", 0, 0))
    page.mouse.down()
    page.mouse.move(*center(page, ".occluder canvas", 0, 1), steps=5)
    page.mouse.move(*center(page, ".occluder canvas", 1, 1), steps=5)
    page.wait_for_timeout(700)
    assert not sent  # not before the stroke has ended
    page.mouse.up()
    mask = np.zeros((ROWS, COLUMNS), bool)
    mask[0, 0] = mask[0, 1] = mask[1, 1] = True
    expect(page.get_by_text("3 of 8 cells hidden")).to_be_visible()
    expect(page).to_have_url(re.compile(f"hidden={occluder.pack(mask)}"), timeout=WAIT_MS)
    settle(page)
    assert len(sent) == 1

    student = models["student"]
    seen = occlude(student, analyze(student, IMAGE), IMAGE, mask)
    change = f"spikes {seen.before.trace.total_spikes:,} → {seen.after.trace.total_spikes:,}"
    expect(page.get_by_text(change)).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text("only in the student").first).to_be_visible()

    link = page.url
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Paint over the image")).to_be_visible(timeout=WAIT_MS)
    assert hidden(page) == ""
    page.goto(link)
    expect(page.get_by_text("3 of 8 cells hidden")).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text(change)).to_be_visible(timeout=WAIT_MS)


def test_a_mask_is_painted_by_keyboard(page, url: str) -> None:
    from playwright.sync_api import expect

    go(page, url, "view=Occlusion", ".occluder canvas")
    page.locator(".occluder canvas").focus()
    for key in ("ArrowDown", "Space", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    mask = np.zeros((ROWS, COLUMNS), bool)
    mask[1] = True
    expect(page).to_have_url(re.compile(f"hidden={occluder.pack(mask)}"), timeout=WAIT_MS)
    page.get_by_role("button", name="Legs").click()
    mask[3:] = True  # of tokens that meet at 0, .13, .38, .63 and 1 of the height, those below about .55
    expect(page).to_have_url(re.compile(f"hidden={occluder.pack(mask)}"), timeout=WAIT_MS)
    settle(page)
    page.locator(".occluder canvas").focus()
    page.keyboard.press("u")
    expect(page.get_by_text("2 of 8 cells hidden")).to_be_visible()
    page.keyboard.press("Delete")
    expect(page.get_by_text("0 of 8 cells hidden")).to_be_visible()
    expect(page).to_have_url(re.compile(r"^(?!.*hidden=)"), timeout=WAIT_MS)
    expect(page.get_by_test_id("stException")).to_have_count(0)
