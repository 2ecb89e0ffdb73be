"""Plotly reads tags, links and entities in its texts: what anybody may have written is shown letter by letter."""

from __future__ import annotations

import re

import numpy as np
import pytest

from snnpar import figures
from snnpar.figures.energy import Bars, part_bars
from snnpar.figures.runs import Line, RunLook

HOSTILE = '<a href="http://evil.example">sign in</a>&lt;b>'
OWN = re.compile(r"</?b>|<br>|<extra>|</extra>")  # tags that the figures write themselves
LINE = Line(np.array([1.0, 2.0]), np.array([0.5, 0.25]))
FIGURES = {
    "answers": lambda: figures.predictions_over_time(
        [figures.AttributeOverTime(HOSTILE, np.array([0.2, 0.6]), 0.9)], 0.45
    ),
    "attributes": lambda: figures.attribute_bars(
        [HOSTILE, "Hat"],
        {"student": figures.AttributeValues(*np.array([[0.5, 0.5], [0.4, 0.4], [0.6, 0.6]]))},
        "mA",
        marked=0,
    ),
    "parts": lambda: part_bars(["all"], [Bars(HOSTILE, "student", np.ones(1))], "µJ"),
    "lens": lambda: figures.lens_logits([HOSTILE], np.zeros(1), np.ones(1), np.ones(1)),
    "runs": lambda: figures.run_curves(
        {HOSTILE: LINE}, {HOSTILE: RunLook("#123456", "circle")}, "step", "loss", legend=True
    ),
    "firing": lambda: figures.firing_curves({HOSTILE: LINE}),
}


def texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one)]
    if isinstance(value, list | tuple | np.ndarray):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", FIGURES)
def test_no_tag_of_others_reaches_plotly(name: str) -> None:
    said = [text for text in texts(FIGURES[name]().to_dict()) if "evil" in text or "sign" in text]
    assert said, "the label is drawn"
    assert not [text for text in said if "<" in OWN.sub("", text)]
    assert all("&amp;lt;" in text for text in said if "b&gt;" in text), "an entity is no letter either"


def test_long_names_of_small_multiples_are_wrapped() -> None:
    figure = figures.predictions_over_time(
        [figures.AttributeOverTime("Holds something in front", np.array([0.2]), None)], 0.5
    )
    assert figure.layout.annotations[0].text == "Holds something<br>in front"
