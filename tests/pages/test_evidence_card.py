"""What can be shared of a view: a link that restores it, and the two files of its evidence card."""

from __future__ import annotations

import json
from pathlib import Path

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
    assert "never in a link" in said(test.info) and "me.png" not in said(test.code)
    assert not test.exception
