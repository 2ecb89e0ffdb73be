"""An image on whose tokens one paints a mask, by pointer or keyboard. Tells Python when a stroke has ended."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import streamlit as st

from pages.ui import moment, state
from pages.ui.components import adapter
from snnpar.images.geometry import Geometry
from snnpar.views import encode

_mount = adapter.component("occluder")


def mask(grid: tuple[int, int]) -> np.ndarray:
    """(rows, columns) bool: what is hidden, as kept or in the link; nothing, if that was made for another grid."""
    return unpack(moment.recall("hidden"), grid)


def show(image: np.ndarray, hidden: np.ndarray, geometry: Geometry) -> None:
    """Mount the image (H, W, 3) uint8 with its mask (rows, columns) bool, whose cells lie as `geometry` says."""
    rows, columns = hidden.shape
    fill = image.reshape(-1, 3).mean(0).round().astype(int).tolist()  # as the models see it
    _mount(
        key=state.OCCLUDER,
        data={
            "keeps": True,
            "image": encode.jpeg(image),
            "rows": rows,
            "columns": columns,
            "geometry": asdict(geometry),
            "hidden": pack(hidden),
            "fill": fill,
        },
        on_hidden_change=lambda: _hear(st.session_state[state.OCCLUDER]["hidden"], (rows, columns)),
    )


def _hear(said: object, grid: tuple[int, int]) -> None:
    """A browser can send anything: what is no mask changes nothing."""
    if isinstance(said, str) and said in ("", pack(unpack(said, grid))):
        moment.keep("hidden", said)


def pack(hidden: np.ndarray) -> str:
    """A mask as in the link: hexadecimal digits, row by row; "" if nothing is hidden."""
    return np.packbits(hidden).tobytes().hex() if hidden.any() else ""


def unpack(said: str, grid: tuple[int, int]) -> np.ndarray:
    """Inverse of `pack`; nothing is hidden by what is no mask of this grid."""
    rows, columns = grid
    try:
        packed = np.frombuffer(bytes.fromhex(said), np.uint8)
    except ValueError:
        packed = np.zeros(0, np.uint8)
    if len(packed) != -(-rows * columns // 8):
        return np.zeros(grid, bool)
    return np.unpackbits(packed, count=rows * columns).astype(bool).reshape(grid)
