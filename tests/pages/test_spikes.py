"""The Spikes page."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from screen import component_data, said
from streamlit.testing.v1 import AppTest
from tiny import STUDENT, write_checkpoint

import snnpar
from snnpar.metrics.defaults import SAMPLE

ROOT = Path(snnpar.__file__).resolve().parents[1]


def shown(test: AppTest) -> dict:
    return component_data(test, "raster")


def test_layers_are_those_of_the_trace(app, pair: Path) -> None:
    test = app(pair, "spikes")
    options = test.selectbox(key="layer").options
    assert options[0].startswith("patch_embed.proj1_lif · ") and "block.1.attn.q_lif · block 2, attention, q" in options
    assert len(options) == len(shown(test)["layers"]) == 4 + 2 * 7  # tokenizer, then seven per block


@pytest.mark.parametrize("layer", ["patch_embed.proj4_lif", "block.0.attn.q_lif", "block.1.mlp.mlp2_lif"])
def test_a_layer_is_shown_and_in_the_link(app, pair: Path, layer: str) -> None:
    test = app(pair, "spikes")
    test.selectbox(key="layer").set_value(layer).run()
    assert not test.exception and shown(test)["layer"] == layer
    assert test.query_params["layer"] == layer


def test_a_link_restores_what_was_looked_at(app, pair: Path) -> None:
    said = {"layer": "block.1.attn.k_lif", "t": "2", "box": "1.0.2.1", "channel": "7", "neuron": "3.1"}
    data = shown(app(pair, "spikes", **said))
    assert data["layer"] == "block.1.attn.k_lif" and data["t"] == 2
    assert data["box"] == [1, 0, 2, 1] and data["channel"] == 7
    assert (data["neuron"]["row"], data["neuron"]["column"]) == (3, 1)


@pytest.mark.parametrize(
    "said",
    [
        {"layer": "block.9.attn.k_lif"},
        {"box": "0.0.9.9"},
        {"box": "2.0.1.0"},
        {"box": "1.0"},
        {"box": "a.b.c.d"},
        {"channel": "99"},
        {"channel": "-1"},
        {"channel": "1", "neuron": "900.1"},
        {"neuron": "1.1"},
        {"t": "77"},
    ],
)
def test_what_a_link_says_of_another_student_falls_away(app, pair: Path, said: dict[str, str]) -> None:
    data = shown(app(pair, "spikes", **said))
    assert data["layer"] == "patch_embed.proj1_lif" and data["t"] == STUDENT.timesteps
    assert data["box"] is None and data["neuron"] is None and data["channel"] in (None, 1)


def test_a_new_layer_forgets_the_channel_but_not_the_box(app, pair: Path) -> None:
    test = app(pair, "spikes", box="1.0.2.1", channel="3", neuron="4.4")
    assert shown(test)["neuron"]
    test.selectbox(key="layer").set_value("block.0.attn.q_lif").run()
    data = shown(test)
    assert data["box"] == [1, 0, 2, 1] and data["channel"] is None and data["neuron"] is None


def test_the_layer_survives_a_change_of_page(app, pair: Path) -> None:
    test = app(pair, "spikes")
    test.selectbox(key="layer").set_value("block.0.attn.q_lif").run()
    test.switch_page("compare.py").run()
    test.switch_page("spikes.py").run()
    assert shown(test)["layer"] == "block.0.attn.q_lif" and not test.exception


def test_no_attribute_followed_says_what_to_do(app, pair: Path) -> None:
    test = app(pair, "spikes")
    test.multiselect(key="followed").set_value([]).run()
    assert "Pick one or more" in said(test.info) and not test.exception


def test_without_a_student_it_says_what_to_do(app, pair: Path, tmp_path: Path) -> None:
    shutil.copytree(pair / "tiny-teacher", tmp_path / "tiny-teacher")
    test = app(tmp_path, "spikes")
    assert "no student yet" in said(test.info) and not test.exception


def test_the_student_alone_is_enough(app, pair: Path, tmp_path: Path) -> None:
    shutil.copytree(pair / "tiny-student", tmp_path / "tiny-student")
    test = app(tmp_path, "spikes")
    assert test.selectbox(key="layer").value == "patch_embed.proj1_lif"


def test_the_sample_survives_a_change_of_page(app, pair: Path) -> None:
    test = app(pair)
    test.button(key="next").click().run()
    test.switch_page("spikes.py").run()
    assert test.selectbox(key="sample").value == str(int(SAMPLE) + 2) and not test.exception


def test_a_link_may_be_the_first_request_of_a_server(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snnpar, "CHECKPOINTS", pair)
    test = AppTest.from_file(str(ROOT / "pages" / "main.py"), default_timeout=60).switch_page("spikes.py").run()
    assert not test.exception and "Spikes by layer and timestep" in said(test.header)
    assert test.selectbox(key="sample").value == str(int(SAMPLE) + 1)


def test_a_student_without_neurons_is_told(app, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "vit", replace(STUDENT, architecture="vit"))
    test = app(tmp_path, "spikes")
    assert not test.exception
    assert "no spiking neurons" in said(test.info)
