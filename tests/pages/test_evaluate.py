"""The Evaluate page: it reads evaluations, and never mixes images silently."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from made_evaluations import FEW, ROLES, cards_of, write_evaluation
from screen import press, said, shown
from tiny import PA100K, STUDENT, write_checkpoint

from snnpar.evaluation.evaluations import REPORT
from snnpar.evaluation.slices import DataChoice, list_slices
from snnpar.figures.curves import METRIC_NAMES
from snnpar.metrics.outcomes import FIRST_ONLY, SECOND_ONLY, changes_over_time, count_outcomes, images_with, outcomes
from snnpar.metrics.pedestrian import pedestrian_metrics


def test_the_five_metrics_are_those_of_the_report(app, root: Path) -> None:
    wrote = {role: write_evaluation(root, role) for role in ROLES}
    test = app(root, "evaluate")
    assert not test.error
    ours = test.table[0].value
    for row, (_, predictions) in enumerate(wrote.values()):
        five = pedestrian_metrics(predictions.truth, predictions.probs[-1]).summary()
        for name, value in five.items():
            assert ours[METRIC_NAMES[name]][row].startswith(f"**{100 * value:.1f}%** [")
    captions = said(test.caption)
    assert "40 rendered, n = 40" in captions and "threshold 0.45" in captions and "unknown labels: none" in captions


def test_published_rows_are_marked_and_apart(app, root: Path) -> None:
    for role in ROLES:
        write_evaluation(root, role)
    test = app(root, "evaluate")
    ours, theirs = (table.value for table in test.table[:2])
    assert len(ours) == 3 and "SNN-PAR, not distilled" in list(theirs["Model"]) and "88.2%" in list(theirs["F1"])
    marked = said(test.markdown)
    assert "published] full PA100K test set, n=10,000: **other images, other sizes**" in marked


def test_the_convention_is_named_with_every_number(app, root: Path) -> None:
    for role in ROLES:
        write_evaluation(root, role, unknown=True)
    test = app(root, "evaluate")
    assert "26 not masked" in said(test.caption)
    before = test.table[0].value
    test.segmented_control(key="convention").set_value("rethinking").run()
    captions = said(test.caption)
    assert "Convention rethinking: threshold 0.5" in captions and "26 counted as negative" in captions
    assert "unknown labels count as negative" in captions
    assert "Ours above are counted by the rethinking convention" in said(test.caption)
    assert not test.table[0].value.equals(before)


def test_the_disagreement_table_counts_every_image(app, root: Path) -> None:
    (_, teacher), (_, student) = (write_evaluation(root, role) for role in ROLES)
    test = app(root, "evaluate")
    codes = outcomes(teacher.truth, teacher.probs[-1], student.probs[-1], 0.45)
    rows = test.dataframe[0].value.set_index("attribute")
    columns = ["both right", "teacher only", "student only", "both wrong"]
    assert (rows.loc[list(PA100K.labels), columns].to_numpy() == count_outcomes(codes)).all()
    assert rows["teacher only"].is_monotonic_decreasing and (rows[columns].sum(axis=1) == rows["known"]).all()


def test_a_cell_shows_its_images(app, root: Path) -> None:
    (_, teacher), (_, student) = (write_evaluation(root, role) for role in ROLES)
    column = PA100K.index("Backpack")
    codes = outcomes(teacher.truth, teacher.probs[-1], student.probs[-1], 0.45)
    test = app(root, "evaluate")
    test.selectbox(key="attribute").set_value("Backpack").run()
    for outcome, name in ((FIRST_ONLY, "teacher only"), (SECOND_ONLY, "student only")):
        test.segmented_control(key="outcome").set_value(name).run()
        indices = images_with(codes, column, outcome)
        gaps = np.abs(teacher.probs[-1] - student.probs[-1])[indices, column]
        first = indices[np.argsort(-gaps, kind="stable")][:8]
        cards = [shown(c.value) for c in test.caption if c.value.startswith("rendered") and "Teacher" in c.value]
        assert [card.partition("  \n")[0] for card in cards] == [teacher.files[i] for i in first]
        truth = {1: "yes", 0: "no"}[int(teacher.truth[first[0], column])]
        assert f"truth: {truth}" in cards[0] and f"{100 * teacher.probs[-1][first[0], column]:.1f}%" in cards[0]


def test_the_picked_cell_comes_from_the_link(app, root: Path) -> None:
    for role in ROLES:
        write_evaluation(root, role)
    test = app(root, attribute="Backpack").switch_page("evaluate.py")
    test.query_params["outcome"], test.query_params["change"] = "both wrong", "broken"
    test.run()
    assert "**Backpack**: both are wrong" in said(test.markdown)
    assert "**Backpack**: more timesteps broke the answer" in said(test.markdown)


def test_more_timesteps_fix_and_break(app, root: Path) -> None:
    _, (_, student) = (write_evaluation(root, role) for role in ROLES)
    test = app(root, "evaluate")
    changes = changes_over_time(student.truth, student.probs, 0.45)
    for t in (1, 2):
        test.segmented_control(key="early").set_value(t).run()
        rows = test.dataframe[1].value.set_index("attribute").loc[list(PA100K.labels)]
        assert rows["fixed"].tolist() == changes[t - 1, :, FIRST_ONLY].tolist()
        assert rows["broken"].tolist() == changes[t - 1, :, SECOND_ONLY].tolist()


def test_a_student_without_timesteps_says_so(app, root: Path) -> None:
    for role in ROLES:
        write_evaluation(root, role, timesteps=1)
    test = app(root, "evaluate")
    assert "answers once, without timesteps" in said(test.info) and len(test.dataframe) == 1


def test_other_images_are_blocked_with_a_fix(app, root: Path, launched: list) -> None:
    write_evaluation(root, "teacher")
    write_evaluation(root, "student", DataChoice(rendered=30))
    test = app(root, "evaluate")
    listed = test.selectbox(key="evaluation_teacher").options
    test.selectbox(key="evaluation_teacher").set_value(listed[0]).run()
    assert "evaluated on different images" in said(test.error) and not test.dataframe and not test.table
    press(test, "Evaluate tiny-student on 40 rendered")
    assert [(one.checkpoint.name, one.choice) for one in launched] == [("tiny-student", FEW)]


def test_the_newest_common_images_are_shown_first(app, root: Path) -> None:
    for role in ROLES:
        write_evaluation(root, role)
    write_evaluation(root, "student", DataChoice(rendered=30))  # newer, but of the student alone
    assert "40 rendered, n = 40" in said(app(root, "evaluate").caption)


def test_one_evaluation_alone_is_shown(app, root: Path, launched: list) -> None:
    write_evaluation(root, "student")
    test = app(root, "evaluate")
    assert "teacher is not evaluated on these images yet" in said(test.info)
    assert len(test.table[0].value) == 1 and len(test.dataframe) == 1
    press(test, "Evaluate tiny-teacher on the same images")
    assert [(one.checkpoint.name, one.choice) for one in launched] == [("tiny-teacher", FEW)]


def test_new_weights_need_a_new_evaluation(app, root: Path) -> None:
    for role in ROLES:
        write_evaluation(root, role)
    write_checkpoint(root / "tiny-student", STUDENT, seed=5)
    test = app(root, "evaluate")
    assert test.selectbox(key="evaluation_student").value is None
    assert "student is not evaluated on these images yet" in said(test.info)


def test_the_basket_undoes_and_becomes_a_slice(app, root: Path, launched: list) -> None:
    for role in ROLES:
        write_evaluation(root, role)
    test = app(root, "evaluate")
    for card in range(2):
        stars = [b for b in test.button if b.key.startswith("outcome_") and b.key.endswith("_star")]
        stars[card].click().run()
    cards = cards_of(test)[:2]
    assert "Basket: 2 starred" in said(test.subheader)
    test.button(key="basket_empty").click().run()
    assert "Basket: 0 starred" in said(test.subheader)
    test.button(key="basket_undo").click().run()
    test.text_input(key="slice_name").set_value("hard ones").run()
    test.button(key="save_slice").click().run()
    assert "letters, digits" in said(test.error)
    test.text_input(key="slice_name").set_value("hard-ones").run()
    test.button(key="save_slice").click().run()
    (saved,) = list_slices(root=root / "slices")
    assert (saved.name, saved.choice, list(saved.files)) == ("hard-ones", FEW, cards)
    press(test, "Evaluate the bar's pair on hard-ones")
    assert [one.choice for one in launched] == [DataChoice(rendered=40, slice="hard-ones")] * 2


def test_an_image_opens_on_the_compare_page(app, root: Path) -> None:
    _, (_, student) = (write_evaluation(root, role) for role in ROLES)
    test = app(root, "evaluate")
    button = next(b for b in test.button if b.key.startswith("outcome_") and b.key.endswith("_compare"))
    index = int(button.key.split("_")[-2])
    button.click().run()
    shown = test.session_state["selection"].image
    assert shown.title == student.files[index] and "Comparison" in said(test.header)
    assert shown.truth == {name for name, label in zip(PA100K.attributes, student.truth[index], strict=True) if label}


def test_images_that_moved_are_told_and_the_numbers_stay(app, root: Path) -> None:
    for role in ROLES:
        evaluation, _ = write_evaluation(root, role)
        request = json.loads((evaluation.path / "request.json").read_text("utf-8"))
        request["choice"] = request["choice"] | {"rendered": 39}
        (evaluation.path / "request.json").write_text(json.dumps(request), "utf-8")
    test = app(root, "evaluate")
    assert "data has changed" in said(test.error) and len(test.dataframe) == 2 and not test.exception


def test_a_damaged_report_is_left_out(app, root: Path) -> None:
    for role in ROLES:
        evaluation, _ = write_evaluation(root, role)
    (evaluation.path / REPORT).write_text("{", "utf-8")
    test = app(root, "evaluate")
    assert not test.exception and test.selectbox(key="evaluation_student").value is None


def test_attributes_without_a_positive_are_named_beside_the_mean_of_the_others(app, root: Path) -> None:
    _, predictions = write_evaluation(root, "student")
    positives = (predictions.truth == 1).sum(0)
    absent = [name for name, count in zip(predictions.attributes, positives, strict=True) if not count]
    test = app(root, "evaluate")
    expected = pedestrian_metrics(predictions.truth, predictions.probs[-1]).per_attribute.ma[positives >= 4].mean()
    assert test.table[0].value["mA (≥ 4 positives)"][0].startswith(f"**{100 * expected:.1f}%** [")
    words = f"over the {(positives >= 4).sum()} of 26 attributes with at least 4 positives"
    assert said(test.caption).count(words) == 2 and all(name in said(test.caption) for name in absent)
