"""What can be shared of a view: a link that restores it, and the two files of its evidence card."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qsl

from screen import png, said

from pages.ui import evidence_card
from snnpar.evidence import Evidence, evidence_json


def kept(monkeypatch, app, pair: Path, **query: str) -> tuple[object, Evidence]:
    """The page, and the evidence it offers."""
    seen = []
    made = evidence_card._evidence
    monkeypatch.setattr(evidence_card, "_evidence", lambda *args: seen.append(made(*args)) or seen[-1])
    return app(pair, **query), seen[-1]


def test_the_evidence_is_what_the_page_shows(monkeypatch, app, pair: Path) -> None:
    test, evidence = kept(monkeypatch, app, pair, attribute="Hat", threshold="0.6", t="2", student_map="Spike ledger")
    assert (evidence.attribute, evidence.threshold, evidence.timestep) == ("Hat", 0.6, 2)
    assert evidence.findings["student"].heat.title == "Spike ledger" and len(evidence.findings) == 2
    assert evidence.truth == test.session_state["selection"].picture.truth
    assert "attribute=Hat" in evidence.link and "attribute=Hat" in said(test.code)
    assert json.loads(evidence_json(evidence))["models"]["student"]["checkpoint"] == "tiny-student"


def test_an_own_picture_has_no_link(monkeypatch, app, pair: Path) -> None:
    test, _ = kept(monkeypatch, app, pair)
    test.file_uploader(key="upload").upload("me.png", png(), "image/png").run()
    assert "never leaves this computer" in said(test.info) and "me.png" not in said(test.code)
    assert not test.exception


def test_a_link_names_what_is_on_even_at_its_defaults(monkeypatch, app, pair: Path) -> None:
    """And it opens the same view, which a bare address would not once the defaults change."""
    _, evidence = kept(monkeypatch, app, pair)
    query = dict(parse_qsl(evidence.link.removeprefix("?")))
    assert set(query) >= {"teacher", "student", "sample", "attribute", "threshold"}
    again, other = kept(monkeypatch, app, pair, **query)
    assert other.link == evidence.link and not again.exception


def test_what_bars_show_is_not_what_maps_are_scaled_by(app, pair: Path) -> None:
    """Both are in the link; one name for both would break the page that is opened second."""
    test = app(pair, scale="one shared scale")
    test.switch_page("pages/energy.py").run()
    assert not test.exception
