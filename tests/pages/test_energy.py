"""The Energy page: its numbers are the library's, every change is in the link, and a budget picks T."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from screen import said
from streamlit.testing.v1 import AppTest
from tiny import PA100K, STUDENT, first_picture, write_checkpoint

from snnpar.checkpoint import read_checkpoint
from snnpar.core import numbers
from snnpar.core.atomic import write_text
from snnpar.datasets import HELD_OUT_SEEDS, rendered_split
from snnpar.energy.conventions import CONVENTIONS, EIGHT_BIT_SUMS
from snnpar.energy.estimate import break_even_rate, energy_over_time, estimate_energy, quantised_mac
from snnpar.evaluation.evaluations import (
    PREDICTIONS,
    REPORT,
    Predictions,
    create_evaluation,
    data_hash,
    revision,
    write_predictions,
)
from snnpar.evaluation.slices import DataChoice
from snnpar.inference import analyze, load
from snnpar.metrics.outcomes import decided_at
from snnpar.metrics.pedestrian import pedestrian_metrics
from snnpar.metrics.report import COLUMNS, report
from snnpar.runs.jobs import write_status
from snnpar.spikes.trace import SpikeTrace

PARTS = {"teacher": "tiny-teacher", "student": "tiny-student"}


@pytest.fixture(scope="module")
def traces(pair: Path) -> dict[str, SpikeTrace]:
    """What both tiny models do with the sample that the app begins with."""
    image = first_picture()
    return {role: analyze(load(read_checkpoint(pair / name)), image).trace for role, name in PARTS.items()}


@pytest.fixture
def open_energy(app):
    """open_energy(checkpoints, **query): the page as a link opens it."""

    def open_page(checkpoints: Path, **query: str) -> AppTest:
        test = app(checkpoints).switch_page("energy.py")
        for name, value in query.items():
            test.query_params[name] = value
        test.run()
        assert not test.exception, test.exception
        return test

    return open_page


def metrics(test: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in test.metric}


def linked(test: AppTest, name: str) -> str:
    """What the link says; "" if nothing."""
    return "".join(test.query_params.get(name, ""))


def marked_row(test: AppTest) -> list[str]:
    """The cells of the conventions' table that stand out."""
    table = test.table[0].value
    (row,) = (row for row in table.itertuples(index=False) if row[0].startswith("**▸"))
    return [cell.strip("*▸ ") for cell in row]


def about(energy: float) -> str:
    return f"≈ {numbers.energy(energy)}"


def digits(energy: float) -> str:
    return numbers.figures(energy)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_totals_are_those_of_the_library(open_energy, pair: Path, traces: dict, convention: str) -> None:
    test = open_energy(pair, energy=convention)
    for role, trace in traces.items():
        energy = estimate_energy(trace, CONVENTIONS[convention]).energy_uj
        assert metrics(test)[f"{role.capitalize()}, estimate"] == about(energy)
    assert metrics(test)["NASFR"] == f"{100 * traces['student'].nasfr:.1f}%"
    report = estimate_energy(traces["student"], CONVENTIONS[convention])
    assert metrics(test)["Student neuron updates"] == f"{report.updates / 1e6:.3g} M"
    table = test.table[0].value
    assert marked_row(test)[0] == convention and len(table) == len(CONVENTIONS)
    for row, one in zip(table.itertuples(index=False), CONVENTIONS.values(), strict=True):
        teacher, student = (estimate_energy(traces[role], one) for role in PARTS)
        cells = [cell.strip("*▸ ") for cell in row][1:]
        assert cells == [
            digits(teacher.energy_uj),
            digits(student.energy_uj),
            f"{student.neuron_uj:,.3g}",
            f"{teacher.energy_uj / student.energy_uj:.3g}×",
        ]
    captions = said(test.caption)
    assert all(f"**{key}**: {one.note}" in captions for key, one in CONVENTIONS.items())
    assert captions.count(CONVENTIONS[convention].note) > 1 and report.neuron_share in captions
    assert str(CONVENTIONS[convention]) in captions and "tiny-student" in captions and "Estimate" in captions


def test_changed_assumptions_are_a_row_of_their_own_and_in_the_link(open_energy, pair: Path, traces: dict) -> None:
    test = open_energy(pair)
    test.number_input(key="assume_arithmetic_mac_pj").set_value(2.0).run()
    test.toggle(key="assume_arithmetic_first_every_timestep").set_value(True).run()
    assert not test.exception and (linked(test, "e_mac"), linked(test, "e_first")) == ("2", "1")
    own = replace(CONVENTIONS["arithmetic"], mac_pj=2.0, first_every_timestep=True)
    expected = about(estimate_energy(traces["student"], own).energy_uj)
    assert metrics(test)["Student, estimate"] == expected and marked_row(test)[0] == "as changed above"
    again = open_energy(pair, e_mac="2", e_first="1")
    assert metrics(again)["Student, estimate"] == expected
    again.button(key="reset_assumptions").click().run()
    assert "e_mac" not in again.query_params and marked_row(again)[0] == "arithmetic"
    assert again.number_input(key="assume_arithmetic_mac_pj").value == 4.6


def test_each_choice_is_priced_beside_the_whole(open_energy, pair: Path, traces: dict) -> None:
    """One assumption changed in each row; none of them favours the student without being seen."""
    test = open_energy(pair, energy="memory")
    rows = {row[0].strip("*▸ "): row[1:] for row in test.table[1].value.itertuples(index=False)}
    memory = CONVENTIONS["memory"]
    for title, change in {
        "as it is": {},
        "first convolution at every timestep": {"first_every_timestep": True},
        "phrase embedding with every image": {"phrases_every_image": True},
        "products with padding billed": {"padding": True},
        "batch norms billed": {"norms": True},
        "activations billed": {"activations": True},
        "each weight read once per forward": {"weight_reads": "forward"},
        "each weight read once per timestep": {"weight_reads": "timestep"},
        "neuron update: free": {"neuron_pj": 0.0},
        "neuron update: Loihi, 81 pJ": {"neuron_pj": 81.0},
        "neuron update: SpiNNaker 2, 2,190 pJ": {"neuron_pj": 2190.0},
    }.items():
        teacher, student = (estimate_energy(traces[role], replace(memory, **change)).energy_uj for role in PARTS)
        cells = [cell.strip("*") for cell in rows.pop(title)]
        assert (cells[0], cells[1], cells[3]) == (digits(teacher), digits(student), f"{teacher / student:.3g}×")
    assert not rows


def test_the_table_of_layers_has_a_line_for_the_neurons_and_sums_up(open_energy, pair: Path, traces: dict) -> None:
    test = open_energy(pair, energy="memory")
    (table,) = (one.value for one in test.dataframe if "updates" in one.value)
    report = estimate_energy(traces["student"], CONVENTIONS["memory"])
    assert table["µJ"].sum() == pytest.approx(report.energy_uj, rel=1e-4)
    assert table["updates"].sum() == report.updates and table["bytes"].sum() == report.bytes
    neurons = table[table["kind"] == "neurons"]
    assert list(neurons["layer"]) == list(traces["student"].names)


def test_it_says_when_a_convention_turns_against_the_student(open_energy, pair: Path, traces: dict) -> None:
    ratios = {
        key: estimate_energy(traces["teacher"], one).energy_uj / estimate_energy(traces["student"], one).energy_uj
        for key, one in CONVENTIONS.items()
    }
    against = [key for key, ratio in ratios.items() if ratio < 1]
    text = said(open_energy(pair).markdown)
    assert f"the teacher costs {min(ratios.values()):.2g}× to {max(ratios.values()):.2g}×" in text
    assert bool(against) == ("the student costs more" in text) and f"under {' and '.join(against)} **the" in text


def test_choices_of_the_drawer_are_in_the_link(open_energy, pair: Path, traces: dict) -> None:
    test = open_energy(pair, energy="int8")
    test.segmented_control(key="neuron_price").set_value("Loihi").run()
    test.segmented_control(key="sums").set_value("8 bits").run()
    test.segmented_control(key="assume_int8_weight_reads").set_value("forward").run()
    test.toggle(key="assume_int8_phrases_every_image").set_value(True).run()
    test.toggle(key="assume_int8_padding").set_value(True).run()
    test.toggle(key="assume_int8_activations").set_value(True).run()
    assert not test.exception
    query = {
        "e_neuron": "81",
        "e_mac": "0.23",
        "e_ac": "0.03",
        "e_sbits": "8",
        "e_reads": "forward",
        "e_phrases": "1",
        "e_pad": "1",
        "e_act": "1",
    }
    assert {name: linked(test, name) for name in query} == query
    own = replace(
        CONVENTIONS["int8"],
        **EIGHT_BIT_SUMS,
        neuron_pj=81.0,
        weight_reads="forward",
        padding=True,
        phrases_every_image=True,
        activations=True,
    )
    again = open_energy(pair, energy="int8", **query)
    for role, trace in traces.items():
        assert metrics(again)[f"{role.capitalize()}, estimate"] == about(estimate_energy(trace, own).energy_uj)
    assert "Davies et al." in said(again.caption) and "overflows 8 bits" in said(again.caption)
    again.segmented_control(key="neuron_price").set_value("one MAC").run()
    again.segmented_control(key="sums").set_value("32 bits").run()
    assert not {"e_neuron", "e_mac", "e_ac", "e_sbits"} & set(again.query_params) and not again.exception


def test_another_convention_drops_the_changes_and_the_budget(open_energy, pair: Path) -> None:
    test = open_energy(pair, e_ac="0.5", budget="0")
    assert "Not even one timestep fits" in said(test.warning)
    test.segmented_control(key="energy").set_value("memory").run()
    assert not {"e_ac", "budget"} & set(test.query_params) and marked_row(test)[0] == "memory"
    assert not test.warning and "**t = 3** of 3 fits" in said(test.markdown)


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"e_mac": "-1"}, "mac_pj must be a number of picojoules"),
        ({"e_wbits": "many"}, "Bits of a weight must be a number"),
        ({"e_reads": "never"}, "weight_reads must be one of operation"),
        ({"e_neuron": "-2"}, "neuron_pj must be a number of picojoules"),
        ({"e_ac": "nan"}, "ac_pj must be a number of picojoules"),
    ],
)
def test_an_impossible_number_in_the_link_is_told_and_left_out(
    open_energy, pair: Path, link: dict, sentence: str
) -> None:
    test = open_energy(pair, **link)
    assert sentence in said(test.warning) and marked_row(test)[0] == "arithmetic"
    assert not set(link) & set(test.query_params)


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


@pytest.mark.parametrize(("missing", "said_instead"), [("teacher", "no teacher yet"), ("student", "no student yet")])
def test_one_model_is_enough(open_energy, pair: Path, tmp_path: Path, missing: str, said_instead: str) -> None:
    (kept,) = {"teacher", "student"} - {missing}
    shutil.copytree(pair / PARTS[kept], tmp_path / PARTS[kept])
    test = open_energy(tmp_path)
    assert said_instead in said(test.info) and f"{kept.capitalize()}, estimate" in metrics(test)
    assert "Teacher ÷ student" not in metrics(test)


def test_a_student_without_neurons_is_billed_like_a_teacher(open_energy, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "vit", replace(STUDENT, architecture="vit"))
    test = open_energy(tmp_path)
    assert "has no spiking neurons" in said(test.info) and [one.key for one in test.slider] == ["threshold"]
    assert "NASFR" not in metrics(test) and "Student MACs" in metrics(test)


def test_free_operations_have_no_budget(open_energy, pair: Path) -> None:
    test = open_energy(pair, e_mac="0", e_ac="0")
    assert "any budget fits" in said(test.info) and marked_row(test)[-1] == "–"
