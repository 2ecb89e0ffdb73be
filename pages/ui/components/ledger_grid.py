"""The spike ledger as a grid of branches by timesteps; the tokens of the chosen cell lie over the image.

Choosing a cell draws its tokens in the browser at once; then Python adds the spikes behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.ui import moment, state
from pages.ui.components import adapter
from snnpar.explain.ledger import Ledger
from snnpar.images.geometry import Geometry
from snnpar.views.ledger.payload import behind, payload

ALL = "all"

_mount = adapter.component("ledger")


@dataclass(frozen=True)
class Cell:
    """A chosen cell: timestep from 1, or None for all; branch, or "" for all."""

    t: int | None = None
    branch: str = ""

    def __str__(self) -> str:
        """As in the link: "2.block.0.attn", "all.tokenizer", "all.all"."""
        return f"{self.t or ALL}.{self.branch or ALL}"


def chosen(ledger: Ledger) -> Cell:
    """The cell kept or in the link; everything, if this ledger has no such cell."""
    return parse(moment.recall("cell"), ledger)


def parse(said: str, ledger: Ledger) -> Cell:
    """Inverse of `str`; everything, if this ledger has no such cell."""
    t, _, branch = said.partition(".")
    number = moment.whole(t)
    known_t = t == ALL or (number is not None and 1 <= number <= len(ledger.spikes))
    if not known_t or branch not in (ALL, *ledger.branches):
        return Cell()
    return Cell(number, "" if branch == ALL else branch)


def show(ledger: Ledger, spikes: np.ndarray | None, image: np.ndarray, geometry: Geometry, title: str) -> None:
    """Mount the grid.

    `spikes` (C, N) bool: those that enter the chosen cell's convolution, None if no single cell is chosen; `image`
    (H, W, 3) uint8; `geometry` of the tokens; `title` says whose ledger this is and of what.
    """
    data = payload(ledger, image, geometry, title, str(chosen(ledger)))
    if spikes is not None:
        data["raster"] = behind(spikes)
    _mount(
        key=state.LEDGER_GRID,
        data=data | {"keeps": True},
        on_cell_change=lambda: _hear(st.session_state[state.LEDGER_GRID]["cell"], ledger),
    )


def _hear(said: object, ledger: Ledger) -> None:
    """A browser can send anything: what is no cell changes nothing."""
    if isinstance(said, str) and said == str(parse(said, ledger)):
        moment.keep("cell", "" if said == str(Cell()) else said)
