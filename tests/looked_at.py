"""The image that a page shows, and what bar and link call it."""

from __future__ import annotations

import numpy as np
from streamlit.testing.v1 import AppTest


def shown(test: AppTest) -> np.ndarray:
    assert not test.exception, test.exception
    return test.session_state["selection"].image.image


def named(test: AppTest) -> str:
    """What the bar says is on."""
    box = test.selectbox(key="sample")
    return box.format_func(box.value)


def link(test: AppTest) -> dict[str, str]:
    return {name: value[-1] if isinstance(value, list) else value for name, value in test.query_params.items()}
