"""The time bar in a real Chromium: everything follows t, and the server hears of it only when the bar comes to rest."""

from __future__ import annotations

import re

import numpy as np
import pytest
from browsing import MARKS, settle
from tiny import PA100K, STUDENT, TEACHER, first_image, write_checkpoint

from snnpar.energy.estimate import energy_over_time
from snnpar.explain import heatmap
from snnpar.figures import palette, span
from snnpar.inference import analyze, load, prefix_probs
from snnpar.metrics.defaults import ATTRIBUTE
from snnpar.metrics.outcomes import decided_at

pytestmark = MARKS
T = STUDENT.timesteps
IMAGE = first_image()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The pair that the server has: equal configurations and seeds make equal weights."""
    root = tmp_path_factory.mktemp("pair")
    return {
        role: load(write_checkpoint(root / role, config))
        for role, config in (("student", STUDENT), ("teacher", TEACHER))
    }


@pytest.fixture(scope="module")
def trace(models: dict):
    return analyze(models["student"], IMAGE).trace


@pytest.fixture
def sent(page, url: str) -> list:
    """What the page sends to the server from now on, one entry per websocket frame."""
    frames: list = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: frames.append(data)))
    page.goto(f"{url}/?student_map=q.k+co-fire+counts")
    bar(page).wait_for(timeout=60_000)
    settle(page)
    frames.clear()
    return frames


def bar(page):
    return page.get_by_label("Timestep", exact=True)


def rested(page, sent: list, t: int, *, frames: int) -> None:
    """The link says t, or nothing at the end, and that took so many frames to the server, and no more follow."""
    from playwright.sync_api import expect

    expect(page).to_have_url(re.compile(rf"[?&]t={t}(&|$)" if t < T else r"^(?!.*[?&]t=)"), timeout=60_000)
    page.wait_for_timeout(1000)
    assert len(sent) == frames


def said(page) -> np.ndarray:
    """The student's probabilities as the table shows them."""
    titles = page.locator("td.student .number").evaluate_all("cells => cells.map(cell => cell.title)")
    return np.array([float(title.rstrip("%")) / 100 for title in titles])


def place(page, t: int) -> tuple[float, float]:
    """Where the thumb is at t: the track starts and ends half a thumb inside the bar."""
    box = bar(page).bounding_box()
    return box["x"] + 8 + (box["width"] - 16) * (t - 1) / (T - 1), box["y"] + box["height"] / 2


def pixels(page) -> np.ndarray:
    """RGBA of the student's map."""
    canvas = page.locator("figure[data-role=student] .stack canvas")
    size = canvas.evaluate("c => [c.height, c.width]")
    flat = canvas.evaluate("c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)")
    return np.array(flat, np.uint8).reshape(*size, 4)


def test_arrow_keys_take_everything_to_every_t(page, sent: list, models: dict, trace) -> None:
    probs = prefix_probs(trace.logits_per_timestep[:, 0])
    energy = energy_over_time(trace)
    heat = heatmap("co_fire", models["student"], IMAGE, ATTRIBUTE)
    low, high = span(heat.bound, signed=False)
    decided = [f"decided at t={t}, stable since" for t in decided_at(probs, 0.45)]
    assert page.locator(".decided").all_inner_texts() == decided
    bar(page).focus()
    for t in (3, 2, 1):
        assert page.get_by_text(f"t = {t} of {T}").is_visible()
        np.testing.assert_allclose(said(page), probs[t - 1], atol=6e-5)
        number = page.locator(".meters [data-role=student] .number").inner_text()
        assert float(re.search(r"[\d.]+", number)[0]) == pytest.approx(energy[t - 1], rel=6e-3)
        shade = np.floor(255 * (heat.over_time()[t - 1] - low) / (high - low) + 0.5).astype(int)
        drawn = pixels(page).astype(int)
        expected = heat.geometry.spread(palette(signed=False)[shade], *drawn.shape[:2])  # each token where it lies
        assert len(np.unique(heat.geometry.rows.edges)) == 5 and heat.geometry.shift == pytest.approx(7.5 / 16)
        seen = expected[..., 3] > 64  # a canvas keeps the colour of nearly clear pixels only roughly
        assert np.abs(drawn - expected)[seen].max() <= 2 and seen.any()
        assert np.abs(drawn[..., 3] - expected[..., 3]).max() <= 1
        x = page.locator(".cursor").first.get_attribute("x1")
        assert float(x) == pytest.approx(4 + 38 * (t - 1))
        page.keyboard.press("ArrowLeft")
    rested(page, sent, 1, frames=2)  # the third press had nowhere to go
    page.keyboard.press("End")
    rested(page, sent, T, frames=3)


def test_a_key_held_down_is_one_movement(page, sent: list) -> None:
    bar(page).focus()
    for _ in range(T - 1):
        page.keyboard.down("ArrowLeft")
        page.wait_for_timeout(150)
    assert page.get_by_text(f"t = 1 of {T}").is_visible() and not sent
    page.keyboard.up("ArrowLeft")
    rested(page, sent, 1, frames=1)


def test_the_bar_goes_on_while_the_server_hears_of_it(page, sent: list) -> None:
    """An answer to an earlier rest does not take the bar back."""
    bar(page).focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.down("ArrowLeft")
    page.wait_for_timeout(1500)  # long enough for the answer
    assert len(sent) == 1 and page.get_by_text(f"t = 1 of {T}").is_visible()
    page.keyboard.up("ArrowLeft")
    rested(page, sent, 1, frames=2)


def test_dragging_and_playing_send_nothing_and_a_release_at_most_one(page, sent: list, trace) -> None:
    from playwright.sync_api import expect

    probs = prefix_probs(trace.logits_per_timestep[:, 0])
    page.mouse.move(*place(page, T))
    page.mouse.down()
    for t in (2, 1, 2):
        page.mouse.move(*place(page, t), steps=12)
        expect(page.get_by_text(f"t = {t} of {T}")).to_be_visible()
        np.testing.assert_allclose(said(page), probs[t - 1], atol=6e-5)
    page.wait_for_timeout(500)
    assert not sent
    page.mouse.up()
    rested(page, sent, 2, frames=1)

    page.mouse.move(*place(page, 2))
    page.mouse.down()
    page.mouse.move(*place(page, 1), steps=12)
    page.mouse.move(*place(page, 2), steps=12)
    page.mouse.up()
    rested(page, sent, 2, frames=1)  # where it was before: nothing new to tell


def test_play_and_pause(page, sent: list) -> None:
    from playwright.sync_api import expect

    page.get_by_role("button", name="Play the timesteps").click()  # from the end: from the beginning
    expect(page.get_by_text(f"t = 1 of {T}")).to_be_visible()
    expect(page.get_by_text(f"t = 2 of {T}")).to_be_visible()
    assert not sent
    page.get_by_role("button", name="Pause").click()
    rested(page, sent, 2, frames=1)
    expect(page.get_by_text(f"t = 2 of {T}")).to_be_visible()
    sent.clear()
    bar(page).focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_text(f"t = {T} of {T}")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("button", name="Play the timesteps")).to_be_visible()
    rested(page, sent, T, frames=1)


def test_t_is_in_the_link_and_on_the_other_pages(page, sent: list, url: str) -> None:
    from playwright.sync_api import expect

    bar(page).focus()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"[?&]t=2"))
    link = page.url
    page.get_by_role("link", name="Spikes").click()
    expect(page.get_by_text("Spikes by layer and timestep").first).to_be_visible()
    settle(page)
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_text(f"t = 2 of {T}")).to_be_visible()
    expect(page).to_have_url(re.compile(r"[?&]t=2"))
    other = page.context.browser.new_context().new_page()
    other.goto(link)
    expect(other.get_by_text(f"t = 2 of {T}")).to_be_visible(timeout=60_000)
    assert other.get_by_text("q.k co-fire counts").first.is_visible()


def test_filters_search_and_sorting_need_no_server_and_a_row_picks_its_attribute(page, sent: list, trace) -> None:
    from playwright.sync_api import expect

    def labels() -> list[str]:
        return page.locator("tr[data-attribute]:visible td.label").all_inner_texts()

    assert labels() == list(PA100K.labels)
    page.get_by_label("Search attributes").fill("sleeve")
    assert labels() == ["Short sleeves", "Long sleeves"]
    page.get_by_label("Search attributes").fill("no such thing")
    expect(page.get_by_text("No attribute passes this filter.")).to_be_visible()
    page.get_by_label("Search attributes").fill("")
    page.locator("th.student button").click()
    order = np.argsort(-prefix_probs(trace.logits_per_timestep[:, 0])[-1], kind="stable")
    assert labels() == [PA100K.labels[i] for i in order]
    page.wait_for_timeout(300)
    assert not sent

    kinds = page.locator(".filters button")
    wrong = int(kinds.filter(has_text="wrong").inner_text().split()[1])
    kinds.filter(has_text="wrong").click()
    assert len(labels()) == wrong
    expect(page).to_have_url(re.compile(r"[?&]show=wrong"))
    kinds.filter(has_text="all").click()

    row = page.locator("tr[data-attribute=Backpack]")
    row.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Heatmaps for “Backpack”")).to_be_visible()
    settle(page)
    assert "attribute=Backpack" in page.url and row.get_attribute("aria-selected") == "true"
    assert row.evaluate("row => row.getRootNode().activeElement === row")  # the focus is where it was
    assert labels() == [PA100K.labels[i] for i in order]  # and so is the order


def test_a_help_opens_by_key_and_closes_with_escape(page, sent: list) -> None:
    from playwright.sync_api import expect

    page.get_by_label("What is the time bar?").press("Enter")
    expect(page.get_by_text("the mean of its logits z so far")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("the mean of its logits z so far")).to_be_hidden()


def test_names_are_text_and_never_markup(page, url: str) -> None:
    from playwright.sync_api import expect
    from screen import png

    page.get_by_role("button", name="Your own").click()
    name = "<img src=x onerror=window.broken=1>.png"
    page.locator('input[type="file"]').set_input_files({"name": name, "mimeType": "image/png", "buffer": png()})
    expect(page.get_by_text(name, exact=False).first).to_be_visible(timeout=60_000)
    settle(page)
    assert page.evaluate("window.broken") is None and page.locator('img[src="x"]').count() == 0
