"""The app over throwaway checkpoints, driven without a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from energy_page import PARTS
from hub_server import Hub, Repo
from streamlit.testing.v1 import AppTest
from tiny import STUDENT, TEACHER, first_image, write_checkpoint

import snnpar
from snnpar.checkpoint import read_checkpoint, write_config
from snnpar.evaluation.evaluations import Evaluation
from snnpar.inference import analyze, load
from snnpar.runs.jobs import JobStatus
from snnpar.spikes.trace import SpikeTrace

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
        monkeypatch.setattr(snnpar, "CHECKPOINTS", checkpoints)
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


@pytest.fixture
def shelf(tmp_path: Path, pair: Path, empty_hub: Hub) -> Path:
    """The tiny pair, of which the student was taught by the teacher, and a Hub with another student."""
    shutil.copytree(pair, tmp_path / "shelf")
    student = read_checkpoint(tmp_path / "shelf" / "tiny-student")
    train = {"dataset": "rendered", "teacher": "tiny-teacher", "logit_kd": True}
    write_config(student.path, student.model, student.schema, train, {"commit": "c0ffee"})
    files = {path.name: path.read_bytes() for path in student.path.iterdir()}
    empty_hub.repos["lab/student"] = Repo()
    empty_hub.repos["lab/student"].push(files, "v1")
    empty_hub.repos["lab/student"].push(files | {"README.md": b"# Other"})
    return tmp_path / "shelf"


@pytest.fixture(scope="module")
def traces(pair: Path) -> dict[str, SpikeTrace]:
    """What both tiny models do with the sample that the app begins with."""
    image = first_image()
    return {role: analyze(load(read_checkpoint(pair / name)), image).trace for role, name in PARTS.items()}


@pytest.fixture
def open_energy(app):
    """open_energy(checkpoints, **query): the page as a link opens it."""

    def open_page(checkpoints: Path, **query: str) -> AppTest:
        test = app(checkpoints).switch_page("energy.py")
        for name, value in query.items():
            test.query_params[name] = value
        test.run()
        assert not test.exception, test.exception
        return test

    return open_page


@pytest.fixture
def root(pair: Path, tmp_path: Path) -> Path:
    """Checkpoints that may be written to, not evaluated yet."""
    shutil.copytree(pair, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[Evaluation]:
    """Evaluations the page starts, instead of starting them."""
    started: list[Evaluation] = []
    monkeypatch.setattr("pages.ui.evaluate.evaluating.launch", started.append)
    return started
