"""The table of runs on the Train page: filter, marks, tags, notes, deleting many, and what a link holds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from made_runs import charts, make_run
from screen import said, shown
from streamlit.testing.v1 import AppTest

from snnpar.runs.jobs import write_status
from snnpar.runs.notes import change_tags, read_notes, set_note
from snnpar.runs.run import Run, RunError, delete_run


def names(test: AppTest) -> list[str]:
    """The runs of the table, from above."""
    return test.dataframe[0].value["Run"].tolist()


def tags(test: AppTest):  # noqa: ANN201
    (box,) = [box for box in test.multiselect if box.label.startswith("Tags")]
    return box


def marked(test: AppTest) -> list[str]:
    return [names(test)[row] for row in test.session_state["runs_table"]["selection"]["rows"]]


def labels(test: AppTest) -> set[str]:
    return {button.label for button in test.button}


@pytest.fixture
def three(tmp_path: Path) -> list[Run]:
    return [make_run(tmp_path, name) for name in ("a", "b", "c")]


def test_a_row_says_what_is_known(view, three: list[Run], tmp_path: Path) -> None:
    change_tags(three[0], add=["base"])
    set_note(three[0], "=1+1")
    write_status(three[1], state="failed", message="the disk is *full* [see](http://x)")
    test = view(tmp_path, run="b")
    row = test.dataframe[0].value.set_index("Run").loc["a"]
    assert row[["State", "mA", "F1", "Epoch", "of", "Data"]].tolist() == ["… never started", 60, 65, 2, 2, "rendered"]
    assert row["Tags"].tolist() == ["base"] and row["Note"] == "\u200b=1+1", "the table's own download: no formula"
    markdown = " ".join(one.value for one in test.markdown)
    assert "the disk is *full* [see](http://x)" in shown(markdown) and r"\*full\* \[see\]\(" in markdown, "as text"


def test_filter_and_choice_come_from_the_link(view, three: list[Run], tmp_path: Path) -> None:
    for run in three[:2]:
        change_tags(run, add=["x"])
    write_status(three[0], state="failed", message="why")
    test = view(tmp_path, runs_tag="x", run="b", beside="a")
    assert set(names(test)) == {"a", "b"} and set(marked(test)) == {"a", "b"} and "loss_of_runs" in charts(test)
    test = view(tmp_path, runs_state="failed", runs_text="WHY", run="c")
    assert names(test) == ["a"] and marked(test) == [] and "1 of 3 runs" in said(test.caption)
    assert "loss_curves" in charts(test), "the run looked at stays, also out of the table"
    test.text_input(key="runs_text").set_value("zebra").run()
    assert "None of 3 runs matches" in said(test.info) and not test.exception


def test_marks_follow_the_boxes_and_the_filter(view, three: list[Run], tmp_path: Path) -> None:
    set_note(three[2], "zebra")
    test = view(tmp_path, run="a")
    assert marked(test) == ["a"]
    test.multiselect(key="beside").set_value(["c"]).run()
    assert set(marked(test)) == {"a", "c"}
    test.text_input(key="runs_text").set_value("zebra").run()
    assert names(test) == marked(test) == ["c"], "positions are others now"


def test_a_new_run_moves_no_mark(view, three: list[Run], tmp_path: Path) -> None:
    test = view(tmp_path, run="a", beside="b")
    make_run(tmp_path, "d")
    test.run()
    assert names(test)[0] == "d" and set(marked(test)) == {"a", "b"}


def test_tags_and_a_note_are_written_and_follow_the_command_line(view, three: list[Run], tmp_path: Path) -> None:
    test = view(tmp_path, run="a")
    tags(test).set_value(["base"]).run()
    test.text_area[0].set_value("<b>no</b> gain").run()
    assert read_notes(three[0]).tags == ("base",) and read_notes(three[0]).note == "<b>no</b> gain"
    change_tags(three[0], add=["more"])
    set_note(three[0], "other")
    test.run()
    assert tags(test).value == ["base", "more"]
    assert test.text_area[0].value == "other"
    test.selectbox(key="run").set_value("b").run()
    assert tags(test).value == [] and test.text_area[0].value == ""
    tags(test).set_value(["two words"]).run()
    assert "cannot be a tag" in said(test.error) and tags(test).value == []


def test_many_share_their_tags(view, three: list[Run], tmp_path: Path) -> None:
    change_tags(three[0], add=["x", "own"])
    change_tags(three[1], add=["x"])
    test = view(tmp_path, run="a", beside="b")
    assert tags(test).value == ["x"] and not test.text_area
    tags(test).set_value(["new"]).run()
    assert [read_notes(run).tags for run in three] == [("own", "new"), ("new",), ()]


def test_many_are_deleted_after_one_question_that_names_them(
    view, three: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(run: Run) -> None:
        if run.name == "b":
            raise RunError("b has left 1 processes behind; kill it first")
        delete_run(run)

    monkeypatch.setattr("snnpar.runs.run.delete_run", refuses)
    test = view(tmp_path, run="a", beside=["b", "c"])
    test.button(key="ask_delete_many").click().run().run()  # the question outlives the page's polling
    assert "cannot be undone" in said(test.warning) and "a\nb\nc" in said(test.code)
    test.button(key="keep_delete_many").click().run()
    assert "delete_many" not in {button.key for button in test.button} and len(names(test)) == 3
    test.button(key="ask_delete_many").click().run()
    test.button(key="delete_many").click().run()
    assert names(test) == ["b"] and "b has left 1 processes behind" in said(test.error) and not test.exception
    assert marked(test) == ["b"]


def test_runs_at_work_are_not_deleted(view, three: list[Run], tmp_path: Path, state) -> None:
    state("running")
    test = view(tmp_path, run="a", beside="b")
    test.button(key="ask_delete_many").click().run()
    assert "These stay" in said(test.caption) and "delete_many" not in {button.key for button in test.button}
    assert "a  running\nb  running" in said(test.code)


def test_more_are_marked_than_lie_over_each_other(view, tmp_path: Path) -> None:
    every = [f"r{number}" for number in range(9)]
    for name in every:
        make_run(tmp_path, name, epochs=1, firing=None)
    test = view(tmp_path, run="r0", beside=every[1:6])
    test.session_state["runs_marked"] = tuple(every)
    test.run()
    assert set(marked(test)) == set(every) and "Delete 9 runs…" in labels(test)
    test.multiselect(key="beside").set_value(["r1"]).run()
    assert set(marked(test)) == {"r0", "r1"}


def test_a_refused_resume_stays_on_screen_and_the_run_keeps_its_reason(view, three: list[Run], tmp_path: Path) -> None:
    write_status(three[0], state="failed", message="the disk is full")
    content = json.loads((three[0].path / "config.json").read_text())
    content["train"]["data"] |= {"dataset": "pa100k", "folder": "/nowhere"}
    (three[0].path / "config.json").write_text(json.dumps(content))
    test = view(tmp_path, run="a")
    next(button for button in test.button if button.label == "Resume").click().run().run()
    assert "the dataset in /nowhere is gone" in said(test.error) and "the disk is full" in said(test.markdown)
    (three[0].path / "config.json").write_text("{")
    test.run()
    assert not [button for button in test.button if button.label == "Resume"] and not test.exception
    assert "damaged" in said(test.markdown) and "is not the config of a run" in said(test.markdown)


def test_300_runs(view, three: list[Run], tmp_path: Path) -> None:
    for number in range(300):
        shutil.copytree(three[0].path, tmp_path / "runs" / f"r{number:03d}", ignore=shutil.ignore_patterns("lens"))
    test = view(tmp_path, run="r123")
    assert len(names(test)) == 303 and marked(test) == ["r123"] and "loss_curves" in charts(test)
