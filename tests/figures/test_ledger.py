"""Figures of the ledger and of hidden images show exactly the numbers they are given."""

from __future__ import annotations

import numpy as np
import pytest

from snnpar.figures import channel_bars, hiding_curves

SPIKES = np.array([0.0, 5.0, -4.0, 1.0, -1.0, 0.5])
CONSTANTS = np.array([0.1, 0.0, 0.0, 0.2, 0.3, -0.4])


def test_the_strongest_channels_stand_at_both_ends_and_all_bars_are_the_sum() -> None:
    spikes, constant = channel_bars(SPIKES, CONSTANTS, top=2).data
    assert list(spikes.y) == list(constant.y) == ["channel 1", "channel 3", "channel 4", "channel 2", "2 others"]
    assert list(spikes.x) == pytest.approx([5, 1, -1, -4, 0.5])
    assert list(constant.x) == pytest.approx([0, 0.2, 0.3, 0, -0.3])
    assert sum(spikes.x) + sum(constant.x) == pytest.approx(SPIKES.sum() + CONSTANTS.sum())


def test_few_channels_are_all_shown() -> None:
    spikes, _constant = channel_bars(SPIKES, CONSTANTS, top=3).data
    assert len(spikes.y) == 6 and "others" not in str(spikes.y)


def test_parts_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(D,\); got \(6,\) and \(2,\)"):
        channel_bars(SPIKES, np.zeros(2))


def test_a_map_has_one_colour_on_both_sides() -> None:
    down, up = np.linspace(1, 0, 3), np.linspace(0.2, 1, 3)
    figure = hiding_curves({"A": {"deletion": down, "insertion": up}, "B": {"deletion": up, "insertion": down}})
    a_down, a_up, b_down, b_up = figure.data
    assert np.array_equal(a_down.y, down) and np.array_equal(a_up.y, up) and np.array_equal(b_up.y, down)
    assert list(a_down.x) == [0, 0.5, 1]
    assert a_down.line.color == a_up.line.color != b_down.line.color == b_up.line.color
    assert [line.showlegend for line in figure.data] == [True, False, True, False]
