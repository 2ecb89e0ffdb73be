"""What a page says of an error that nobody caught."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from browsing import served
from streaming import first_run
from streamlit.testing.v1 import AppTest

from snnpar import __version__

SCRIPT = """
from pages.ui import chrome
from pages.ui.server import faults
from snnpar.core.errors import SnnparError
try:
    {what}
except Exception as error:
    assert faults.tell(error)
"""


def told(what: str) -> str:
    test = AppTest.from_string(SCRIPT.format(what=what), default_timeout=60).run()
    assert not test.exception and len(test.error) == 1
    return test.error[0].value.replace("\\", "")  # letter by letter


def test_what_a_user_can_fix_is_a_sentence() -> None:
    assert told("raise SnnparError('the name is taken; choose another')") == "the name is taken; choose another."


def test_a_fault_of_the_program_says_what_to_report_and_logs_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        said = told("chrome.mark('/secret/place')")
    number = said.partition("`fault ")[2].partition(":")[0]
    assert "KeyError in pages/ui/chrome.py:" in said and __version__ in said and "secret" not in said
    assert number in caplog.text and "Traceback" in caplog.text and "secret" in caplog.text


def test_streamlit_asks_for_it(tmp_path: Path) -> None:
    """On a real server, where a page and not this test raises."""
    (tmp_path / "broken.py").write_text("import streamlit as st\nst.header('Before')\n{}['/secret']\n")
    (tmp_path / "app.py").write_text(
        "import streamlit as st\nfrom pages.ui.server import faults\n"
        "app = st.App('broken.py', on_script_error=faults.tell)\n"
    )
    with served(tmp_path, tmp_path / "app.py") as (_, url):
        heard = asyncio.run(first_run(url, "127.0.0.1"))
    assert "Before" in heard and "KeyError in" in heard and "its fault, not yours" in heard and "secret" not in heard
    assert "secret" in (tmp_path / "server.log").read_text("utf-8")
