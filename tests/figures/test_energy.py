"""Energy figures show exactly the numbers they are given, and mark what is too dear."""

from __future__ import annotations

import math

import numpy as np
import pytest

from snnpar.figures.energy import Bars, LayerRate, energy_steps, part_bars, rates_against_break_even
from snnpar.figures.looks import LOOKS


def test_parts_have_a_bar_for_each_model_in_its_colour() -> None:
    bars = [
        Bars("t", "teacher", np.array([3.0, math.nan])),
        Bars("s", "student", np.array([1.0, 2.0])),
        Bars("d", "student", np.array([10.0, 20.0]), dense=True),
    ]
    figure = part_bars(["first", "second"], bars, "operations", log=True)
    for trace, one in zip(figure.data, bars, strict=True):
        np.testing.assert_array_equal(trace.x, one.values)
        assert list(trace.y) == ["first", "second"] and trace.marker.color == LOOKS[one.role].colour
    assert [trace.marker.pattern.shape for trace in figure.data] == [None, None, "/"]
    assert figure.layout.xaxis.type == "log" and figure.layout.yaxis.autorange == "reversed"
    assert part_bars(["first", "second"], bars[:2], "%").layout.xaxis.type != "log"


def test_bars_of_other_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="s has 1 values for 2 parts"):
        part_bars(["a", "b"], [Bars("s", "student", np.ones(1))], "x")


RATES = [LayerRate("a", 0.1, 0.4, 2.0), LayerRate("b", 0.3, 1.2, 3.0), LayerRate("c", 0.2, 0.8, 1.0)]


def test_layers_stand_on_the_side_of_the_line_where_they_cost_less() -> None:
    figure = rates_against_break_even(RATES, 0.2)
    cheaper, dearer = figure.data
    assert (list(cheaper.y), list(dearer.y)) == (["a", "c"], ["b"])  # a tie costs no more
    assert list(dearer.x) == [30.0] and dearer.marker.symbol.endswith("-open")
    assert list(map(list, dearer.customdata)) == [[1.2, 3.0]]
    (line,) = figure.layout.shapes
    assert line.x0 == line.x1 == pytest.approx(20) and "20.0%" in figure.layout.annotations[0].text
    assert list(figure.layout.yaxis.categoryarray) == ["a", "b", "c"]


def test_a_published_break_even_is_a_second_line_and_parts_the_layers_again() -> None:
    figure = rates_against_break_even(RATES, 0.25, 0.15)
    assert [list(group.y) for group in figure.data] == [["a"], ["c"], ["b"]]  # below both, below one, below none
    assert [line.x0 for line in figure.layout.shapes] == pytest.approx([25, 15])
    assert [line.line.dash for line in figure.layout.shapes] == ["dash", "dot"]
    assert [note.text for note in figure.layout.annotations] == ["break-even 25.0%", "published 15.0%"]


@pytest.mark.parametrize("rate", [1.5, math.inf])
def test_a_rate_that_cannot_be_reached_has_no_line(rate: float) -> None:
    figure = rates_against_break_even(RATES, rate)
    assert not figure.layout.shapes and list(figure.data[0].y) == ["a", "b", "c"] and not len(figure.data[1].y)


def test_timesteps_beyond_the_budget_are_pale_and_crossed() -> None:
    figure = energy_steps(np.array([10.0, 20.0, 1234.0]), 20.0, teacher_uj=15.0)
    (bars,) = figure.data
    assert list(bars.y) == [10, 20, 1234] and list(bars.text) == ["10", "20", "1,234 ✕"]
    assert bars.marker.opacity[0] == bars.marker.opacity[1] == 1 > bars.marker.opacity[2]
    assert [shape.y0 for shape in figure.layout.shapes] == [20.0, 15.0]


def test_a_teacher_far_above_is_left_out() -> None:
    assert len(energy_steps(np.array([10.0, 20.0]), 20.0, teacher_uj=400.0).layout.shapes) == 1
