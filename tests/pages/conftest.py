"""The app over throwaway checkpoints, driven without a browser."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from tiny import STUDENT, TEACHER, write_checkpoint

import snnpar
from snnpar.runs.jobs import JobStatus

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny teacher and a tiny student; not to be written to."""
    root = tmp_path_factory.mktemp("checkpoints")
    write_checkpoint(root / "tiny-teacher", TEACHER)
    write_checkpoint(root / "tiny-student", STUDENT)
    return root


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """app(checkpoints, page="", **query) opens a page of the app over a checkpoint folder and runs it."""

    def open_page(checkpoints: Path, page: str = "", **query: str) -> AppTest:
        monkeypatch.setattr(snnpar, "CHECKPOINTS", checkpoints)
        monkeypatch.setattr(snnpar, "RUNS", checkpoints / "runs")
        monkeypatch.setattr(snnpar, "EVALUATIONS", checkpoints / "evaluations")
        monkeypatch.setattr(snnpar, "SLICES", checkpoints / "slices")
        st.cache_data.clear()  # answers of the Hub
        test = AppTest.from_file(str(ROOT / "pages" / "main.py"), default_timeout=60)
        for name, value in query.items():
            test.query_params[name] = value
        test.run()
        if page:
            test.switch_page(f"{page}.py").run()
        assert not test.exception, test.exception
        return test

    return open_page


@pytest.fixture
def view(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """view(checkpoints, **query): the right half of the Train page alone."""

    def open_view(checkpoints: Path, **query: str | list[str]) -> AppTest:
        monkeypatch.setattr(snnpar, "RUNS", checkpoints / "runs")
        test = AppTest.from_string("from pages.ui.train import progress\nprogress.show_picked()", default_timeout=120)
        for name, value in query.items():
            test.query_params[name] = value
        test.run()
        assert not test.exception, test.exception
        return test

    return open_view


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have every run be in a state."""

    def pretend(name: str, message: str = "") -> None:
        for module in ("snnpar.runs.table", "pages.ui.train.progress"):
            monkeypatch.setattr(f"{module}.run_status", lambda _run: JobStatus(name, message, os.getpid()))

    return pretend
