"""What the conventions say of themselves, and what the shipped pair costs under each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from snnpar import ASSETS, CHECKPOINTS
from snnpar.checkpoint import read_checkpoint
from snnpar.core.errors import SnnparError
from snnpar.energy.conventions import CONVENTIONS, EIGHT_BIT_SUMS
from snnpar.energy.estimate import estimate_energy
from snnpar.images.pixels import open_rgb
from snnpar.inference import analyze, load
from snnpar.models import unnamed

ARITHMETIC, MEMORY = CONVENTIONS["arithmetic"], CONVENTIONS["memory"]
ONCE, PER_STEP = CONVENTIONS["weights-once"], CONVENTIONS["weights-per-step"]


def test_the_shipped_pair_turns_around_where_weights_are_read_once() -> None:
    """The teacher's advantage grows with reuse: 1.35 M neuron updates and their states are what spikes keep paying."""
    image, traces = open_rgb(ASSETS / "samples" / "00.png"), {}
    for role in ("student", "teacher"):
        name = unnamed(role)
        traces[role] = analyze(load(read_checkpoint(CHECKPOINTS / name)), image).trace
    ratios = {
        key: estimate_energy(traces["teacher"], one).energy_uj / estimate_energy(traces["student"], one).energy_uj
        for key, one in CONVENTIONS.items()
    }
    assert estimate_energy(traces["student"]).updates == 337_920 * 4
    assert ratios["arithmetic"] > 4 and ratios["memory"] > 1.5 and 1 < ratios["weights-once"] < 1.6
    assert 0.5 < ratios["weights-per-step"] < 0.8


def test_every_convention_says_for_whom_it_is_good() -> None:
    assert all("good for the student" in one.note or "good for the teacher" in one.note for one in CONVENTIONS.values())
    assert "No weight is ever reused" in MEMORY.note and "a weight read for each operation" in str(MEMORY)
    assert "each weight read once per forward" in str(ONCE) and "each weight read once per timestep" in str(PER_STEP)
    int8 = CONVENTIONS["int8"]
    assert (int8.mac_pj, int8.ac_pj) == (pytest.approx(0.2 + 0.1), 0.1)  # Horowitz: 8-bit product, 32-bit sum
    assert "overflows 8 bits: good for the student" in replace(int8, **EIGHT_BIT_SUMS).note
    assert "updates are free: good for the student" in replace(MEMORY, neuron_pj=0.0).note
    assert "not: good for the teacher" not in replace(MEMORY, activations=True).note
    assert "mixes two machines" in replace(MEMORY, neuron_pj=2190.0).note
    assert "layer norms are not: good for the teacher" in replace(MEMORY, activations=True, norms=True).note


@pytest.mark.parametrize(
    "change",
    [
        {"mac_pj": -1.0},
        {"ac_pj": float("nan")},
        {"byte_pj": "much"},
        {"weight_bits": 0},
        {"state_bits": 2.5},
        {"neuron_pj": -0.1},
        {"weight_reads": "never"},
    ],
)
def test_impossible_costs_are_refused(change: dict) -> None:
    with pytest.raises(SnnparError, match=next(iter(change))):
        replace(ARITHMETIC, **change)
