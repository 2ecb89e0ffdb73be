"""Heavy functions of the pages: what they return is kept; what is not is computed when it is this visitor's turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import streamlit as st

from snnpar.turns import LineFull, Turns

# One at a time, because each uses all of torch's threads; so many more at most, because each keeps a picture.
TURNS = Turns(at_once=1, most_waiting=50)


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
            with _turn():
                return cached(*arguments)

        asked.clear = cached.clear
        return asked

    return decorate


@contextmanager
def _turn() -> Iterator[None]:
    """A turn; while it is not this visitor's, the page says how many are ahead, and a full line ends the script."""
    places = []

    def tell(ahead: int) -> None:
        if not places:
            places.append(st.empty())
        places[0].caption(f":material/hourglass_empty: {ahead} ahead of you")

    try:
        with TURNS.taken(tell):
            for place in places:
                place.empty()
            yield
    except LineFull as error:
        st.warning(str(error), icon=":material/hourglass_empty:")
        st.stop()
