"""What a visitor's browser may ask of this server before anything is drawn for it."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.app_session import AppSession

from snnpar import hosts
from snnpar.public import is_public


def admit() -> None:
    """End the script, with a sentence, for a page that reached this server by a name that is not the server's."""
    headers = st.context.headers  # of the request that opened the browser's connection; none in a test
    if headers:
        names = hosts.known(st.get_option("server.address") or "")
        if why := hosts.refusal(headers.get("Host"), headers.get("Origin"), names):
            st.error(why, icon=":material/lock:")
            st.stop()
    if is_public():
        # Streamlit clears the caches of all visitors when one visitor's browser says so.
        AppSession._handle_clear_cache_request = _refuse


def _refuse(_session: AppSession) -> None:
    """What one visitor asks for is not done to all."""
