"""One server with two small models for all of these tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
from asking import ROOT, Server
from servers import port_of

from snnpar.serve.answers import Models, load_models


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("serve")
    log = folder / "log.txt"
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "GRADIO_TEMP_DIR": str(folder / "files"),
        "PYTHONUNBUFFERED": "1",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "snnpar", "serve", "--port", "0"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        port = port_of(process, log)
        yield Server(f"http://127.0.0.1:{port}/", port, log, folder / "files")
    finally:
        process.kill()  # it has nothing to save
        process.wait()


@pytest.fixture(scope="session")
def client(server: Server):
    return server.client()


@pytest.fixture
def small_pair(tmp_path: Path) -> tuple[str, str]:
    """Folders of a small teacher and student."""
    teacher = tiny.write_checkpoint(tmp_path / "teacher", tiny.TEACHER)
    student = tiny.write_checkpoint(tmp_path / "student", tiny.STUDENT)
    return str(teacher.path), str(student.path)


@pytest.fixture(scope="session")
def pair() -> Models:
    return load_models()
