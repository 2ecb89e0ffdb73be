"""Figures show exactly the numbers they are given."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from snnpar import ROOT, figures
from snnpar.images.geometry import Axis, Geometry

IMAGE = np.full((40, 20, 3), 200, np.uint8)
SHIFTED = Geometry(Axis(4, 0.0, 0.25), Axis(2, 0.25, 0.5))


@pytest.mark.parametrize(
    ("low", "signed", "expected"),
    [(0.0, False, (0.0, 2.0)), (0.5, False, (0.0, 2.0)), (-1.0, True, (-2.0, 2.0)), (0.5, True, (-2.0, 2.0))],
)
def test_an_overlay_begins_at_0_and_centres_signed_maps(low: float, signed: bool, expected: tuple) -> None:
    """Whatever the values: a signed map without a negative value keeps its colours."""
    values = np.linspace(low, 2, 8, dtype=np.float32).reshape(4, 2)
    figure = figures.overlay(IMAGE, values, "units", geometry=SHIFTED, signed=signed, bound=2.0, width=100)
    heat = figure.data[0]
    assert list(heat.x) == [0, 0.5, 1] and list(heat.y) == pytest.approx([0, 0.125, 0.375, 0.625, 1])
    assert (figure.layout.images[0].sizex, figure.layout.images[0].sizey) == (1, 1)
    assert figure.layout.xaxis.range == (0, 1) and figure.layout.yaxis.range == (1, 0)
    assert (heat.zmin, heat.zmax) == expected
    assert np.array_equal(heat.z, values)
    assert heat.colorbar.title.text == "units" and list(heat.colorbar.tickvals)[::2] == list(expected)
    assert figure.layout.height > 200  # 100 wide, twice as tall, and the colour bar


def test_a_flat_overlay_still_has_a_range() -> None:
    heat = figures.overlay(
        IMAGE, np.zeros((2, 1)), "u", geometry=Geometry.even(2, 1), signed=False, bound=0.0, width=50
    ).data[0]
    assert heat.zmax > heat.zmin


def test_answers_over_time_have_a_flat_teacher_and_a_threshold() -> None:
    answers = [
        figures.AttributeOverTime("Hat", np.array([0.2, 0.6]), 0.9),
        figures.AttributeOverTime("Boots", np.array([0.1, 0.3]), None),
    ]
    figure = figures.predictions_over_time(answers, 0.45)
    assert [list(line.y) for line in figure.data] == [[0.9, 0.9], [0.2, 0.6], [0.1, 0.3]]
    assert [line.line.color for line in figure.data] == [
        figures.LOOKS[r].colour for r in ("teacher", "student", "student")
    ]
    assert {shape.y0 for shape in figure.layout.shapes} == {0.45}
    assert [note.text for note in figure.layout.annotations] == ["Hat", "Boots"]


def test_the_theme_of_the_app_has_the_colours_of_the_models() -> None:
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"]
    for ground in ("light", "dark"):
        assert theme[ground]["blueTextColor"] == figures.LOOKS["teacher"].colour
        assert theme[ground]["orangeTextColor"] == figures.LOOKS["student"].colour


def measured(*values: float) -> figures.AttributeValues:
    value = np.array(values)
    return figures.AttributeValues(value, value - 0.1, value + 0.05)


def test_attribute_bars_have_whiskers_and_mark_a_row() -> None:
    figure = figures.attribute_bars(
        ["Hat", "Boots"], {"teacher": measured(0.5, 0.8), "student": measured(0.4, 0.2)}, "mA", marked=1
    )
    teacher, student = (trace for trace in figure.data if trace.type == "scatter")
    assert list(teacher.x) == [50, 80] and list(student.x) == pytest.approx([40, 20])
    assert list(teacher.error_x.array) == pytest.approx([5, 5])
    assert list(teacher.error_x.arrayminus) == pytest.approx([10, 10])
    assert (teacher.marker.symbol, student.marker.symbol) == ("square", "circle")
    assert all(a < b for a, b in zip(teacher.y, student.y, strict=True))
    assert figure.layout.yaxis.ticktext == ("Hat", "<b>▸ Boots</b>")
    assert (figure.layout.shapes[0].y0, figure.layout.shapes[0].y1) == (0.5, 1.5)


def test_one_model_alone_stands_in_the_middle_of_its_row() -> None:
    figure = figures.attribute_bars(["Hat"], {"student": measured(0.5)}, "F1")
    assert all(list(trace.y) == [0] for trace in figure.data) and not figure.layout.shapes


def test_intervals_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2,\), \(1,\), \(2,\)"):
        figures.AttributeValues(np.zeros(2), np.zeros(1), np.zeros(2))


def test_metrics_over_time_are_percent() -> None:
    rows = [dict.fromkeys(("mean_accuracy", "accuracy", "precision", "recall", "f1"), value) for value in (0.5, 0.75)]
    figure = figures.metrics_over_time(rows)
    assert {line.name for line in figure.data} == {"mA", "F1", "Accuracy", "Precision", "Recall"}
    assert all((list(line.x), list(line.y)) == ([1, 2], [50, 75]) for line in figure.data)


def test_fixed_goes_up_and_broken_down() -> None:
    fixed, broken = figures.fixed_and_broken([1200, 3], [4, 0]).data
    assert (list(fixed.y), list(broken.y)) == ([1200, 3], [-4, 0])
    assert list(fixed.text) == ["1,200", "3"] and list(broken.text) == ["4", "0"]


def test_flips_are_named_by_both_timesteps() -> None:
    (bars,) = figures.flips_over_time([0.1, 0.025]).data
    assert (list(bars.x), list(bars.y)) == (["1 → 2", "2 → 3"], [10, 2.5])


def test_calibration_leaves_empty_bins_out_and_later_answers_are_fuller() -> None:
    bins = (np.array([0.1, np.nan, 0.9]), np.array([0.0, np.nan, 1.0]), np.array([5, 0, 2]))
    curves = [
        figures.CalibrationCurve("Teacher", "teacher", *bins),
        *(figures.CalibrationCurve(f"t = {t}", "student", *bins) for t in (1, 2)),
    ]
    diagonal, teacher, early, late = figures.calibration_curves(curves).data
    assert list(diagonal.x) == list(diagonal.y)
    assert list(teacher.x) == [0.1, 0.9] and list(teacher.customdata) == [5, 2]
    assert early.opacity < late.opacity == teacher.opacity == 1


@pytest.mark.parametrize("signed", [False, True])
def test_a_palette_meets_the_stops_of_the_overlay(signed: bool) -> None:
    colours = figures.palette(signed=signed)
    stops = (
        figures.overlay(
            IMAGE, np.array([[0.0, 1.0]]), "u", geometry=Geometry.even(1, 2), signed=signed, bound=1.0, width=50
        )
        .data[0]
        .colorscale
    )
    assert colours.shape == (256, 4) and colours.dtype == np.uint8
    for place, colour in stops:
        red, green, blue, alpha = (float(part) for part in colour.removeprefix("rgba(").rstrip(")").split(","))
        assert np.abs(colours[round(255 * place)] - [red, green, blue, 255 * alpha]).max() <= 3  # 0.5 lies between two
