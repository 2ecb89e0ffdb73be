"""Near duplicates of training images on the Evaluate page: how many there are, which, and all numbers without them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui.chrome import sentence
from pages.ui.evaluate import evaluating
from pages.ui.evaluate.evaluated import EvaluationGroup
from pages.ui.server import access
from pages.ui.widgets import frames
from pages.ui.widgets.literal import literal
from snnpar.core.errors import SnnparError
from snnpar.metrics.report import duplicates_words, leave_out


def toggle(whole: EvaluationGroup) -> bool:
    """Whether all numbers of the page leave them out; off, and why, where that changes nothing or cannot be had."""
    count, problem = 0, ""
    try:
        count = max(leave_out(one.info)["left_out"] for one in whole.models.values())
    except SnnparError as error:
        problem = sentence(error)
    counted = f" ({count:,})" if count else ""
    wanted = st.toggle(
        f"Leave out near duplicates of training images{counted}",
        key="leave_out",
        bind="query-params",
        disabled=not count,
        help=problem
        or "A network has seen these people, nearly in the same image, while it was "
        "trained. Switched on, every number and image below is without them.",
    )
    return wanted and bool(count)


def explain(shown: EvaluationGroup) -> None:
    """What is known of them, the images by name, and how to know where nobody has looked."""
    lacking = {role: one for role, one in shown.models.items() if "near_duplicates" not in one.info}
    info = next(iter((lacking or shown.models).values())).info
    words = sentence(duplicates_words(info))
    st.caption(words[0].upper() + words[1:])
    if lacking:
        evaluating.offer_again(lacking)
        return
    found = info["near_duplicates"]
    if not found["images"] or access.denied("paths"):
        return
    with st.expander("Which images, and of which training images"):
        st.caption(
            f"Near duplicates: {found['definition']}, their mean removed. The most similar training image of "
            f"each, of {literal(found['compared_with'])}."
        )
        rows = pd.DataFrame(found["images"]).sort_values("correlation", ascending=False)
        st.dataframe(
            frames.texts(rows),
            hide_index=True,
            key="near_duplicates",
            column_config={
                "file": st.column_config.TextColumn("Image"),
                "train_file": st.column_config.TextColumn("Training image"),
                "correlation": st.column_config.NumberColumn("Correlation", format="%.3f"),
            },
        )
