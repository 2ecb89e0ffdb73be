"""SNN-PAR Explorer: `streamlit run app.py`. The pages begin in pages/main.py; this is what stands before them."""

import streamlit as st
from starlette.middleware import Middleware

from pages.ui.server import faults, sessions
from pages.ui.server.door import Door

app = st.App("pages/main.py", middleware=[Middleware(Door)], lifespan=sessions.swept, on_script_error=faults.tell)
