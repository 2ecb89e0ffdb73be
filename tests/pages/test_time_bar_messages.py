"""What a browser may send in the name of the time bar."""

from __future__ import annotations

import pytest
import streamlit as st

from pages.ui import moment, time_bar

ODD = (None, True, 0, -1, 5, 10**12, 1.5, "", "2", "Female", "none", ["Female"], {"t": 1}, "x" * 10_000)


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> dict:
    """The session, the choices kept in it, and what the bar said last."""
    found = {"attribute": "Hat", time_bar.KEY: {}}
    monkeypatch.setattr(st, "session_state", found)
    monkeypatch.setattr(moment, "keep", lambda name, value: found.update({name: value}))
    return found


@pytest.mark.parametrize("message", ODD)
def test_what_the_bar_cannot_have_sent_changes_nothing(state: dict, message: object) -> None:
    state[time_bar.KEY] = {"moved": message, "filtered": message, "picked": message}
    time_bar._move(4)
    time_bar._filter(["all", "disagree"])
    time_bar._pick(["Hat", "Bag"])
    assert {name: value for name, value in state.items() if name != time_bar.KEY} in (
        {"attribute": "Hat"}, {"attribute": "Hat", "show": ""})


def test_what_the_bar_sends_is_kept(state: dict) -> None:
    state[time_bar.KEY] = {"moved": 2, "filtered": "disagree", "picked": "Bag"}
    time_bar._move(4)
    time_bar._filter(["all", "disagree"])
    time_bar._pick(["Hat", "Bag"])
    assert (state["t"], state["show"], state["attribute"]) == ("2", "disagree", "Bag")
