"""Errors that reach the end of a page: what a user can fix is said, and a fault of the program is what to report."""

from __future__ import annotations

import logging
import secrets
import traceback
from pathlib import Path

import streamlit as st

from pages.ui import chrome
from snnpar import ROOT, __version__
from snnpar.core.errors import SnnparError

log = logging.getLogger(__name__)


def tell(error: Exception) -> bool:
    """For Streamlit, which calls it with what a page raised; True: it is told, and needs no other words."""
    if isinstance(error, SnnparError):
        st.error(chrome.sentence(error), icon=":material/error:")
        return True
    number = secrets.token_hex(4)
    log.error("fault %s", number, exc_info=error)
    st.error(
        "The program failed here; that is its fault, not yours. Nothing is lost: choose something else, or load "
        f"the page again. To report it, copy this line; the server's log has more under its number.\n\n"
        f"`fault {number}: {type(error).__name__} in {place(error)}, version {__version__}`",
        icon=":material/bug_report:",
    )
    return True


def place(error: Exception) -> str:
    """The last line of this program that an error passed, as file:line."""
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT) and "site-packages" not in frame.filename
    ]
    return f"{Path(own[-1].filename).relative_to(ROOT)}:{own[-1].lineno}" if own else "unknown"
