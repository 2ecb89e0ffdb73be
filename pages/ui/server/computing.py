"""Heavy functions of the pages: what they return is kept; what is not is computed when it is this visitor's turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import streamlit as st

from snnpar.core.turns import LineFull, Turns

# One at a time, because each uses all of torch's threads; so many more at most, because each keeps an image.
TURNS = Turns(at_once=1, most_waiting=50)
PATIENCE_S = 1.0  # who waits for less is not told
WAITING = ":material/hourglass_empty:"


class _NotYet(Exception):
    """It is not in the cache and must wait for a turn."""


def computed(cache: Callable[..., Any] = st.cache_resource, **options: Any) -> Callable[[Callable], Callable]:
    """As `cache(**options)`; a call whose result is not kept yet waits for its turn, and says how many are ahead.

    What waits cannot be told inside a cached function, which would tell it again with every result it keeps.
    """

    def decorate(function: Callable) -> Callable:
        @cache(**({"show_spinner": False} | options))
        @wraps(function)
        def cached(*arguments: Any) -> Any:
            if not TURNS.held:
                raise _NotYet
            return function(*arguments)

        @wraps(function)
        def asked(*arguments: Any) -> Any:
            try:
                return cached(*arguments)
            except _NotYet:
                pass
            with turn():
                return cached(*arguments)

        asked.clear = cached.clear
        return asked

    return decorate


@contextmanager
def turn() -> Iterator[None]:
    """A turn of this visitor's address; who waits for long is told how many are ahead, beside the page so that
    nothing on it moves."""
    began, told = time.monotonic(), []

    def tell(ahead: int) -> None:
        if time.monotonic() - began > PATIENCE_S:
            words = f"{ahead} ahead of you: one image is computed at a time."
            told[:] = [(told[0].toast if told else st.toast)(words, icon=WAITING, duration="infinite")]

    try:
        with TURNS.taken(tell, st.context.ip_address or ""):
            if told:
                told[0].toast("It is your turn.", icon=WAITING, duration="short")
            yield
    except LineFull as error:
        st.warning(str(error), icon=WAITING)
        st.stop()
