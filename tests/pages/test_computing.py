"""Heavy work of a page: kept, computed in turn, and what one who waits is told."""

from __future__ import annotations

import threading

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.server import computing
from snnpar.core.turns import Turns


def script() -> None:
    import streamlit as st

    from pages.ui.server.computing import computed

    @computed(max_entries=2)
    def double(number: int, _unhashable: object) -> int:
        st.session_state["calls"] = st.session_state.get("calls", 0) + 1
        return 2 * number

    st.markdown(str(double(st.session_state.get("number", 4), [])))


@pytest.fixture
def test(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(computing, "TURNS", Turns(1, most_waiting=1))
    monkeypatch.setattr(computing, "PATIENCE_S", 0.0)
    return AppTest.from_function(script, default_timeout=30)


def test_a_result_is_kept_and_each_is_computed_once(test: AppTest) -> None:
    test.run().run()
    assert test.markdown[0].value == "8" and test.session_state["calls"] == 1 and not test.toast
    test.session_state["number"] = 5
    assert test.run().markdown[0].value == "10" and test.session_state["calls"] == 2


def test_who_waits_is_told_how_many_are_ahead(test: AppTest) -> None:
    test.session_state["number"] = 6
    begun, over = threading.Event(), threading.Event()

    def hold() -> None:
        with computing.TURNS.taken():
            begun.set()
            over.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert begun.wait(30)
    threading.Timer(1.0, over.set).start()
    test.run()
    holder.join()
    assert test.markdown[0].value == "12"
    assert [toast.value for toast in test.toast][-1] == "It is your turn."


def test_a_full_line_is_one_sentence(test: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    test.session_state["number"] = 7
    monkeypatch.setattr(computing, "TURNS", Turns(1, most_waiting=0))
    with computing.TURNS.taken():
        result: list[AppTest] = []
        other = threading.Thread(target=lambda: result.append(test.run()))
        other.start()
        other.join()
    assert "Try again in a minute" in result[0].warning[0].value and not result[0].markdown
