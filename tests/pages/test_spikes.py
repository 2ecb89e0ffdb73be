"""The Spikes page."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from screen import said
from streamlit.testing.v1 import AppTest
from tiny import STUDENT, write_checkpoint

import snnpar

ROOT = Path(snnpar.__file__).resolve().parents[1]


def test_layers_are_those_of_the_trace(app, pair: Path) -> None:
    test = app(pair, "spikes")
    options = test.selectbox(key="layer").options
    assert options[0].startswith("patch_embed.proj1_lif · ") and "block.1.attn.q_lif · block 2, attention, q" in options
    assert len(options) == 4 + 2 * 7  # tokenizer, then seven per block


ROWS, COLUMNS = STUDENT.token_grid


@pytest.mark.parametrize(
    ("layer", "neurons"),
    [
        ("patch_embed.proj4_lif", STUDENT.dim * 2 * ROWS * 2 * COLUMNS),  # before the last pooling
        ("block.0.attn.q_lif", STUDENT.dim * ROWS * COLUMNS),
        ("block.1.mlp.mlp2_lif", STUDENT.dim * STUDENT.mlp_ratio * ROWS * COLUMNS),
    ],
)
def test_a_layer_is_drawn_and_its_neurons_counted(app, pair: Path, layer: str, neurons: int) -> None:
    test = app(pair, "spikes")
    test.selectbox(key="layer").set_value(layer).run()
    assert not test.exception and f"all {neurons:,} neurons" in said(test.caption)


def test_a_large_layer_says_that_it_is_sampled(app, pair: Path) -> None:
    height, width = STUDENT.image_size
    neurons = STUDENT.dim // 8 * height * width  # of the first layer
    assert f"6,144 of {neurons:,} neurons, taken at even distances" in said(app(pair, "spikes").caption)


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
    test.switch_page("pages/spikes.py").run()
    assert test.selectbox(key="sample").value == "2" and not test.exception


def test_a_link_may_be_the_first_request_of_a_server(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `navigated`: Streamlit runs the page's file alone, which then has the app start over."""
    monkeypatch.setattr(snnpar, "CHECKPOINTS", pair)
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).switch_page("pages/spikes.py").run()
    assert not test.exception and "timestep by timestep" in said(test.header)
    assert test.selectbox(key="sample").value == "1"


def test_a_student_without_neurons_is_told(app, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "vit", replace(STUDENT, architecture="vit"))
    test = app(tmp_path, "spikes")
    assert not test.exception
    assert "no spiking neurons" in said(test.info)
