"""What every page begins with: the page's settings, the navigation and the bar. Streamlit runs it for every visitor."""

import streamlit as st

from pages.ui import chrome
from snnpar import ASSETS

st.set_page_config(page_title="SNN-PAR Explorer", page_icon="🚶", layout="wide")
st.logo(ASSETS / "logo.svg", size="large")
page = chrome.navigation()
chrome.bar(page)
page.run()
