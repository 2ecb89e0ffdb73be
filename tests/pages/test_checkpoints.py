"""What the pages say about a checkpoint, and the order in which they offer it."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hub_server import Hub, Repo
from tiny import STUDENT, TEACHER, write_checkpoint

import snnpar
from pages.ui import checkpoints
from snnpar.checkpoint import read_checkpoint, write_config
from snnpar.config import TrainConfig
from snnpar.hub import fetch_checkpoint
from snnpar.models import SMALL
from snnpar.runs import create_run


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(snnpar, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(snnpar, "RUNS", tmp_path / "runs")
    return tmp_path


def test_the_preferred_comes_first_then_shipped_then_loadable_runs(root: Path) -> None:
    for name in ("a-student", SMALL["student"], "runs/old", "runs/young"):
        write_checkpoint(root / name, STUDENT)
    write_checkpoint(root / "a-teacher", TEACHER)
    create_run(TrainConfig(), root / "runs" / "without-weights")
    expected = [SMALL["student"], "a-student", "runs/young", "runs/old"]
    assert list(checkpoints.known("student")) == expected
    assert list(checkpoints.known("teacher")) == ["a-teacher"]


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
    said = checkpoints.describe(checkpoint)
    assert words in said and "Spikingformer, spiking, 3 timesteps" in said and said.endswith("code test")


def test_a_teacher_that_is_not_used_is_not_mentioned(root: Path) -> None:
    checkpoint = replace(write_checkpoint(root / "one", STUDENT), train={"teacher": "/a/wise"})
    assert "wise" not in checkpoints.describe(checkpoint)


def test_the_card_is_shown_without_front_matter_and_fetches_no_picture(root: Path) -> None:
    checkpoint = write_checkpoint(root / "one", STUDENT)
    assert checkpoints.card(checkpoint) == ""
    (root / "one" / "README.md").write_text("---\nlicense: x\n---\n# One\n![p](http://x/y.png)\n", "utf-8")
    assert checkpoints.card(checkpoint) == "# One\n[p](http://x/y.png)\n"


def test_the_version_changes_with_the_weights(root: Path) -> None:
    checkpoint = write_checkpoint(root / "one", STUDENT)
    before = checkpoints.version(checkpoint)
    assert checkpoints.version(checkpoint) == before
    (root / "one" / "model.safetensors").write_bytes(b"other")
    assert checkpoints.version(checkpoint) != before


@pytest.mark.parametrize("reference", ["../secret", "runs/../../secret", "nobody"])
def test_a_reference_never_leaves_the_folder(root: Path, reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(root.parent / "secret", STUDENT)
    with pytest.raises(ValueError, match=r"not a Hub id|is missing|No checkpoint is called"):
        checkpoints.find(reference, "student")


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


def said(elements) -> str:
    return " ".join(str(element.value) for element in elements)


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
    assert "taught by" in said(test.markdown) and "`tiny-teacher`" in said(test.markdown)
    assert test.button(key="ask_delete").disabled and test.button(key="use").disabled  # it is in the bar
    differing = test.table[0].value
    assert differing.loc["model.architecture"].tolist() == ["spikingformer", "vtb"]
    test.selectbox(key="compared").select("runs/first").run()
    assert test.table[0].value.loc["teacher"].tolist() == ["tiny-teacher", "–"]


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
    test.switch_page("pages/compare.py").run()  # meanwhile
    assert not test.exception
    test.switch_page("pages/checkpoints.py").run()
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
    with pytest.raises(ValueError, match="on this public server"):
        checkpoints.find("runs/first", "student")


def test_an_empty_folder_says_what_to_do(app, tmp_path: Path, empty_hub: Hub) -> None:
    test = app(tmp_path, "checkpoints")
    assert "There is no checkpoint yet" in said(test.info) and "hub_text" in {one.key for one in test.text_input}


def test_words_of_others_fetch_no_picture(app, tmp_path: Path, pair: Path) -> None:
    shutil.copytree(pair, tmp_path / "shelf")
    one = read_checkpoint(tmp_path / "shelf" / "tiny-student")
    bad = "`![x](http:evil)`"
    write_config(one.path, one.model, one.schema, {"teacher": bad, "logit_kd": True, "init": bad}, {"commit": bad})
    test = app(tmp_path / "shelf", "checkpoints")
    shown = [said(test.markdown), said(test.caption), str(test.table[0].value.to_dict())]
    assert all("![x" not in words and "`!" not in words.replace("`!x", "") for words in shown)
