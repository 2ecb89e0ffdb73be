"""SNN-PAR Explorer: `streamlit run app.py`. The pages begin in pages/main.py; this is what stands before them."""

import streamlit as st
from starlette.middleware import Middleware

from snnpar.core.environment import set_defaults

set_defaults()  # before the pages bring torch

from pages.ui.server import faults, sessions  # noqa: E402
from pages.ui.server.door import Door  # noqa: E402

app = st.App("pages/main.py", middleware=[Middleware(Door)], lifespan=sessions.swept, on_script_error=faults.tell)
