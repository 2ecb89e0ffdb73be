"""What a finished run gained over its step 0, in numbers and in words."""

from __future__ import annotations

import streamlit as st

from snnpar.metrics.gain import GAINS, Gain, read_gain
from snnpar.runs.run import Run


def is_chance(run: Run) -> bool:
    """Is the run's result known to be no better than guessing?"""
    gain = read_gain(run.path)
    return gain is not None and gain.is_chance


def show(run: Run) -> None:
    """The result, once there is one: the two metrics with what they gained, and what that shows."""
    gain = read_gain(run.path)
    if gain is None:
        return
    with st.container(border=True, key="run_result"):
        for column, name in zip(st.columns(len(GAINS)), GAINS, strict=True):
            with column:
                _metric(gain, name)
        _verdict(gain)
        st.caption(gain.about())


def _metric(gain: Gain, name: str) -> None:
    shown = gain.gains[name][1] > 0 and not gain.is_chance  # F1 alone rises by more positive answers, too
    st.metric(
        f"{GAINS[name]} after training",
        f"{100 * gain.end[name]:.1f}",
        f"{gain.worded(name)} over step 0",
        delta_color="normal" if shown else "off",
        delta_arrow="auto" if shown else "off",
        help=f"Step 0, before the first update: {100 * gain.start[name]:.1f}. In brackets the 95% interval.",
    )


def _verdict(gain: Gain) -> None:
    if gain.is_chance:
        st.warning(gain.verdict(), icon=":material/casino:")
    elif gain.is_shown:
        st.markdown(f":material/check: {gain.verdict()}")
    else:
        st.info(gain.verdict(), icon=":material/info:")
