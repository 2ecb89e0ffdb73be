"""A third model beside teacher and student, where it is chosen: in the bar, on Compare, Energy and Evaluate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_evaluations import write_evaluation
from screen import component_data, said
from tiny import STUDENT, TEACHER, write_checkpoint

from pages.ui.evaluate.evaluated import newest_together
from snnpar.schema.attributes import AttributeGroup, AttributeSchema

QUICK = replace(STUDENT, timesteps=1)
BAGS = AttributeSchema(
    "bags", ("Suitcase",), ("suitcase",), ("Suitcase",), (AttributeGroup("Bags", ("Suitcase",), none="No bag"),)
)


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A teacher, a student, and an ANN student that stands for the fair opponent."""
    write_checkpoint(tmp_path / "tiny-teacher", TEACHER)
    write_checkpoint(tmp_path / "tiny-student", STUDENT)
    write_checkpoint(tmp_path / "plain", replace(STUDENT, architecture="vit"))
    write_checkpoint(tmp_path / "quick", QUICK)
    return tmp_path


def table(test, column: str):
    return next(one.value for one in test.table if column in one.value)


def test_none_is_chosen_unasked(app, three: Path) -> None:
    test = app(three)
    picker = test.selectbox(key="opponent")
    assert picker.value is None and {"plain", "tiny-student", "tiny-teacher"} <= set(picker.options)
    assert set(component_data(test, "time_bar")["models"]) == {"teacher", "student"}


def test_compare_shows_the_third_model_too(app, three: Path) -> None:
    test = app(three, student="tiny-student", opponent="plain")
    data = component_data(test, "time_bar")
    assert list(data["models"]) == ["teacher", "student", "opponent"]
    assert data["models"]["opponent"]["checkpoint"] == "plain" and "opponent" in data["energy"]["spent"]
    for row in data["rows"]:
        said_yes = [row["teacher"] > 0.45, row["student"][-1] > 0.45, row["opponent"] > 0.45]
        assert ("disagree" in row["kinds"][-1]) == (len(set(said_yes)) == 2)
    assert {group["same"][-1][0] for group in data["groups"]} <= {"=", "≠"} and "opponent" in data["groups"][0]
    labels = [metric.label for metric in test.metric]
    assert {"Opponent right", "Opponent energy", "Opponent time"} <= set(labels)


@pytest.mark.parametrize("opponent", ["quick", "tiny-teacher", "tiny-student"])
def test_any_checkpoint_can_be_one(app, three: Path, opponent: str) -> None:
    """Also a spiking one with fewer timesteps: it has given its answer whatever t of the student is."""
    rows = component_data(app(three, student="tiny-student", opponent=opponent), "time_bar")["rows"]
    assert all(isinstance(row["opponent"], float) for row in rows)


def test_energy_bills_it_and_sets_it_against_the_student(app, three: Path) -> None:
    test = app(three, "energy", student="tiny-student", opponent="plain")
    labels = [metric.label for metric in test.metric]
    assert {"Teacher ÷ student", "Opponent ÷ student", "Opponent, estimate"} <= set(labels)
    assert "the opponent costs " in said(test.markdown)
    rows = table(test, "Opponent ÷ student")
    assert {"Teacher ÷ student", "Opponent ÷ student"} <= set(rows.columns)


@pytest.mark.parametrize("page", ["spikes", "explain"])
def test_the_pages_of_one_student_leave_it_out(app, three: Path, page: str) -> None:
    test = app(three, page, student="tiny-student", opponent="plain")
    assert not test.error and test.selectbox(key="opponent").value == "plain"


def test_what_is_no_checkpoint_is_told_and_nothing_stands_in(app, three: Path) -> None:
    test = app(three, opponent="nowhere")
    assert "No checkpoint is called 'nowhere'" in said(test.error)
    assert set(component_data(test, "time_bar")["models"]) == {"teacher", "student"}


def test_other_attributes_are_told(app, three: Path) -> None:
    write_checkpoint(three / "bags", replace(STUDENT, architecture="vit"), BAGS)
    test = app(three, student="tiny-student", opponent="bags")
    assert "share no attribute, they answer pa100k and bags" in said(test.error)
    test.selectbox(key="opponent").select(None).run()
    assert not test.error and not test.exception


def test_evaluate_holds_the_student_against_both(app, three: Path) -> None:
    for role in ("teacher", "student"):
        write_evaluation(three, role)
    write_evaluation(three, "opponent", seed=5)
    test = app(three, "evaluate", student="tiny-student", opponent="plain")
    assert [box.label for box in test.selectbox if box.label.endswith(": evaluation")] == [
        "Teacher: evaluation",
        "Student: evaluation",
        "Opponent: evaluation",
    ]
    names = list(test.table[0].value["Model"])
    assert names[-2:] == ["Student − teacher, points", "Student − opponent, points"] and len(names) == 5
    against = next(one for one in test.segmented_control if one.key == "against")
    assert against.options == ["Teacher and student", "Opponent and student"]
    against.set_value("Opponent and student").run()
    outcome = next(one for one in test.segmented_control if one.key == "outcome")
    assert outcome.options == ["both right", "opponent only", "student only", "both wrong"] and not test.exception


def test_the_one_that_is_not_evaluated_yet_is_offered(app, three: Path) -> None:
    for role in ("teacher", "student"):
        write_evaluation(three, role)
    test = app(three, "evaluate", student="tiny-student", opponent="plain")
    assert "The opponent is not evaluated on these images yet" in said(test.info)
    assert any("Evaluate plain on the same images" in button.label for button in test.button)


class Told:
    """As much of an evaluation as choosing needs."""

    def __init__(self, images: str) -> None:
        self.data = {"hash": images}


def test_the_images_that_most_were_asked_about_win() -> None:
    a, b, c, d = Told("x"), Told("y"), Told("y"), Told("x")
    assert newest_together({"teacher": [a, b], "student": [c]}) == {"teacher": b, "student": c}
    assert newest_together({"teacher": [a, b], "student": [d, c]}) == {"teacher": a, "student": d}
    assert newest_together({"teacher": [a], "student": [c], "opponent": [Told("z")]}) == {"student": c}
    assert newest_together({"teacher": [a], "student": []}) == {"teacher": a}
    assert newest_together({"teacher": [], "student": []}) == {}
