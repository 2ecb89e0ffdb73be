"""Curves of runs and the lens show exactly the numbers they are given."""

from __future__ import annotations

import numpy as np
import pytest

from snnpar import figures
from snnpar.figures import LOOKS, RUN_LOOKS, Line, palette, thin_line
from snnpar.images.geometry import Geometry
from snnpar.runs.history import downsample, smooth


def line(*values: float) -> Line:
    return Line(np.arange(1.0, 1 + len(values)), np.array(values))


def shown(figure) -> dict[str, list]:
    return {trace.name: list(trace.y) for trace in figure.data if trace.showlegend is not False}


def test_loss_curves_show_each_term_and_the_sum_of_several() -> None:
    figure = figures.loss_curves({"loss": line(4.0, 2.5), "ce": line(3.0, 2.0), "logit": line(1.0, 0.5)}, "step")
    assert shown(figure) == {"sum": [4.0, 2.5], "labels (BCE)": [3.0, 2.0], "logit distillation": [1.0, 0.5]}
    assert figure.layout.xaxis.title.text == "step" and figure.layout.uirevision == "kept"
    assert list(shown(figures.loss_curves({"ce": line(3.0), "loss": line(3.0)}, "step"))) == ["labels (BCE)"]


def test_metric_curves_are_percent() -> None:
    names = ("mean_accuracy", "accuracy", "precision", "recall", "f1")
    figure = figures.metric_curves(
        {name: line(value) for name, value in zip(names, (0.5, 0.4, 0.3, 0.2, 0.1), strict=True)}, "epoch"
    )
    assert shown(figure) == {"mA": [50], "F1": [10], "Accuracy": [40], "Precision": [30], "Recall": [20]}


def test_runs_differ_in_colour_and_marker_from_each_other_and_from_the_models() -> None:
    taken = {look.colour for look in LOOKS.values()}, {look.symbol for look in LOOKS.values()}
    assert len({look.colour for look in RUN_LOOKS}) == len({look.symbol for look in RUN_LOOKS}) == len(RUN_LOOKS)
    assert not taken[0] & {look.colour for look in RUN_LOOKS} and not taken[1] & {look.symbol for look in RUN_LOOKS}
    looks = {"b": RUN_LOOKS[1], "a": RUN_LOOKS[0]}
    figure = figures.run_curves({"a": line(1, 2), "b": line(3)}, looks, "step", "GB", legend=True)
    assert shown(figure) == {"a": [1, 2], "b": [3]} and figure.data[-1].name == "a", "the first lies on top"
    assert {trace.name: (trace.line.color, trace.marker.symbol) for trace in figure.data} == {
        name: (look.colour, look.symbol) for name, look in looks.items()
    }


def test_a_smoothed_line_lies_over_the_raw_one() -> None:
    x, y = np.arange(5000.0), np.random.default_rng(0).normal(size=5000)
    thin = thin_line(x, y, 0.9, 200)
    assert np.array_equal(thin.y, smooth(y, 0.9)[thin.x.astype(int)]) and len(thin.x) <= 200
    assert np.array_equal(thin.raw.x, downsample(y, 200)) and np.array_equal(thin.raw.y, y[thin.raw.x.astype(int)])
    assert thin_line(x, y, 0.0, 200).raw is None
    raw, smoothed = figures.run_curves({"a": thin}, {"a": RUN_LOOKS[0]}, "step", "loss").data
    assert raw.opacity < 0.5 and raw.hoverinfo == "skip" and smoothed.opacity is None


def test_only_short_lines_and_those_of_several_runs_have_markers() -> None:
    long = Line(np.arange(500.0), np.zeros(500))
    modes = [
        figure.data[0].mode
        for figure in (
            figures.cost_curve(long, "step", "GB"),
            figures.cost_curve(line(1, 2), "step", "GB"),
            figures.run_curves({"a": long}, {"a": RUN_LOOKS[0]}, "step", "GB"),
        )
    ]
    assert modes == ["lines", "lines+markers", "lines+markers"]
    assert figures.cost_curve(long, "step", "GB").layout.yaxis.rangemode == "tozero"


def test_a_line_needs_as_many_x_as_y() -> None:
    with pytest.raises(ValueError, match="one length"):
        Line(np.zeros(2), np.zeros(3))


def test_firing_rates_are_percent_and_the_network_is_dotted() -> None:
    figure = figures.firing_curves({"tokenizer": line(0.1), "block 1": line(0.2), "all": line(0.15)})
    assert {name: pytest.approx(y) for name, y in shown(figure).items()} == {
        "tokenizer": [10],
        "block 1": [20],
        "whole network": [15],
    }
    assert [trace.line.dash for trace in figure.data] == ["solid", "solid", "dot"]
    assert len({trace.line.color for trace in figure.data}) == 3


def test_the_trend_of_the_lens_is_the_mean_of_what_is_known() -> None:
    gap, correlation = np.array([[2.0, 4.0], [1.0, 1.0]]), np.array([[np.nan, 0.5], [np.nan, np.nan]])
    figure = figures.lens_trend([1, 3], gap, correlation, at=3)
    means = [list(trace.y) for trace in figure.data if trace.name == "mean"]
    assert means[0] == [3, 1] and means[1][0] == 0.5 and np.isnan(means[1][1])
    assert [list(trace.y) for trace in figure.data if trace.name == "image 2"][0] == [4, 1]
    assert {shape.x0 for shape in figure.layout.shapes} == {3}


def test_logits_are_ordered_by_their_gap() -> None:
    figure = figures.lens_logits(
        ["Hat", "Boots", "Bag"], np.array([0.0, 1.0, 2.0]), np.array([3.0, 1.5, -2.0]), np.array([1, 0, 2])
    )
    teacher, student = figure.data[1:]
    assert list(teacher.y) == ["Boots", "Hat ✓", "Bag"], "the last row is drawn on top"
    assert list(teacher.x) == [1, 0, 2] and list(student.x) == [1.5, 3, -2]
    assert list(figure.data[0].x) == [1, 1.5, None, 0, 3, None, 2, -2, None]


@pytest.mark.parametrize("signed", [False, True])
def test_a_tinted_image_has_the_colours_of_an_overlay(signed: bool) -> None:
    image = np.full((8, 4, 3), 100, np.uint8)
    values = np.array([[-1.0, 0.0], [0.5, 1.0]]) if signed else np.array([[0.0, 1.0], [2.0, 4.0]])
    drawn = figures.tinted(image, values, geometry=Geometry.even(2, 2), signed=signed)
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    place = (values + 1) / 2 if signed else values / 4
    for (row, column), share in np.ndenumerate(place):
        *colour, alpha = palette(signed=signed)[round(share * 255)].astype(float)
        expected = 100 * (1 - alpha / 255) + np.array(colour) * alpha / 255
        assert np.abs(drawn[4 * row : 4 * row + 4, 2 * column : 2 * column + 2] - expected).max() <= 1


def test_a_map_of_nothing_leaves_the_image_grey() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    tinted = figures.tinted(image, np.full((2, 1), np.nan), geometry=Geometry.even(2, 1), signed=False)
    assert np.array_equal(tinted[..., 0], image.mean(2).astype(np.uint8))
