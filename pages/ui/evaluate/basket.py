"""The basket: images of a dataset that a person starred, kept for the session, per dataset, with undo."""

from __future__ import annotations

import streamlit as st

from pages.ui import state


def starred(data_hash: str) -> tuple[str, ...]:
    """Files in the basket of a dataset, in the order in which they were starred."""
    return _baskets().get(data_hash, ())


def toggle(data_hash: str, file: str) -> None:
    """Star an image, or take its star away."""
    files = starred(data_hash)
    _keep(data_hash, tuple(one for one in files if one != file) if file in files else (*files, file))


def empty(data_hash: str) -> None:
    _keep(data_hash, ())


def undo(data_hash: str) -> None:
    """Take the last change of this basket back."""
    past = _past(data_hash)
    if past:
        _baskets()[data_hash] = past.pop()


def can_undo(data_hash: str) -> bool:
    return bool(_past(data_hash))


def _keep(data_hash: str, files: tuple[str, ...]) -> None:
    _past(data_hash).append(starred(data_hash))
    _baskets()[data_hash] = files


def _baskets() -> dict[str, tuple[str, ...]]:
    return st.session_state.setdefault(state.BASKETS, {})


def _past(data_hash: str) -> list[tuple[str, ...]]:
    return st.session_state.setdefault(state.BASKETS_PAST, {}).setdefault(data_hash, [])
