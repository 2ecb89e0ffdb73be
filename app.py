"""SNN-PAR Explorer: `streamlit run app.py`."""

import streamlit as st

from pages.ui import chrome, visitors
from snnpar import ASSETS

st.set_page_config(page_title="SNN-PAR Explorer", page_icon="🚶", layout="wide")
st.logo(ASSETS / "logo.svg", size="large")
visitors.admit()
page = chrome.navigation()
chrome.bar(page)
page.run()
