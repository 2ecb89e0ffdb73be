"""What the pages say about a checkpoint, and the order in which they offer it."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hub_server import Hub, Repo
from screen import said
from tiny import STUDENT, TEACHER, write_checkpoint

import snnpar
from pages.ui import references
from pages.ui.widgets.literal import literal
from snnpar.checkpoint import read_checkpoint, write_config
from snnpar.config import TrainConfig
from snnpar.core.errors import SnnparError
from snnpar.evaluation.batch import create_batch
from snnpar.evaluation.evaluations import create_evaluation, revision
from snnpar.evaluation.slices import DataChoice
from snnpar.hub import fetch_checkpoint
from snnpar.metrics.pedestrian import FIVE
from snnpar.models import unnamed
from snnpar.runs.jobs import write_status
from snnpar.runs.run import create_run


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(snnpar, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(snnpar, "RUNS", tmp_path / "runs")
    return tmp_path


def test_the_preferred_comes_first_then_shipped_then_loadable_runs(root: Path) -> None:
    for name in ("a-student", unnamed("student"), "runs/old", "runs/young"):
        write_checkpoint(root / name, STUDENT)
    write_checkpoint(root / "a-teacher", TEACHER)
    create_run(TrainConfig(), root / "runs" / "without-weights")
    expected = [unnamed("student"), "a-student", "runs/young", "runs/old"]
    assert list(references.known("student")) == expected
    assert list(references.known("teacher")) == ["a-teacher"]


@pytest.mark.parametrize(
    ("train", "words"),
    [
        ({}, "trained on unknown data"),
        ({"dataset": "rendered", "epochs": 3}, "trained on rendered pedestrians, 3 epochs"),
        ({"dataset": "pa100k", "init": "/a/first"}, "trained on PA100K photographs, starting from first"),
        ({"dataset": "mixed", "teacher": "/a/wise", "logit_kd": True}, "distilled from wise"),
    ],
)
def test_describe_says_what_it_was_trained_on(root: Path, train: dict, words: str) -> None:
    checkpoint = replace(write_checkpoint(root / "one", STUDENT), train=train)
    said = references.describe(checkpoint)
    assert words in said and "Spikingformer, spiking, 3 timesteps" in said and said.endswith("code test")


def test_a_teacher_that_is_not_used_is_not_mentioned(root: Path) -> None:
    checkpoint = replace(write_checkpoint(root / "one", STUDENT), train={"teacher": "/a/wise"})
    assert "wise" not in references.describe(checkpoint)


def test_the_card_is_read_without_front_matter_and_not_without_end(root: Path) -> None:
    checkpoint = write_checkpoint(root / "one", STUDENT)
    assert references.card(checkpoint) == ""
    (root / "one" / "README.md").write_text("---\nlicense: x\n---\n# One\n![p](http://x/y.png)\n", "utf-8")
    assert references.card(checkpoint) == "# One\n![p](http://x/y.png)\n"  # which the page shows as code
    (root / "one" / "README.md").write_text("a" * 1_000_000)
    assert len(references.card(checkpoint)) == references.CARD_LETTERS


def test_the_version_changes_with_the_weights(root: Path) -> None:
    checkpoint = write_checkpoint(root / "one", STUDENT)
    before = references.version(checkpoint)
    assert references.version(checkpoint) == before
    (root / "one" / "model.safetensors").write_bytes(b"other")
    assert references.version(checkpoint) != before


@pytest.mark.parametrize("reference", ["../secret", "runs/../../secret", "nobody"])
def test_a_reference_never_leaves_the_folder(root: Path, reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(root.parent / "secret", STUDENT)
    with pytest.raises(SnnparError, match=r"not a Hub id|is missing|No checkpoint is called"):
        references.find(reference, "student")


# ----------------------------------------------------------------------------------------------- the page

PATIENCE_S = 60  # for what a process of its own does


@pytest.fixture
def shelf(tmp_path: Path, pair: Path, empty_hub: Hub) -> Path:
    """The tiny pair, of which the student was taught by the teacher, and a Hub with another student."""
    shutil.copytree(pair, tmp_path / "shelf")
    student = read_checkpoint(tmp_path / "shelf" / "tiny-student")
    train = {"dataset": "rendered", "teacher": "tiny-teacher", "logit_kd": True}
    write_config(student.path, student.model, student.schema, train, {"commit": "c0ffee"})
    files = {path.name: path.read_bytes() for path in student.path.iterdir()}
    empty_hub.repos["lab/student"] = Repo()
    empty_hub.repos["lab/student"].push(files, "v1")
    empty_hub.repos["lab/student"].push(files | {"README.md": b"# Other"})
    return tmp_path / "shelf"


def table(test) -> pd.DataFrame:
    return test.dataframe[0].value


def wait(test, until) -> None:
    """Run the page, as its fragment does by itself in a browser, until something is so."""
    end = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < end, "still waiting"
        time.sleep(0.05)
        test.run()
        assert not test.exception, test.exception


def look_up(test, text: str) -> None:
    test.text_input(key="hub_text").input(text)
    next(button for button in test.button if button.label == "Look up").click().run()
    wait(test, lambda: "hub_asked" not in test.session_state)


def keys(test) -> set[str]:
    return {button.key for button in test.button}


def test_the_table_says_what_is_there_and_the_detail_where_it_came_from(app, shelf: Path) -> None:
    write_checkpoint(shelf / "runs" / "first", STUDENT)
    test = app(shelf, "checkpoints")
    rows = table(test).set_index("Checkpoint")
    assert list(rows.index) == ["tiny-student", "tiny-teacher", "runs/first"]
    assert rows.loc["tiny-student", ["From", "Data", "T"]].tolist() == ["shipped", "rendered", "3"]
    assert rows.loc["runs/first", "From"] == "run" and "2 shipped" in said(test.caption)
    assert "taught by" in said(test.markdown) and "**tiny-teacher**" in said(test.markdown)
    assert test.button(key="ask_delete").disabled and test.button(key="use").disabled  # it is in the bar
    differing = test.table[0].value
    assert differing.loc[literal("model.architecture")].tolist() == ["spikingformer", "vtb"]
    test.selectbox(key="compared").select("runs/first").run()
    assert test.table[0].value.loc["teacher"].tolist() == [literal("tiny-teacher"), "–"]


def write_scores(folder: Path, evaluations: Path, choice: DataChoice, value: float, digest: str) -> None:
    """What an evaluation leaves, as far as this page reads it."""
    evaluation = create_evaluation(folder, choice, root=evaluations)
    metrics = {name: {"value": value} for name in FIVE} | {"per_attribute": {"ma": {"value": [value]}}}
    info = {
        "n": 9,
        "attributes": ["Hat"],
        "counts": {"positive": [4]},
        "attributes_without_positives": [],
        "metrics": {"published": metrics, "rethinking": metrics},
        "provenance": {
            "checkpoint": {"sha256": revision(folder)},
            "data": {"title": choice.title, "data": choice.data, "split": "test", "hash": digest},
        },
    }
    (evaluation.path / "evaluation.json").write_text(json.dumps(info))
    (evaluation.path / "predictions.parquet").touch()
    write_status(evaluation, state="done")


@pytest.fixture
def scored(shelf: Path) -> Path:
    """The pair has scores on people; the student on rendered ones, too, and one told without a hash."""
    student, teacher = read_checkpoint(shelf / "tiny-student"), shelf / "tiny-teacher"
    told = {
        "images": "people, test",
        "split": "test",
        "n": 9,
        "convention": "published",
        "values": dict.fromkeys(FIVE, 0.9),
    }
    write_config(student.path, student.model, student.schema, student.train, {"scores": [told]})
    people, rendered = DataChoice("/x/people", split="test"), DataChoice(rendered=9)
    for folder, choice, value, digest in (
        (student.path, people, 0.6, "a" * 64),
        (teacher, people, 0.7, "a" * 64),
        (student.path, rendered, 0.8, "b" * 64),
    ):
        write_scores(folder, shelf / "evaluations", choice, value, digest)
    return shelf


def shown(test) -> dict[str, float | None]:
    rows = table(test).set_index("Checkpoint")["mA"]
    return {name: None if pd.isna(value) else round(value) for name, value in rows.items()}


def test_scores_stand_only_beside_their_likes(app, scored: Path) -> None:
    test = app(scored, "checkpoints")
    box = test.selectbox(key="scored_on")
    people, rendered, told = (
        f"people, test, n = 9, hash {'a' * 7}",
        f"9 rendered, n = 9, hash {'b' * 7}",
        "people, test, n = 9, no hash",
    )
    assert set(box.options) == {people, rendered, told} and box.options[0] == people  # which most have
    assert shown(test) == {"tiny-student": 60, "tiny-teacher": 70} and "2 of 2 have a score" in said(test.caption)
    test.selectbox(key="scored_on").select(rendered).run()
    assert shown(test) == {"tiny-student": 80, "tiny-teacher": None} and "1 of 2 have a score" in said(test.caption)
    test.selectbox(key="scored_on").select(told).run()
    assert shown(test) == {"tiny-student": 90, "tiny-teacher": None} and "No hash" in said(test.caption)
    assert "On" not in table(test).columns


def test_gaps_are_filled_by_one_job(app, scored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launched = []
    monkeypatch.setattr("pages.ui.checkpoints.evaluating_all.launch_batch", launched.append)
    test = app(scored, "checkpoints", scored_on=f"9 rendered, n = 9, hash {'b' * 7}")
    button = next(one for one in test.button if one.label == "Evaluate the 1 without a score on 9 rendered")
    assert f"python -m snnpar evaluate {scored / 'tiny-teacher'} --rendered 9" in [one.value for one in test.code]
    button.click().run()
    assert [batch.checkpoints for batch in launched] == [[scored / "tiny-teacher"]]
    assert launched[0].choice == DataChoice(rendered=9)


def test_a_set_without_a_hash_has_no_gaps_to_fill(app, scored: Path) -> None:
    test = app(scored, "checkpoints", scored_on="people, test, n = 9, no hash")
    assert "not known here exactly" in said(test.caption)
    assert "Evaluate all 2 on 500 rendered pedestrians" in [one.label for one in test.button]


def test_a_batch_under_way_is_shown_and_outlives_the_page(app, scored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snnpar, "EVALUATIONS", scored / "evaluations")
    batch = create_batch([scored / "tiny-teacher", scored / "tiny-student"], DataChoice(rendered=9))
    write_status(batch, state="running")
    (batch.path / "progress.json").write_text(
        json.dumps({"done": 1, "total": 2, "current": "tiny-student--9-rendered-abc", "part": 0.5, "eta_s": 75.2})
    )
    asked = []
    monkeypatch.setattr("pages.ui.checkpoints.evaluating_all.stop", asked.append)
    for _ in range(2):  # a reload
        test = app(scored, "checkpoints")
        assert "2 checkpoints on 9 rendered" in said(test.markdown)
        (bar,) = test.get("progress")
        assert bar.proto.value == 75
        assert bar.proto.text == "1 of 2 checkpoints · tiny-student: 50% of the images · about 0:01:15 left"
    test.button(key="batch_cancel").click().run()
    assert asked == [batch]
    write_status(batch, state="failed", message="1 of 2 could not be evaluated: tiny-student: no")
    test = app(scored, "checkpoints")
    assert "tiny-student: no" in said(test.caption) and {"batch_resume", "batch_dismiss"} <= keys(test)
    test.button(key="batch_dismiss").click().run()
    assert not batch.path.exists() and "batch_dismiss" not in keys(test)


def test_a_public_server_evaluates_nothing(app, scored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNPAR_PUBLIC", "1")
    test = app(scored, "checkpoints")
    assert "Evaluations cannot be started on this public server" in said(test.info)
    assert not [one.label for one in test.button if one.label.startswith("Evaluate")]


def test_a_checkpoint_is_looked_up_downloaded_used_and_deleted(app, shelf: Path, empty_hub: Hub) -> None:
    commit = empty_hub.repos["lab/student"].refs["main"]
    test = app(shelf, "checkpoints")
    look_up(test, "lab/stu")
    test.selectbox(key="hub_match").select("lab/student").run()
    wait(test, lambda: "hub_asked" not in test.session_state)
    assert commit in said(test.markdown) and list(test.selectbox(key="hub_revision").options) == ["v1"]
    test.button(key="download_start").click().run()
    wait(test, lambda: "download" not in test.session_state)
    reference = f"lab/student@{commit}"
    assert test.session_state["checkpoint"] == reference and test.button(key="download_start").disabled
    row = table(test).set_index("Checkpoint").loc["lab/student"]
    assert row["From"] == "Hub" and row["Revision"] == f"main, {commit[:7]}"
    assert test.button(key="use").label == "Use as student"

    empty_hub.requests.clear()
    test.session_state["student"] = reference
    test.run()
    assert test.session_state["selection"].checkpoints["student"].path.name == commit and not empty_hub.requests
    assert test.button(key="use").disabled

    test.button(key="ask_delete").click().run()
    test.button(key="keep").click().run()
    assert "lab/student" in set(table(test)["Checkpoint"]) and "delete" not in keys(test)
    test.button(key="ask_delete").click().run()
    test.button(key="delete").click().run()
    assert "lab/student" not in set(table(test)["Checkpoint"]) and not test.error and not empty_hub.requests
    assert test.session_state["student"] == "tiny-student"


def test_a_slow_download_does_not_hold_the_page_up_and_is_cancelled(app, shelf: Path, empty_hub: Hub) -> None:
    empty_hub.repos["lab/student"].seconds = 60
    test = app(shelf, "checkpoints")
    look_up(test, "lab/student")
    test.button(key="download_start").click().run()
    assert test.button(key="download_start").disabled and "A download is under way" in said(test.caption)
    process = test.session_state["download"].process
    test.switch_page("compare.py").run()  # meanwhile
    assert not test.exception
    test.switch_page("checkpoints.py").run()
    test.button(key="download_cancel").click().run()
    assert process.poll() is not None and "download" not in test.session_state
    assert not list(shelf.glob("hub/models--*")) and not test.error


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", ""])
def test_what_the_hub_cannot_give_is_said_and_the_pair_stays(app, shelf: Path, monkeypatch, endpoint: str) -> None:
    if endpoint:
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
    test = app(shelf, "checkpoints")
    look_up(test, "lab/nothing@main")
    assert ("cannot be reached" if endpoint else "does not exist or is private") in said(test.error)
    assert set(test.session_state["selection"].checkpoints) == {"teacher", "student"}
    assert set(table(test)["Checkpoint"]) == {"tiny-student", "tiny-teacher"}


def test_a_public_server_lists_no_run_and_deletes_nothing(app, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNPAR_PUBLIC", "1")
    write_checkpoint(shelf / "runs" / "first", STUDENT)
    fetch_checkpoint("lab/student", cache=shelf / "hub")
    test = app(shelf, "checkpoints")
    assert list(table(test)["Checkpoint"]) == ["tiny-student", "tiny-teacher", "lab/student"]
    test.selectbox(key="checkpoint").select_index(2).run()
    assert "ask_delete" not in keys(test) and "use" in keys(test)
    with pytest.raises(SnnparError, match="on this public server"):
        references.find("runs/first", "student")


def test_an_empty_folder_says_what_to_do(app, tmp_path: Path, empty_hub: Hub) -> None:
    test = app(tmp_path, "checkpoints")
    assert "There is no checkpoint yet" in said(test.info) and "hub_text" in {one.key for one in test.text_input}


def foreign(shelf: Path) -> Path:
    """A checkpoint of somebody else in the Hub's cache, as an earlier version of this program kept it."""
    folder = shelf / "hub" / "models--junk--llama" / "snapshots" / ("a" * 40)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    (folder / "model.safetensors").write_bytes(bytes(2_000_000))
    (folder / ".fetched").write_text("public")
    return folder


def test_what_cannot_be_read_is_counted_told_and_deleted(app, shelf: Path) -> None:
    folder = foreign(shelf)
    test = app(shelf, "checkpoints")
    assert "1 from the Hub cannot be read here, 2 MB" in [one.label for one in test.expander]
    assert "junk/llama@aaaaaaa" in said(test.markdown) and "has no 'model' section" in said(test.markdown)
    test.button(key=f"unreadable_junk/llama@{'a' * 40}").click().run()
    assert not folder.exists() and not any("cannot be read" in one.label for one in test.expander) and not test.error


def test_strangers_see_how_much_cannot_be_read_and_no_more(app, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign(shelf)
    monkeypatch.setenv("SNNPAR_PUBLIC", "1")
    test = app(shelf, "checkpoints", student=f"junk/llama@{'a' * 40}")
    assert "1 from the Hub cannot be read here, 2 MB." in said(test.caption)
    assert not [key for key in keys(test) if str(key).startswith("unreadable")]
    assert "junk" not in said(test.markdown)
    assert "config.json has no 'model' section" in said(test.error)
    assert str(shelf) not in said(test.error) and "snapshots" not in said(test.error)


@pytest.mark.parametrize("name", ["n" * 300, "/" + "n" * 300, "a\0b", "~nobody/x", "/proc/1/root", "\ud800", "é" * 200])
@pytest.mark.parametrize("kind", ["shipped", "Hub"])
def test_starting_weights_and_teachers_of_any_name(app, shelf: Path, kind: str, name: str) -> None:
    one = read_checkpoint(shelf / "tiny-student")
    folder = one.path
    if kind == "Hub":
        folder = shelf / "hub" / "models--lab--x" / "snapshots" / ("a" * 40)
        shutil.copytree(one.path, folder)
        (folder / ".fetched").write_text("public")
    train = {"init": name, "teacher": name, "logit_kd": True, "data": name, "dataset": name}
    write_config(folder, one.model, one.schema, train, {"commit": name})
    test = app(shelf, "checkpoints")
    for option in list(test.selectbox(key="checkpoint").options):
        test.selectbox(key="checkpoint").select(option).run()
        assert not test.exception
