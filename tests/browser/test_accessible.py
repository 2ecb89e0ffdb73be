"""axe-core finds nothing serious on any page, light and dark, and what a screen reader says is words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
import pytest
from browsing import MARKS, browser_context, served, settle
from made_runs import make_run
from screen import png
from tiny import STUDENT, TEACHER, write_checkpoint

from pages.ui.chrome import PAGES
from snnpar.evaluation.evaluate import evaluate_checkpoint
from snnpar.evaluation.slices import DataChoice

pytestmark = MARKS
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
# All rules, best practice included, and this one, which axe still calls an experiment.
VIOLATIONS = """async () => {
  const rules = {"label-content-name-mismatch": {enabled: true}};
  const {violations} = await axe.run(document, {rules, resultTypes: ["violations"]});
  return violations.filter(({impact}) => ["serious", "critical"].includes(impact)).flatMap(({id, nodes}) =>
    nodes.map((node) => ({rule: id, target: node.target.flat(9).join(" >> "), html: node.html.slice(0, 200),
      why: [...node.any, ...node.all, ...node.none].map((check) => check.message).join(" ")})));
}"""
NAMED = {
    "button",
    "checkbox",
    "combobox",
    "link",
    "radio",
    "radiogroup",
    "searchbox",
    "slider",
    "spinbutton",
    "switch",
    "tab",
    "textbox",
}
MARKUP = re.compile(r":[a-z-]+\[|:material/|\*\*|`|[■●]")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app over a pair that was evaluated, with a finished run."""
    root = tmp_path_factory.mktemp("accessible")
    for name, config in (("tiny-teacher", TEACHER), ("tiny-student", STUDENT)):
        write_checkpoint(root / name, config)
        evaluate_checkpoint(root / name, DataChoice(rendered=12), root=root / "evaluations")
    make_run(root, "done")
    with served(root) as (_, address):
        yield address


@pytest.fixture(scope="module")
def tab(url: str) -> Iterator:
    with browser_context() as context:
        yield context.new_page()


def serious(tab) -> list[dict]:
    """Violations of impact serious or critical in both colour schemes."""
    found = []
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        settle(tab)  # and colours have faded over
        tab.evaluate(AXE)
        found += [{"scheme": scheme} | one for one in tab.evaluate(VIOLATIONS)]
    return found


def names(tab) -> list[tuple[str, str]]:
    """(role, name) of all that can be used, as the browser tells a screen reader."""
    session = tab.context.new_cdp_session(tab)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in NAMED
    ]


def check(tab) -> None:
    """Raises AssertionError with all that is wrong."""
    assert serious(tab) == []
    icons = {text for text in tab.get_by_test_id("stIconMaterial").all_text_contents() if "_" in text}
    found = names(tab)
    assert len(found) > 5
    assert [(role, name) for role, name in found if not name.strip()] == []
    assert [(role, name) for role, name in found if MARKUP.search(name) or icons & set(name.split())] == []


@pytest.mark.parametrize("title", PAGES)
def test_a_page_has_no_serious_violation(tab, url: str, title: str) -> None:
    tab.goto(f"{url}/{'' if title == 'Compare' else title.lower()}")
    tab.get_by_test_id("stHeading").first.wait_for()
    settle(tab)
    check(tab)


@pytest.mark.parametrize("view", ["Heatmaps", "Occlusion"])
def test_the_views_of_explain_have_none(tab, url: str, view: str) -> None:
    tab.goto(f"{url}/explain?view={view}")
    tab.get_by_test_id("stHeading").first.wait_for()
    settle(tab)
    check(tab)


def test_the_crop_tool_has_none(tab, url: str) -> None:
    tab.goto(url)
    tab.get_by_role("button", name="Your own").click()
    tab.locator('input[type="file"]').set_input_files(
        {"name": "street.png", "mimeType": "image/png", "buffer": png(640, 480)}
    )
    tab.locator(".stage").wait_for()
    tab.keyboard.press("Escape")
    settle(tab)
    check(tab)


def test_a_run_looked_at_has_none(tab, url: str) -> None:
    tab.goto(f"{url}/train?run=done")
    tab.get_by_test_id("stPlotlyChart").first.wait_for()
    settle(tab)
    check(tab)


def test_escape_closes_an_explanation_and_gives_the_focus_back(tab, url: str) -> None:
    tab.goto(url)
    opener = tab.locator("summary[aria-label='How is the energy estimated?']")
    opener.focus()
    tab.keyboard.press("Enter")
    tab.locator(".energy details[open]").wait_for()
    tab.keyboard.press("Escape")
    tab.locator(".energy details:not([open])").wait_for()
    assert opener.evaluate("node => node.getRootNode().activeElement === node")
