"""A server over throwaway checkpoints, and a browser tab on it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import CHROMIUM
from tiny import STUDENT, TEACHER, write_checkpoint

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_MS = 60_000  # for whatever a test waits for; a busy machine is slow, not broken


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app, served from a fresh process over throwaway checkpoints."""
    root = tmp_path_factory.mktemp("served")
    write_checkpoint(root / "tiny-teacher", TEACHER)
    write_checkpoint(root / "tiny-student", STUDENT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port),
               "--server.address", "127.0.0.1", "--server.headless", "true"]
    environment = os.environ | {"SNNPAR_CHECKPOINTS": str(root), "OMP_NUM_THREADS": "1"}
    with open(root / "server.log", "wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}", server, root / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def _wait_until_healthy(address: str, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"the app did not start: {log.read_text('utf-8', 'replace')[-2000:]}")


@pytest.fixture
def page(url: str) -> Iterator:
    """A fresh browser tab on the Compare page."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as play:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        tab = browser.new_context(viewport={"width": 1440, "height": 1600}).new_page()
        tab.set_default_timeout(PATIENCE_MS)
        tab.goto(url)
        yield tab
        browser.close()
