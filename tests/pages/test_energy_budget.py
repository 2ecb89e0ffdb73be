"""The Energy page's budget: it picks T, and what is known of the answers at that T stands beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from energy_page import about, linked, marked_row
from screen import said
from tiny import PA100K

from snnpar.core.atomic import write_text
from snnpar.datasets import HELD_OUT_SEEDS, rendered_split
from snnpar.energy.conventions import CONVENTIONS
from snnpar.energy.estimate import break_even_rate, energy_over_time, quantised_mac
from snnpar.evaluation.evaluations import PREDICTIONS, REPORT, create_evaluation, data_hash, revision
from snnpar.evaluation.predictions import Predictions, write_predictions
from snnpar.evaluation.slices import DataChoice
from snnpar.metrics.outcomes import decided_at
from snnpar.metrics.pedestrian import pedestrian_metrics
from snnpar.metrics.report import COLUMNS, report
from snnpar.runs.jobs import write_status


def test_break_even_follows_the_quantised_mac(open_energy, pair: Path, traces: dict) -> None:
    assumptions, student = CONVENTIONS["arithmetic"], traces["student"]
    rates = [layer.input_rate for layer in student.layers if layer.input_rate is not None and layer.kind != "CoFire"]

    def expected(cost: float) -> str:
        rate = break_even_rate(student.timesteps, assumptions, cost)
        return (
            f"Break-even at **{100 * rate:.1f}%**; {sum(r <= rate for r in rates)} of {len(rates)} layers whose "
            "weights read spikes fire less. Published with data movement: **5.7%** (arXiv 2409.08290, T = 5); "
            f"{sum(r <= 0.057 for r in rates)} of {len(rates)} fire less."
        )

    test = open_energy(pair)
    assert expected(quantised_mac(student.timesteps, assumptions)) in said(test.markdown)
    test.number_input(key="quantised_mac").set_value(0.4).run()
    assert expected(0.4) in said(test.markdown) and linked(test, "e_q") == "0.4"
    test.number_input(key="quantised_mac").set_value(50.0).run()
    assert "never crossed" in said(test.markdown)
    assert "No break-even for all layers" in said(open_energy(pair, energy="lemaire").markdown)


@pytest.mark.parametrize("t", [1, 2, 3])
def test_a_budget_picks_the_largest_t_that_fits(open_energy, pair: Path, traces: dict, t: int) -> None:
    spent = energy_over_time(traces["student"])
    test = open_energy(pair, budget=f"{1.02 * spent[t - 1]:.6g}")
    assert f"**t = {t}** of 3 fits: {about(spent[t - 1])}" in said(test.markdown)
    test.button(key="use_t").click().run()
    assert linked(test, "t") == ("" if t == 3 else str(t))


def test_moving_the_slider_keeps_the_budget_in_the_link(open_energy, pair: Path, traces: dict) -> None:
    test = open_energy(pair)
    slider = test.slider(key="budget_uj")
    assert slider.value == slider.max >= energy_over_time(traces["student"])[-1]
    slider.set_value(0.0).run()
    assert "Not even one timestep fits" in said(test.warning) and linked(test, "budget") == "0"


def test_without_an_evaluation_it_says_where_to_get_one(open_energy, pair: Path) -> None:
    assert "tiny-student is not evaluated yet" in said(open_energy(pair).info)


def write_evaluation(root: Path) -> Predictions:
    """An evaluation of the tiny student, right more often than not."""
    choice = DataChoice(rendered=40)
    split = rendered_split(HELD_OUT_SEEDS["test"], choice.rendered, name="few")
    noise = np.random.default_rng(0).random((3, *split.labels.shape)).astype(np.float32)
    probs = (np.array([0.2, 0.3, 0.45], np.float32)[:, None, None] * split.labels + 0.55 * noise).astype(np.float32)
    predictions = Predictions(split.files, split.schema.attributes, split.labels, probs)
    evaluation = create_evaluation(root / "tiny-student", choice, root=root / "evaluations")
    source = {"name": "tiny-student", "role": "student", "sha256": revision(root / "tiny-student")}
    content = report(split.labels, probs[-1], split.schema.attributes, resamples=20)
    content["provenance"] = {"checkpoint": source, "data": {"title": choice.title, "hash": data_hash(split)}}
    write_predictions(predictions, evaluation.path / PREDICTIONS)
    write_text(evaluation.path / REPORT, json.dumps(content))
    write_status(evaluation, state="done")
    return predictions


def test_metrics_at_the_budgets_t_come_from_the_evaluation(
    open_energy, pair: Path, traces: dict, tmp_path: Path
) -> None:
    shutil.copytree(pair, tmp_path, dirs_exist_ok=True)
    predictions = write_evaluation(tmp_path)
    test = open_energy(tmp_path, budget=f"{1.02 * energy_over_time(traces['student'])[0]:.6g}")
    early, late = (pedestrian_metrics(predictions.truth, predictions.probs[t]) for t in (0, 2))
    rows = test.table[2].value
    five = [(getattr(early, name), getattr(late, name)) for name in COLUMNS]
    assert rows.iloc[0, 1:].tolist() == [f"**{100 * a:.1f}%**" for a, _ in five]
    assert rows.iloc[2, 1:].tolist() == [f"{100 * (a - b):+.1f}" for a, b in five]
    change = 100 * (early.per_attribute.ma - late.per_attribute.ma)
    both = [i for i in range(len(PA100K)) if 0 < predictions.truth[:, i].sum() < len(predictions.truth)]
    worst = min(both, key=lambda i: change[i])
    assert f"**Who suffers most:** {PA100K.labels[worst]} {change[worst]:+.1f} points of mA" in said(test.markdown)
    captions = said(test.caption)
    assert "40 rendered, n = 40" in captions and "published convention" in captions
    mean = decided_at(predictions.probs, 0.45).max(-1).mean()
    assert f"after {mean:.2f} timesteps on average" in captions


def test_free_operations_have_no_budget(open_energy, pair: Path) -> None:
    test = open_energy(pair, e_mac="0", e_ac="0")
    assert "any budget fits" in said(test.info) and marked_row(test)[-1] == "–"
