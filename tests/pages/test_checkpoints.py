"""The Checkpoints page: what is there, looked up, downloaded, used and deleted."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from hub_server import Hub
from screen import said
from shelf import keys, table
from tiny import STUDENT, write_checkpoint

from pages.ui import references
from pages.ui.widgets.literal import literal
from snnpar.checkpoint import read_checkpoint, write_config
from snnpar.core.errors import SnnparError
from snnpar.hub import fetch_checkpoint

PATIENCE_S = 60  # for what a process of its own does


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
