"""The raster, the box and the membrane in a real Chromium, against what the library says of the same student."""

from __future__ import annotations

import re

import numpy as np
import pytest
from browsing import MARKS, settle
from tiny import STUDENT, first_image, write_checkpoint

from snnpar.energy.estimate import accumulates_by_token
from snnpar.explain.membrane import record_membrane
from snnpar.images.geometry import Axis
from snnpar.inference import LoadedModel, analyze, load
from snnpar.spikes import raster
from snnpar.spikes.trace import SpikeTrace

pytestmark = MARKS
T, GRID = STUDENT.timesteps, STUDENT.token_grid
ROWS, COLUMNS = GRID
GUTTER, HEAD = 46, 20  # of cells.js
Q = "block.0.attn.q_lif"
IMAGE = first_image()


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """The one that the server has: equal configurations and seeds make equal weights."""
    return load(write_checkpoint(tmp_path_factory.mktemp("student") / "student"))


@pytest.fixture(scope="module")
def trace(student: LoadedModel) -> SpikeTrace:
    return analyze(student, IMAGE).trace


@pytest.fixture
def sent(page) -> list:
    """What the page sends to the server, one entry per websocket frame."""
    frames: list = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: frames.append(data)))
    return frames


def visit(page, url: str, sent: list, **said: str) -> None:
    page.goto(f"{url}/spikes?" + "&".join(f"{name}={value}" for name, value in said.items()))
    page.locator(".readout").wait_for(state="attached", timeout=60_000)
    settle(page)
    sent.clear()


def in_link(page, what: str) -> None:
    from playwright.sync_api import expect

    expect(page).to_have_url(re.compile(rf"[?&]{re.escape(what)}(&|$)"), timeout=60_000)
    settle(page)


def not_in_link(page, name: str) -> None:
    from playwright.sync_api import expect

    expect(page).not_to_have_url(re.compile(rf"[?&]{name}="), timeout=60_000)
    settle(page)


def value(page, name: str) -> float:
    return float(page.locator(f"[data-of={name}]").get_attribute("data-value"))


def token_at(page, row: int, column: int) -> tuple[float, float]:
    """The middle of a token of the image."""
    box = page.locator(".brush").bounding_box()
    height, width = STUDENT.image_size
    middle = [Axis(side // 16, 0.5 / side, 16 / side).edges for side in (width, height)]
    x, y = (edges[place : place + 2].mean() for edges, place in zip(middle, (column, row), strict=True))
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def cell_at(page, row: int, x: int, height: int, width: int) -> tuple[float, float]:
    """The middle of a cell of a raster of height x width cells, none of them out of sight."""
    box = page.locator(".cells").bounding_box()
    return (
        box["x"] + GUTTER + (x + 0.5) * (box["width"] - GUTTER) / width,
        box["y"] + HEAD + (row + 0.5) * (box["height"] - HEAD) / height,
    )


def test_a_box_on_the_person_keeps_its_tokens(page, url: str, sent: list, trace: SpikeTrace) -> None:
    visit(page, url, sent, layer=Q, t="2")
    page.locator(".brush").scroll_into_view_if_needed()
    page.mouse.move(*token_at(page, 1, 0))
    page.mouse.down()
    page.mouse.move(*token_at(page, 3, 0), steps=5)
    page.mouse.move(*token_at(page, 2, 0), steps=5)
    counts = raster.counts_by_token(trace, GRID)[Q].reshape(T, *GRID)[:, 1:3, 0]
    acs = accumulates_by_token(trace, GRID)
    numbers = {
        "box-tokens": 2,
        "box-now": counts[1].sum(),
        "box-rate": counts[1].sum() / (2 * STUDENT.dim),
        "box-ever": counts.sum(),
        "box-acs": acs[:2, 1:3, 0].sum(),
        "all-acs": acs[:2].sum(),
        "box-energy": acs[:2, 1:3, 0].sum() * 0.9e-6,
    }
    for name, expected in numbers.items():
        assert value(page, name) == pytest.approx(expected, rel=1e-6), name
    page.wait_for_timeout(500)
    assert sent == []  # nothing while the box is drawn
    page.mouse.up()
    in_link(page, "box=1.0.2.0")
    assert len(sent) == 1
    for name, expected in numbers.items():
        assert value(page, name) == pytest.approx(expected, rel=1e-6), name
    assert "all 2 tokens of the box" in page.locator(".shown").inner_text()
    rates = raster.counts_by_token(trace, GRID)["patch_embed.proj4_lif"].reshape(T, *GRID)[1, 1:3, 0]
    share = rates.sum() / (trace.neurons("patch_embed.proj4_lif") * 2 / (ROWS * COLUMNS))
    label = page.locator("button[title='patch_embed.proj4_lif']").get_attribute("aria-label")
    assert f"{100 * share:.1f}% at t = 2" in label

    page.locator(".brush").press("Escape")
    not_in_link(page, "box")
    assert page.locator("[data-of=box-now]").count() == 0


def test_the_keys_draw_a_box_too(page, url: str, sent: list) -> None:
    visit(page, url, sent, layer=Q)
    brush = page.locator(".brush")
    brush.focus()
    for key in ("ArrowDown", "ArrowDown", "Shift+ArrowDown", "Shift+ArrowRight"):
        brush.press(key)
    page.wait_for_timeout(500)
    assert sent == []
    brush.press("Enter")
    in_link(page, "box=1.0.2.1")
    assert "rows 2 to 3, columns 1 to 2" in brush.get_attribute("aria-label")


def test_every_cell_says_whether_it_spikes(page, url: str, sent: list, trace: SpikeTrace) -> None:
    visit(page, url, sent, layer=Q)
    cells, said = page.locator(".cells"), page.locator(".readout")
    layer = raster.by_token(raster.maps(trace, Q, GRID), GRID)[..., 0, 0]
    page.locator(".single").click()
    cells.focus()
    cells.press("ArrowRight")
    heard = []
    for _ in range(6):
        words = said.inner_text()
        channel, token, t = (int(re.search(rf"{name}(\d+)", words)[1]) for name in ("Channel ", "token ", "t = "))
        assert words.endswith(": spike") == layer[channel, t - 1, token]
        heard.append((channel, token, t))
        cells.press("ArrowDown")
    assert [channel for channel, _, _ in heard] == [*range(6)] and len({(token, t) for _, token, t in heard}) == 1
    assert sent == []  # zoom and cursor are the browser's


def test_a_row_shows_its_channel_and_a_cell_its_membrane(
    page, url: str, sent: list, student: LoadedModel, trace: SpikeTrace
) -> None:
    visit(page, url, sent, layer=Q)
    page.locator(".cells").scroll_into_view_if_needed()
    maps = raster.maps(trace, Q, GRID)
    channel = int(maps.sum((1, 2, 3)).argmax())
    size = (STUDENT.dim, T * ROWS * COLUMNS)
    x, y = cell_at(page, channel, 0, *size)
    page.mouse.click(page.locator(".cells").bounding_box()["x"] + GUTTER / 2, y)
    in_link(page, f"channel={channel}")
    assert page.locator(".map-note").inner_text().startswith(f"Channel {channel} of {Q}")
    not_in_link(page, "neuron")

    t, row, column = (int(i[0]) for i in np.nonzero(maps[channel]))
    x, y = cell_at(page, channel, t * ROWS * COLUMNS + row * COLUMNS + column, *size)
    page.mouse.click(x, y)
    in_link(page, f"neuron={row}.{column}")
    potential = record_membrane(student, IMAGE, Q).potential.reshape(T, STUDENT.dim, *GRID)[:, channel, row, column]
    table = page.locator(".potential table tr")
    assert table.nth(1).locator("td").all_inner_texts() == [f"{h:.3f}" for h in potential]
    fired = maps[channel, :, row, column]
    assert table.nth(2).locator("td").all_inner_texts() == ["●" if spike else "–" for spike in fired]
    assert page.locator(".potential .reset").count() == page.locator(".dot.fired").count() == fired.sum()

    page.reload()
    page.locator(".potential table").wait_for(timeout=60_000)
    assert page.locator(".whose").inner_text().endswith(f"{Q}, channel {channel}, row {row}, column {column}")


def test_the_strip_opens_layers_and_time_stays_in_the_browser(page, url: str, sent: list, trace: SpikeTrace) -> None:
    visit(page, url, sent, layer=Q)
    first = page.locator(f"button[title='{Q}']")
    labels = page.evaluate(  # in one go: between two commands from here, a busy machine may let t come to rest
        "([slider, button]) => [1, 2].map((t) => { slider.value = t;"
        " for (const kind of ['input', 'change']) slider.dispatchEvent(new Event(kind, { bubbles: true }));"
        " return button.getAttribute('aria-label'); })",
        [page.locator("input.t").element_handle(), first.element_handle()],
    )
    for t, label in zip((1, 2), labels, strict=True):
        told = re.search(rf"([\d.]+)% at t = {t}$", label)
        assert float(told[1]) == pytest.approx(100 * trace.rates(Q)[t - 1], abs=0.0501)  # a tie is rounded up
    in_link(page, "t=2")
    assert len(sent) == 1  # both moves, once they had come to rest

    first.focus()
    first.press("ArrowRight")
    page.keyboard.press("Enter")
    in_link(page, "layer=block.0.attn.k_lif")
    assert "block.0.attn.k_lif" in page.locator(".shown").inner_text()
    assert page.locator("[aria-pressed=true][title='block.0.attn.k_lif']").count() == 1


def test_playing_never_asks_the_server(page, url: str, sent: list) -> None:
    from playwright.sync_api import expect

    visit(page, url, sent, layer=Q, t="2")
    page.locator(".play").click()
    expect(page.locator(".now")).to_have_text(f"t = {T - 1} of {T}", timeout=30_000)
    assert sent == []
    expect(page.locator(".now")).to_have_text(f"t = {T} of {T}", timeout=30_000)
    not_in_link(page, "t")  # the last timestep is not in the link
    assert len(sent) == 1
    expect(page.locator(".play")).to_have_text("▶")
