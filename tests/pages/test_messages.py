"""What a browser says to the views: anything at all may come, and what a view cannot have sent changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from tiny import STUDENT, random_image

from pages.ui import moment
from pages.ui.components import ledger_grid, occluder
from pages.ui.components.raster import SAYS, heard
from snnpar.checkpoint import read_checkpoint
from snnpar.explain.ledger import Ledger, spike_ledger
from snnpar.inference import Analysis, LoadedModel, analyze, load
from snnpar.spikes.trace import SpikeTrace

GRID = STUDENT.token_grid
Q, STAGE = "block.0.attn.q_lif", "patch_embed.proj2_lif"
ODD = (
    None,
    True,
    -1,
    10**12,
    1.5,
    "",
    "2",
    "Female",
    "none",
    [],
    ["Female"],
    [1, 2],
    {},
    {"t": 1},
    "x" * 10_000,
    {"box": 3},
    {"box": [0, 0, 1]},
    {"box": [0, 0, 1, "1"]},
    {"box": [3, 3, 1, 1]},
    {"box": [0, 0, 99, 99]},
    {"page": -1},
    {"page": "1"},
    {"page": True},
    {"page": [1]},
    {"channel": "0"},
    {"channel": 10**8},
    {"channel": 0, "row": 1},
    {"channel": 0, "row": 99, "column": 0, "side": 1},
    {"channel": 0, "row": 0, "column": 0, "side": 0},
    {"channel": 0, "row": "0", "column": 0, "side": 1},
    {"channel": 0, "row": 0, "column": -1, "side": 1},
    {"channel": 0, "row": [0], "column": {}, "side": None},
)
CLEARED = {"channel": "", "neuron": ""}  # what {} says to the raster: no channel


@pytest.fixture(scope="module")
def model(pair: Path) -> LoadedModel:
    return load(read_checkpoint(pair / "tiny-student"))


@pytest.fixture(scope="module")
def analysis(model: LoadedModel) -> Analysis:
    return analyze(model, random_image(0, (384, 192)))


@pytest.fixture
def trace(analysis: Analysis) -> SpikeTrace:
    return analysis.trace


@pytest.fixture(scope="module")
def ledger(model: LoadedModel, analysis: Analysis) -> Ledger:
    return spike_ledger(model.module, analysis.trace, 0)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The choices that are kept."""
    found: dict[str, str] = {}
    monkeypatch.setattr(moment, "keep", lambda name, value: found.update({name: value}))
    monkeypatch.setattr(st, "session_state", {"layer": Q})
    return found


@pytest.mark.parametrize("said", ODD, ids=lambda said: repr(said)[:40])
@pytest.mark.parametrize("what", SAYS)
def test_the_raster_keeps_nothing_odd(kept: dict, trace: SpikeTrace, what: str, said: object) -> None:
    heard.hear(what, said, trace, Q, GRID)
    without = isinstance(said, dict) and "channel" not in said
    assert kept == (
        CLEARED
        if what == "picked" and without
        else {"box": "", "page": ""}
        if what == "boxed" and isinstance(said, dict) and "box" not in said
        else {}
    )
    assert st.session_state == {"layer": Q}


@pytest.mark.parametrize(
    ("what", "said", "expected"),
    [
        ("moved", 1, {"t": "1"}),
        ("moved", STUDENT.timesteps, {"t": ""}),
        ("boxed", {"box": [0, 0, 2, 1]}, {"box": "0.0.2.1", "page": ""}),
        ("boxed", {"box": None}, {"box": "", "page": ""}),
        ("layer", STAGE, {"layer": STAGE, "channel": "", "neuron": "", "side": "", "page": ""}),
        ("layer", Q, {}),
        ("side", 2, {"side": "2", "page": ""}),
        ("page", {"page": 3}, {"page": "3"}),
        ("picked", {"channel": 1}, {"channel": "1", "neuron": ""}),
        ("picked", {"channel": None}, CLEARED),
        ("picked", {"channel": 1, "row": 0, "column": 1, "side": 1}, {"channel": "1", "neuron": "0.1"}),
    ],
)
def test_the_raster_keeps_what_its_view_sends(
    kept: dict, trace: SpikeTrace, what: str, said: object, expected: dict
) -> None:
    heard.hear(what, said, trace, Q, GRID)
    assert kept == expected


@pytest.mark.parametrize("said", [*ODD, "zz", "ff" * 99, "ab cd"], ids=lambda said: repr(said)[:40])
def test_the_occluder_and_the_ledger_keep_nothing_odd(kept: dict, ledger: Ledger, said: object) -> None:
    occluder._hear(said, GRID)
    ledger_grid._hear(said, ledger)
    assert kept in ({}, {"hidden": ""})


def test_the_occluder_and_the_ledger_keep_what_their_views_send(kept: dict, ledger: Ledger) -> None:
    mask = np.zeros(GRID, bool)
    mask[1, 0] = True
    occluder._hear(occluder.pack(mask), GRID)
    assert np.array_equal(occluder.unpack(kept["hidden"], GRID), mask)
    ledger_grid._hear(f"1.{ledger.branches[0]}", ledger)
    assert kept["cell"] == f"1.{ledger.branches[0]}"
    ledger_grid._hear("all.all", ledger)
    assert kept["cell"] == ""


@pytest.mark.parametrize("said", [None, 3, ["a"], {}, "x" * 100_000])
def test_no_choice_is_kept_that_no_link_can_hold(monkeypatch: pytest.MonkeyPatch, said: object) -> None:
    state: dict[str, object] = {}
    monkeypatch.setattr(st, "session_state", state)
    moment.keep("box", said)
    assert not state
