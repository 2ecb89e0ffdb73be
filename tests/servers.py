"""What tests that start a server share."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest

START_S = 120  # a busy machine is slow, not broken
ADDRESS = re.compile(r"(?:URL: |serving at )http://([\w.]+):(\d+)")


def port_of(process: subprocess.Popen, log: Path) -> int:
    """The port that the system gave to a server of ours, Streamlit's or Gradio's, once its log says so."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        text = log.read_text("utf-8", "replace")
        if found := ADDRESS.search(text):
            return int(found[2])
        if process.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"the server did not start: {log.read_text('utf-8', 'replace')[-2000:]}")
