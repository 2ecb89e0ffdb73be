"""The Energy page: its numbers are the library's, and every change is in the link."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from energy_page import PARTS, about, digits, linked, marked_row, metrics
from screen import said
from tiny import STUDENT, write_checkpoint

from snnpar.energy.conventions import CONVENTIONS, EIGHT_BIT_SUMS
from snnpar.energy.estimate import estimate_energy


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
