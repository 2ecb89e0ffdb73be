"""What the time bar is given: for every t the library's own numbers; and the timestep that all pages share."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from screen import component_data
from tiny import STUDENT, TEACHER, first_image, write_checkpoint

import snnpar.checkpoint
from pages.ui import moment
from pages.ui.components import time_bar
from snnpar.energy.estimate import energy_over_time
from snnpar.explain import heatmap
from snnpar.figures import span
from snnpar.inference import Analysis, LoadedModel, analyze, decide, load, prefix_probs
from snnpar.metrics.defaults import ATTRIBUTE
from snnpar.metrics.outcomes import decided_at

IMAGE = first_image()


@pytest.fixture(scope="module")
def models(pair: Path) -> dict[str, LoadedModel]:
    folders = {"teacher": pair / "tiny-teacher", "student": pair / "tiny-student"}
    return {role: load(snnpar.checkpoint.read_checkpoint(folder)) for role, folder in folders.items()}


@pytest.fixture(scope="module")
def analyses(models: dict[str, LoadedModel]) -> dict[str, Analysis]:
    return {role: analyze(model, IMAGE) for role, model in models.items()}


def values(one: dict) -> np.ndarray:
    """(frames, rows, columns) of a map."""
    return np.frombuffer(b64decode(one["values"]), "<f4").reshape(one["shape"])


def linked(test, name: str) -> str | None:
    """What the link says: a list if a test put it there, the word itself if the page did."""
    value = test.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def test_probabilities_are_those_of_the_prefix_mean(app, pair: Path, analyses: dict[str, Analysis]) -> None:
    rows = component_data(app(pair), "time_bar")["rows"]
    expected = prefix_probs(analyses["student"].trace.logits_per_timestep[:, 0])
    np.testing.assert_allclose(np.array([row["student"] for row in rows]).T, expected, atol=1e-6)
    np.testing.assert_allclose([row["teacher"] for row in rows], analyses["teacher"].prediction.probs, atol=1e-6)
    assert [row["decided"] for row in rows] == decided_at(expected, 0.45).tolist()


def test_groups_are_decided_at_every_t(app, pair: Path, analyses: dict[str, Analysis]) -> None:
    groups = component_data(app(pair), "time_bar")["groups"]
    for t, probs in enumerate(prefix_probs(analyses["student"].trace.logits_per_timestep[:, 0])):
        decisions = decide(analyses["student"].checkpoint.schema, probs, 0.45)
        assert [group["student"][t] for group in groups] == [decision.text for decision in decisions]
        assert [group["same"][t][0] for group in groups] == [
            "=" if group["teacher"] == group["student"][t] else "≠" for group in groups
        ]


def test_energy_is_what_was_spent_by_then(app, pair: Path, analyses: dict[str, Analysis]) -> None:
    energy = component_data(app(pair), "time_bar")["energy"]
    np.testing.assert_allclose(energy["spent"]["student"], energy_over_time(analyses["student"].trace), atol=1e-3)
    np.testing.assert_allclose(energy["spent"]["teacher"], [analyses["teacher"].energy.energy_uj], atol=1e-3)
    assert energy["convention"] == analyses["student"].energy.convention


@pytest.mark.parametrize(
    ("method", "when"), [("cosine", "alone"), ("co_fire", "up to"), ("ledger", "up to"), ("grad_cam", "")]
)
def test_maps_have_a_frame_for_every_t(app, pair: Path, models: dict[str, LoadedModel], method: str, when: str) -> None:
    test = app(pair)
    test.selectbox(key="student_map").set_value(method).run()
    shown = component_data(test, "time_bar")["maps"][1]
    heat = heatmap(method, models["student"], IMAGE, ATTRIBUTE, teacher=models["teacher"])
    assert shown["when"] == when and shown["shape"][0] == (3 if when else 1)
    np.testing.assert_allclose(values(shown), heat.over_time(), atol=1e-6)
    if when != "alone":
        np.testing.assert_allclose(values(shown)[-1], heat.values, atol=1e-6)
    assert (shown["low"], shown["high"]) == span(heat.bound, signed=heat.signed)
    assert shown["palette"] == ("signed" if method in ("ledger", "cosine") else "plain")
    assert shown["geometry"] == asdict(models["student"].geometry)
    assert (shown["colours"], shown["placed"]) == (heat.colours, heat.placed) and "0.47 of a cell above" in heat.placed


def test_a_shared_scale_spans_both_maps_at_all_times(app, pair: Path) -> None:
    test = app(pair, attribute="Trousers")
    for role in ("teacher", "student"):
        test.selectbox(key=f"{role}_map").set_value("grad_cam")
    test.run()
    own = [(one["low"], one["high"]) for one in component_data(test, "time_bar")["maps"]]
    assert own == [span(values(one).max(), signed=False) for one in component_data(test, "time_bar")["maps"]]
    test.segmented_control(key="scale").set_value("one shared scale").run()
    first, second = component_data(test, "time_bar")["maps"]
    assert (first["low"], first["high"]) == (second["low"], second["high"])
    both = np.concatenate([values(first).ravel(), values(second).ravel()])
    assert (first["low"], first["high"]) == span(both.max(), signed=False) and both.max() > 0


def test_changing_the_attribute_or_t_runs_no_model(app, pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = app(pair)
    monkeypatch.setattr("pages.ui.looking.analyze", lambda *_: pytest.fail("a forward for an image seen before"))
    test.session_state["kept_t"] = "2"
    test.run()
    assert not test.exception and component_data(test, "time_bar")["t"] == 2
    monkeypatch.setattr("pages.ui.looking.heatmap", lambda *_, **__: pytest.fail("a heatmap computed before"))
    test.session_state["kept_t"] = "1"
    test.run()
    assert not test.exception and component_data(test, "time_bar")["t"] == 1


@pytest.mark.parametrize(
    ("link", "t"),
    [({}, 3), ({"t": "2"}, 2), ({"t": "1"}, 1), ({"t": "99"}, 3), ({"t": "0"}, 1), ({"t": "two"}, 3), ({"t": "-1"}, 3)],
)
def test_t_comes_from_the_link(app, pair: Path, link: dict[str, str], t: int) -> None:
    test = app(pair, **link)
    assert component_data(test, "time_bar")["t"] == t
    assert linked(test, "t") == link.get("t")


def test_t_and_the_filter_survive_a_change_of_page(app, pair: Path) -> None:
    test = app(pair, t="2", show="unsure")
    test.switch_page("spikes.py").run()
    test.switch_page("compare.py").run()
    data = component_data(test, "time_bar")
    assert (data["t"], data["show"]) == (2, "unsure")
    assert linked(test, "t") == "2" and linked(test, "show") == "unsure"


def test_a_student_without_timesteps_has_no_bar_and_says_why(app, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "vit", replace(STUDENT, architecture="vit"))
    write_checkpoint(tmp_path / "tiny-teacher", TEACHER)
    test = app(tmp_path, t="2")
    data = component_data(test, "time_bar")
    assert not data["bar"] and "no timesteps" in data["why"] and data["timesteps"] == data["t"] == 1
    assert all(len(row["student"]) == len(row["verdicts"]) == 1 for row in data["rows"])
    assert len(data["energy"]["spent"]["student"]) == 1


def test_a_student_with_one_timestep_has_a_bar_of_one(app, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "quick", replace(STUDENT, timesteps=1))
    data = component_data(app(tmp_path), "time_bar")
    assert data["bar"] and "single timestep" in data["why"] and data["timesteps"] == 1
    assert {row["decided"] for row in data["rows"]} == {1}


def test_a_teacher_alone_needs_no_bar(app, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "tiny-teacher", TEACHER)
    data = component_data(app(tmp_path), "time_bar")
    assert not data["bar"] and not data["why"] and list(data["models"]) == ["teacher"]
    assert all("student" not in row and len(row["verdicts"]) == 1 for row in data["rows"])


ODD = (None, True, 0, -1, 5, 10**12, 1.5, "", "2", "Female", "none", ["Female"], {"t": 1}, "x" * 10_000)


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> dict:
    """The session, the choices kept in it, and what the bar said last."""
    found = {"attribute": "Hat", "time_bar": {}}
    monkeypatch.setattr(st, "session_state", found)
    monkeypatch.setattr(moment, "keep", lambda name, value: found.update({name: value}))
    return found


@pytest.mark.parametrize("message", ODD)
def test_what_the_bar_cannot_have_sent_changes_nothing(state: dict, message: object) -> None:
    state["time_bar"] = {"moved": message, "filtered": message, "picked": message}
    time_bar._move(4)
    time_bar._filter(["all", "disagree"])
    time_bar._pick(["Hat", "Bag"])
    assert {name: value for name, value in state.items() if name != "time_bar"} in (
        {"attribute": "Hat"},
        {"attribute": "Hat", "show": ""},
    )


def test_what_the_bar_sends_is_kept(state: dict) -> None:
    state["time_bar"] = {"moved": 2, "filtered": "disagree", "picked": "Bag"}
    time_bar._move(4)
    time_bar._filter(["all", "disagree"])
    time_bar._pick(["Hat", "Bag"])
    assert (state["t"], state["show"], state["attribute"]) == ("2", "disagree", "Bag")
