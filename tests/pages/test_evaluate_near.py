"""Near duplicates of training images on the Evaluate page."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_evaluations import ROLES, cards_of, write_evaluation
from screen import said

from snnpar.figures.curves import METRIC_NAMES
from snnpar.metrics.pedestrian import pedestrian_metrics


def test_near_duplicates_are_left_out_of_every_number_and_image(app, root: Path) -> None:
    wrote = [write_evaluation(root, role, near=7)[1] for role in ROLES]
    test = app(root, "evaluate")
    toggle = test.toggle(key="leave_out")
    assert toggle.label.endswith("training images (7)") and not toggle.value and not toggle.disabled
    assert "7 of 40 images are near duplicates of the 100 training images (people, train)" in said(test.caption)
    toggle.set_value(True).run()
    assert not test.exception and "7 of 40 images are left out" in said(test.caption)
    assert "40 rendered, without 7 near duplicates of training images, n = 33" in said(test.caption)
    for row, predictions in enumerate(wrote):
        five = pedestrian_metrics(predictions.truth[7:], predictions.probs[-1][7:]).summary()
        for name, value in five.items():
            assert test.table[0].value[METRIC_NAMES[name]][row].startswith(f"**{100 * value:.1f}%** [")
    assert (test.dataframe[1].value["known"] == 33).all()  # after the table of near duplicates
    cards = cards_of(test)
    assert cards and not set(cards) & set(wrote[0].files[:7])


def test_the_near_duplicates_are_named(app, root: Path) -> None:
    for role in ROLES:
        write_evaluation(root, role, near=2)
    rows = app(root, "evaluate").dataframe[0].value
    assert rows["train_file"].tolist() == ["t0.png", "t1.png"] and (rows["correlation"] == 0.9).all()


def test_a_star_survives_leaving_its_image_out(app, root: Path) -> None:
    for role in ROLES:
        write_evaluation(root, role, near=39)
    test = app(root).switch_page("evaluate.py")
    test.run()
    star = next(b for b in test.button if b.key.startswith("outcome_") and b.key.endswith("_star"))
    star.click().run()
    test.toggle(key="leave_out").set_value(True).run()
    assert not test.exception and "Basket: 1 starred" in said(test.subheader)


def test_the_choice_comes_from_the_link(app, root: Path) -> None:
    for role in ROLES:
        write_evaluation(root, role, near=39)
    test = app(root).switch_page("evaluate.py")
    test.query_params["leave_out"] = "true"
    test.run()
    assert test.toggle(key="leave_out").value and "n = 1, 26 attributes" in said(test.caption)


def test_without_near_duplicates_there_is_nothing_to_leave_out(app, root: Path) -> None:
    for role in ROLES:
        write_evaluation(root, role)
    test = app(root, "evaluate")
    assert test.toggle(key="leave_out").disabled and "None of 40 images are near duplicates" in said(test.caption)


def test_an_evaluation_of_before_opens_and_can_be_made_again(app, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = []
    monkeypatch.setattr("pages.ui.evaluate.evaluating.launch", lambda one, **options: again.append((one, options)))
    wrote = [write_evaluation(root, role, near=None)[0] for role in ROLES]
    test = app(root, "evaluate")
    assert test.toggle(key="leave_out").disabled and "were not looked for when this was made" in said(test.caption)
    assert len(test.table[0].value) == 3 and "over images" in said(test.caption)
    test.button(key="evaluate_again").click().run()
    assert again == [(one, {"again": True}) for one in wrote]
