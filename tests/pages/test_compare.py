"""The Compare page: populated at first sight, honest about what it does not know, alive after bad input."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hub_server import Hub, Repo
from screen import component_data, components, png, said
from tiny import BY_ROLE, PA100K, STUDENT, TEACHER, write_checkpoint

from snnpar.metrics.defaults import SAMPLE
from snnpar.schema.attributes import AttributeGroup, AttributeSchema

BAGS = AttributeSchema(
    "bags", ("Suitcase",), ("suitcase",), ("Suitcase",), (AttributeGroup("Bags", ("Suitcase",), none="No bag"),)
)


def rows(test) -> list[dict]:
    """The attributes, as the time bar shows them."""
    return component_data(test, "time_bar")["rows"]


def test_opens_populated_with_a_labelled_sample(app, pair: Path) -> None:
    test = app(pair)
    shown = rows(test)
    assert [row["label"] for row in shown] == list(PA100K.labels)
    assert {row["truth"] for row in shown} == {True, False}
    assert all(re.match("(= agree|≠ differ) · ", verdict) for row in shown for verdict in row["verdicts"])
    assert not test.error and len(test.metric) == 7


def test_the_threshold_decides(app, pair: Path) -> None:
    test = app(pair, threshold="0.95")
    assert test.slider(key="threshold").value == 0.95
    for row in rows(test):
        differ = [(row["teacher"] > 0.95) != (student > 0.95) for student in row["student"]]
        assert differ == [verdict.startswith("≠") for verdict in row["verdicts"]]
        assert differ == ["disagree" in kinds for kinds in row["kinds"]]


def test_the_headline_is_the_answer_after_all_timesteps(app, pair: Path) -> None:
    test = app(pair, t="1")
    agree = sum("disagree" not in row["kinds"][-1] for row in rows(test))
    right = sum((row["student"][-1] > 0.45) == row["truth"] for row in rows(test))
    assert test.metric[0].value == f"{agree} of {len(PA100K)}" and test.metric[2].value == f"{right} of {len(PA100K)}"
    assert component_data(test, "time_bar")["right"]["student"][-1] == right


def test_the_headline_says_what_the_neurons_cost(app, pair: Path) -> None:
    test = app(pair)
    energies = {metric.label: metric for metric in test.metric if metric.label.endswith("energy")}
    assert energies["Student energy"].delta.endswith(" for neurons") and not energies["Teacher energy"].delta
    captions = said(test.caption)
    assert " neuron updates." in captions and "All memory traffic is left out: good for the student" in captions


@pytest.mark.parametrize("page", ["compare", "energy"])
def test_times_are_medians_with_their_spread_and_said_apart_from_operations(app, pair: Path, page: str) -> None:
    test = app(pair, page)
    (line,) = [one.value for one in test.caption if "Time for one image" in one.value]
    found = re.findall(r"([\d.,]+) ms \(median of (\d) passes, ([\d.,]+) to ([\d.,]+) ms\)", line)
    assert len(found) == 2 and all(int(passes) in (3, 4, 5) for _, passes, *_ in found)
    assert all(float(low) <= float(median) <= float(high) for median, _, low, high in found)
    assert "Fewer operations can still take longer" in line
    if page == "compare":
        assert [f"{median} ms" for median, *_ in found] == [one.value for one in test.metric[-2:]]


def test_the_attribute_and_sample_come_from_the_link(app, pair: Path) -> None:
    test = app(pair, attribute="Backpack")
    assert "“Backpack”" in said(test.subheader) and component_data(test, "time_bar")["attribute"] == "Backpack"
    first = rows(test)
    test.button(key="next").click().run()
    assert test.selectbox(key="sample").value == str(int(SAMPLE) + 2)  # samples are numbered from 1, files from 0
    assert test.session_state["selection"].image.title != "" and rows(test) != first
    test.button(key="back").click().run()
    assert rows(test) == first


@pytest.mark.parametrize("teacher_map", ["attention", "grad_cam"])
@pytest.mark.parametrize("student_map", ["cosine", "co_fire", "ledger", "grad_cam"])
def test_every_heatmap_is_drawn(app, pair: Path, teacher_map: str, student_map: str) -> None:
    test = app(pair)
    test.selectbox(key="teacher_map").set_value(teacher_map)
    test.selectbox(key="student_map").set_value(student_map).run()
    assert not test.exception and not test.error
    maps = component_data(test, "time_bar")["maps"]
    assert [one["title"] for one in maps] == [
        BY_ROLE["teacher"][teacher_map].label,
        BY_ROLE["student"][student_map].label,
    ]
    assert ["general" if one["general"] else "own" for one in maps] == [
        "own",
        "general" if student_map == "co_fire" else "own",
    ]
    same_unit = teacher_map == student_map == "grad_cam"
    assert test.segmented_control(key="scale").disabled != same_unit


def test_a_map_that_does_not_apply_says_why(app, pair: Path, tmp_path: Path) -> None:
    shutil.copytree(pair / "tiny-teacher", tmp_path / "tiny-teacher")
    write_checkpoint(tmp_path / "wide", replace(STUDENT, dim=2 * TEACHER.dim))
    test = app(tmp_path, student_map="Text-patch cosine")
    assert "teacher of the student's width" in said(test.info)
    assert len(rows(test)) == len(PA100K)
    assert [one["role"] for one in component_data(test, "time_bar")["maps"]] == ["teacher"]


def test_an_upload_has_no_known_truth(app, pair: Path) -> None:
    test = app(pair)
    test.file_uploader(key="upload").upload("me.png", png(), "image/png").run()
    assert test.session_state["selection"].image.title == "me.png"
    assert {row["truth"] for row in rows(test)} == {None}
    assert {verdict for row in rows(test) for verdict in row["verdicts"]} <= {"= agree", "≠ differ"}
    assert "wrong" not in component_data(test, "time_bar")["filters"]
    assert "me.png" not in str(test.query_params)
    test.button(key="next").click().run()  # back to the samples
    assert {row["truth"] for row in rows(test)} == {True, False}


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "0 bytes"), (b"nonsense", "not a readable"), (png()[:60], "me.png"), (png(1, 1), "too small")],
)
def test_a_bad_upload_gives_a_sentence_and_the_sample_stays(app, pair: Path, data: bytes, words: str) -> None:
    test = app(pair)
    test.file_uploader(key="upload").upload("me.png", data, "image/png").run()
    assert words in said(test.error) and "me.png" in said(test.error)
    assert not test.exception and {row["truth"] for row in rows(test)} == {True, False}


def test_without_checkpoints_it_says_what_to_do(app, tmp_path: Path) -> None:
    test = app(tmp_path)
    assert "no teacher yet" in said(test.info) and "no student yet" in said(test.info)
    assert "Train page" in said(test.info)


def test_one_model_alone_is_shown(app, pair: Path, tmp_path: Path) -> None:
    shutil.copytree(pair / "tiny-student", tmp_path / "tiny-student")
    test = app(tmp_path)
    shown = rows(test)
    assert not any("teacher" in row for row in shown)
    assert {verdict for row in shown for verdict in row["verdicts"]} == {"right", "wrong"}


def test_damaged_weights_are_told_and_another_model_stays(app, pair: Path, tmp_path: Path) -> None:
    shutil.copytree(pair, tmp_path, dirs_exist_ok=True)
    shutil.copytree(pair / "tiny-student", tmp_path / "a-damaged-student")
    (tmp_path / "a-damaged-student" / "model.safetensors").write_bytes(b"\x00" * 100)
    test = app(tmp_path)
    assert "a-damaged-student" in said(test.error) and "model.safetensors" in said(test.error)
    assert "tiny-student" in said(test.caption) and len(rows(test)) == len(PA100K)


def test_a_wrong_config_is_told(app, pair: Path, tmp_path: Path) -> None:
    shutil.copytree(pair, tmp_path, dirs_exist_ok=True)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{", "utf-8")
    test = app(tmp_path, student="broken")
    assert "broken/config.json" in said(test.error) and "tiny-student" in said(test.error)
    assert len(rows(test)) == len(PA100K)


def test_an_unknown_checkpoint_and_a_swapped_role_are_told(app, pair: Path) -> None:
    assert "No checkpoint is called 'nobody'" in said(app(pair, teacher="nobody").error)
    assert "is a student" in said(app(pair, teacher="tiny-student").error)


def test_a_pair_without_common_attributes_is_refused(app, pair: Path, tmp_path: Path) -> None:
    shutil.copytree(pair / "tiny-teacher", tmp_path / "tiny-teacher")
    write_checkpoint(tmp_path / "bags", STUDENT, BAGS)
    test = app(tmp_path)
    assert "share no attribute" in said(test.error) and not components(test)


def test_the_hub_gives_a_checkpoint(app, pair: Path, tmp_path: Path, empty_hub: Hub) -> None:
    shutil.copytree(pair, tmp_path / "shelf")
    empty_hub.repos["someone/spiker"] = Repo()
    commit = empty_hub.repos["someone/spiker"].push(
        {path.name: path.read_bytes() for path in (pair / "tiny-student").iterdir()}
    )
    test = app(tmp_path / "shelf", student="someone/spiker@main")
    assert not test.error
    assert test.session_state["selection"].checkpoints["student"].path.name == commit
    empty_hub.requests.clear()
    test.run()
    assert empty_hub.requests == []  # what is here is not asked for again


def test_an_unreachable_hub_is_told_and_the_shipped_pair_stays(app, pair: Path, no_account, monkeypatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    test = app(pair, student="someone/spiker")
    assert "cannot be reached. The student shown is tiny-student." in said(test.error)
    assert len(rows(test)) == len(PA100K)
