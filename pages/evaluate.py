"""Evaluate: how often both networks are right on many people, where they differ, and what more timesteps change."""

import streamlit as st

from pages.ui import chrome
from pages.ui.chrome import sentence
from pages.ui.evaluate import evaluated, evaluating, near_duplicates, outcome_tables, over_time, scores, starred
from snnpar.core.errors import SnnparError

selection = chrome.selection()
st.header("Evaluation", anchor=False)
st.caption(
    "How often are they right? An evaluation asks a network about every image of a dataset and compares the "
    "answers with the labels. It is a folder on disk; the page shows what is in it."
)
models = evaluated.picked(selection)
running = evaluating.under_way(selection)
if not models:
    if not running:
        evaluating.offer_pair(selection)
    evaluating.form(selection)
    st.stop()
evaluating.form(selection)
if not evaluated.on_same_images(models):
    evaluating.offer_same(models)
    st.stop()
try:
    whole = evaluated.load(models)
except SnnparError as error:
    st.error(sentence(error), icon=":material/block:")
    st.stop()
if not running:
    evaluating.offer_missing(selection, models)
with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    convention = scores.convention()
    leave_out = near_duplicates.toggle(whole)
shown = evaluated.without_near_duplicates(whole) if leave_out else whole
attribute = evaluated.attribute(selection, shown)
scores.headline(shown, convention)
near_duplicates.explain(shown)
scores.explain()
scores.published(shown, convention)
scores.by_attribute(shown, convention, attribute)
if len(models) > 1:
    outcome_tables.who(shown, selection.threshold, attribute)
if "student" in models:
    over_time.show(shown, convention, selection.threshold, attribute)
over_time.calibration(shown, selection.threshold)
starred.show(whole, selection)
