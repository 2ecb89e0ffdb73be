"""What can be shared of a view: a link that restores it, and the two files of its evidence card."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import streamlit as st
from screen import png, said

from pages.ui.compare import evidence_card
from snnpar.sharing.evidence import Evidence, evidence_json


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
    assert evidence.truth == test.session_state["selection"].image.truth
    assert "attribute=Hat" in evidence.link and "attribute=Hat" in said(test.code)
    assert json.loads(evidence_json(evidence))["models"]["student"]["checkpoint"] == "tiny-student"


def test_the_link_of_an_own_image_holds_its_digest_alone(monkeypatch, app, pair: Path) -> None:
    test, _ = kept(monkeypatch, app, pair)
    test.file_uploader(key="upload").upload("me.png", png(), "image/png").run()
    assert "whoever opens it is asked for the file" in said(test.info)
    assert hashlib.sha256(png()).hexdigest()[:24] in said(test.code)
    assert "me.png" not in said(test.code) and "sample" not in said(test.code) and not test.exception


@pytest.mark.parametrize(
    ("browser", "link"),
    [
        ("https://lab-snn.hf.space/spikes", "https://lab-snn.hf.space/spikes?"),
        ("http://localhost:8501", "http://localhost:8501/?"),
        ("https://lab.org/par/energy/?x=1#y", "https://lab.org/par/energy/?"),
    ],
)
def test_a_link_is_a_whole_address(monkeypatch, app, pair: Path, browser: str, link: str) -> None:
    """As the browser has it, which behind a proxy is not what the server listens on."""
    monkeypatch.setattr(type(st.context), "url", property(lambda self: browser))
    test = app(pair, attribute="Hat")
    assert said(test.code).startswith(link) and "attribute=Hat" in said(test.code) and "x=1" not in said(test.code)


def test_a_link_names_what_is_on_even_at_its_defaults(monkeypatch, app, pair: Path) -> None:
    """And it opens the same view, which a bare address would not once the defaults change."""
    _, evidence = kept(monkeypatch, app, pair)
    query = dict(parse_qsl(urlsplit(evidence.link).query))
    assert set(query) >= {"teacher", "student", "sample", "attribute", "threshold"}
    again, other = kept(monkeypatch, app, pair, **query)
    assert other.link == evidence.link and not again.exception


def test_a_choice_of_several_is_whole_in_the_link(app, pair: Path) -> None:
    test = app(pair, followed=["Hat", "Backpack"])
    assert parse_qs(urlsplit(said(test.code)).query)["followed"] == ["Hat", "Backpack"]


def test_what_bars_show_is_not_what_maps_are_scaled_by(app, pair: Path) -> None:
    """Both are in the link; one name for both would break the page that is opened second."""
    test = app(pair, scale="one shared scale")
    test.switch_page("energy.py").run()
    assert not test.exception
