"""The command line around evaluations."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny

import snnpar
from snnpar.__main__ import main, parser
from snnpar.cli.evaluate import choice_of
from snnpar.evaluation.comparison import compare
from snnpar.evaluation.evaluate import EvaluationStopped, evaluate_checkpoint
from snnpar.evaluation.evaluations import create_evaluation, evaluation_at, launch, list_evaluations
from snnpar.evaluation.slices import DataChoice, save_slice
from snnpar.runs.jobs import read_log, status, stop


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_checkpoint(tmp_path_factory.mktemp("student") / "tiny-student").path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("data") / "people"
    tiny.write_pa100k(folder, {"train": 3, "val": 5, "test": 4})
    return str(folder)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(snnpar, "EVALUATIONS", tmp_path / "evaluations")
    monkeypatch.setattr(snnpar, "SLICES", tmp_path / "slices")
    return tmp_path / "evaluations"


def test_evaluate_prints_the_metrics_and_the_folders(
    student: Path, data: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    teacher = tiny.write_checkpoint(tmp_path / "tiny-teacher", tiny.TEACHER).path
    assert main(["evaluate", str(student), str(teacher), "--data", data, "--split", "test"]) == 0
    printed = capsys.readouterr().out
    made = evaluation_at(student, DataChoice(data, split="test"))
    value = made.info()["metrics"]["published"]["f1"]["value"]
    assert "people, test: n = 4, 26 attributes" in printed and "published, probability > 0.45" in printed
    assert f"{100 * value:.1f} [" in printed and f"\n{made.path}\n" in printed
    assert {e.path for e in list_evaluations(snnpar.EVALUATIONS)} == {
        root / line.rsplit("/")[-1] for line in printed.splitlines()[-2:]
    }
    assert main(["evaluate", str(student), "--data", data, "--split", "test", "--convention", "rethinking"]) == 0
    assert "rethinking, probability > 0.5;" in capsys.readouterr().out


def test_near_duplicates_can_be_left_out(student: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = tmp_path / "people"
    tiny.write_pa100k(folder, {"train": 3, "val": 1, "test": 5})
    shutil.copy(folder / "data" / "000001.png", folder / "data" / "000006.png")
    command = ["evaluate", str(student), "--data", str(folder), "--split", "test"]
    assert main(command) == 0
    assert "1 of 5 images are near duplicates of the 3 training images (people, train)" in capsys.readouterr().out
    assert main([*command, "--leave-out-near-duplicates"]) == 0
    printed = capsys.readouterr().out
    assert "n = 4" in printed and "1 of 5 images are left out" in printed
    assert "000006.png ~ 000001.png (1.000)" in printed
    made = evaluation_at(student, DataChoice(str(folder), split="test"))
    value = made.info()["without_near_duplicates"]["metrics"]["published"]["f1"]["value"]
    assert f"{100 * value:.1f} [" in printed
    assert main(["compare", str(student), str(student), *command[2:], "--leave-out-near-duplicates"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n"] == 4 and found["left_out"][0]["train_file"] == "000001.png"
    assert main(["evaluate", str(student), "--rendered", "2", "--leave-out-near-duplicates"]) == 2
    assert "not known: rendered pedestrians are drawn" in capsys.readouterr().err


def test_an_evaluation_of_before_opens_and_again_adds_what_it_lacks(
    student: Path, data: str, capsys: pytest.CaptureFixture
) -> None:
    """Earlier versions neither looked for near duplicates nor averaged attributes with enough positives."""
    import pyarrow.parquet as parquet

    command = ["evaluate", str(student), "--data", data, "--split", "test"]
    assert main(command) == 0
    made = evaluation_at(student, DataChoice(data, split="test"))
    old, rows = made.info(), parquet.read_table(made.path / "predictions.parquet")
    for name in ("near_duplicates", "without_near_duplicates", "supported"):
        del old[name]
    (made.path / "evaluation.json").write_text(json.dumps(old))
    parquet.write_table(rows.drop_columns(["group", "near_duplicate_of"]), made.path / "predictions.parquet")
    assert made.predictions().groups is None and made.predictions().new is None
    assert main(command) == 0 and "not looked for" in capsys.readouterr().out
    assert main([*command, "--leave-out-near-duplicates"]) == 2
    assert "evaluate again with --again" in capsys.readouterr().err
    assert main(["compare", str(student), str(student), *command[2:]]) == 0
    assert "over images" in json.loads(capsys.readouterr().out)["interval"]["method"]
    assert main([*command, "--again", "--leave-out-near-duplicates"]) == 0
    assert "none of 4 images are near duplicates" in capsys.readouterr().out


def test_compare_of_a_checkpoint_with_itself_is_zero(student: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["compare", str(student), str(student), "--rendered", "6"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = found["second_minus_first"]
    assert len(rows) in (5, 6) and all(row["difference"] == row["low"] == row["high"] == 0 for row in rows)
    assert found["n"] == 6 and len(list_evaluations(snnpar.EVALUATIONS)) == 1  # kept, and not made twice


def test_compare_takes_what_the_bootstrap_takes(
    student: Path, data: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    teacher = tiny.write_checkpoint(tmp_path / "tiny-teacher", tiny.TEACHER).path

    def compared(*flags: str) -> dict:
        assert main(["compare", str(student), str(teacher), "--data", data, "--split", "test", *flags]) == 0
        return json.loads(capsys.readouterr().out)

    one, other = compared(), compared("--convention", "rethinking", "--resamples", "30", "--seed", "4")
    assert one["convention"].startswith("published") and other["convention"].startswith("rethinking, threshold 0.5")
    assert (one["interval"]["resamples"], one["interval"]["seed"]) == (1000, 0)
    assert (other["interval"]["resamples"], other["interval"]["seed"]) == (30, 4)
    expected = compare(
        *(evaluation_at(path, DataChoice(data, split="test")) for path in (student, teacher)),
        convention="rethinking",
        resamples=30,
        seed=4,
    )
    assert other == json.loads(json.dumps(expected)) and other == compared(
        "--convention", "rethinking", "--resamples", "30", "--seed", "4"
    )


@pytest.mark.parametrize("convention", ["published", "rethinking"])
def test_the_log_has_the_convention_that_was_asked_for(student: Path, data: str, convention: str) -> None:
    assert main(["evaluate", str(student), "--data", data, "--split", "test", "--convention", convention]) == 0
    (made,) = list_evaluations(snnpar.EVALUATIONS)
    value = made.info()["metrics"][convention]["f1"]["value"]
    said = read_log(made)
    assert f"F1 {100 * value:.1f} on 4 images" in said and f"({convention} convention)" in said


def test_unknown_labels_are_left_out_on_request(student: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """What is printed says what was done; the evaluation's file stays that of the conventions."""
    folder = tmp_path / "own"
    rows = [(f"{i}.png", "test", "1", "" if i % 2 else "0") for i in range(4)]
    tiny.write_csv(folder, rows, header="file,split,Hat,Glasses")
    for convention, words in (("rethinking", "2 counted as negative"), ("published", "2 not masked")):
        choice = ["--data", str(folder), "--split", "test", "--convention", convention]
        assert main(["evaluate", str(student), *choice]) == 0
        assert f"unknown labels: {words}" in capsys.readouterr().out
        assert main(["evaluate", str(student), *choice, "--ignore-unknown"]) == 0
        assert "unknown labels: 2 left out" in capsys.readouterr().out
        (made,) = list_evaluations(snnpar.EVALUATIONS)
        assert words in made.info()["metrics"][convention]["unknown_labels"]
    masked = ["--data", str(folder), "--split", "test", "--ignore-unknown"]
    assert main(["compare", str(student), str(student), *masked]) == 0
    assert json.loads(capsys.readouterr().out)["unknown_labels"] == "2 left out"


def odd_images(folder: Path, missing: int) -> list[str]:
    """Four images of which some are missing; the flags that choose them."""
    tiny.write_csv(folder, [(f"{i}.png", "test", "1") for i in range(4)], header="file,split,Hat")
    for i in range(missing):
        (folder / f"{i}.png").unlink()
    return ["--data", str(folder), "--split", "test"]


def test_unreadable_images_end_an_evaluation_or_are_left_out(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    choice = odd_images(tmp_path / "own", missing=1)
    assert main(["evaluate", str(student), *choice]) == 2
    assert "leave them out with --skip-unreadable" in capsys.readouterr().err
    assert main(["evaluate", str(student), *choice, "--skip-unreadable"]) == 0
    printed = capsys.readouterr().out
    assert "n = 3," in printed and "1 images that cannot be read are left out" in printed
    (made,) = list_evaluations(snnpar.EVALUATIONS)
    assert made.info()["provenance"]["data"]["unreadable_left_out"] == ["0.png"]
    assert "0.png: " in read_log(made) and made.predictions().files == ("1.png", "2.png", "3.png")
    assert main(["compare", str(student), str(student), *choice, "--skip-unreadable"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n"] == 3 and found["unreadable_left_out"] == ["0.png"]


@pytest.mark.parametrize("command", ["evaluate", "evaluate --skip-unreadable", "data check"])
def test_a_folder_without_the_images_is_one_sentence(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture, command: str
) -> None:
    choice = odd_images(tmp_path / "own", missing=4)
    name, *flags = command.split(" --")
    assert (
        main(
            [
                *name.split(),
                *([str(student), *choice] if name == "evaluate" else [choice[1]]),
                *(f"--{flag}" for flag in flags),
            ]
        )
        == 2
    )
    said = [line for line in capsys.readouterr().err.splitlines() if ".png" in line]
    assert len(said) == 1 and "none of the 4 images" in said[0] and str(tmp_path / "own" / "0.png") in said[0]


def test_looking_for_unreadable_images_can_be_stopped(student: Path, tmp_path: Path) -> None:
    choice = DataChoice(odd_images(tmp_path / "own", missing=1)[1], split="test")
    with pytest.raises(EvaluationStopped):
        evaluate_checkpoint(student, choice, skip_unreadable=True, stop=lambda: True)
    (made,) = list_evaluations(snnpar.EVALUATIONS)
    assert status(made).state == "stopped"


def test_out_is_where_the_folders_go(student: Path, tmp_path: Path, root: Path) -> None:
    assert main(["evaluate", str(student), "--rendered", "1", "--out", str(tmp_path / "there")]) == 0
    assert len(list_evaluations(tmp_path / "there")) == 1 and not root.exists()


def flags(*words: str) -> DataChoice:
    return choice_of(parser().parse_args(["evaluate", "CKPT", *words]))


def test_flags_name_the_images(data: str) -> None:
    assert flags("--data", data) == DataChoice(data, split="val")
    everything = DataChoice(data, "peta", "trainval", 3, 7)
    assert flags(*everything.arguments()) == everything
    assert flags("--rendered", "5", "--split", "test") == DataChoice(rendered=5)


def test_a_slice_names_its_data_itself(data: str, student: Path, capsys: pytest.CaptureFixture) -> None:
    save_slice("two", DataChoice(data), ["000003.png", "000005.png"])
    chosen = flags("--slice", "two")
    assert chosen == DataChoice(data, slice="two") == flags("--slice", "two", "--data", data, "--split", "val")
    assert flags(*chosen.arguments()) == chosen
    assert main(["evaluate", str(student), "--slice", "two", "--split", "test"]) == 2
    assert "slice two is of people, val; leave" in capsys.readouterr().err
    assert main(["evaluate", str(student), "--slice", "two"]) == 0
    assert "slice two of people, val: n = 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "nowhere", "--rendered", "2"], "nowhere"),
        (["evaluate", "nowhere"], "nothing to evaluate on"),
        (["evaluate", "nowhere", "--slice", "gone"], "no slice is called 'gone'"),
        (["evaluate", "nowhere", "--rendered", "2", "--batch-size", "-1"], "--batch-size must be 1 or more"),
        (["evaluate", "not/a/place", "--rendered", "2"], "there is no folder not/a/place"),
        (["compare", "nowhere", "nowhere", "--data", "also-nowhere"], "nowhere"),
        (["compare", "nowhere", "nowhere", "--rendered", "2", "--resamples", "0"], "--resamples must be 1 or more"),
        (["compare", "nowhere", "nowhere", "--rendered", "2", "--seed", "-1"], "--seed must be 0 or more"),
        (["export", "nowhere", "out"], "nowhere is not a run"),
        (["table", "pyproject.toml"], "pyproject.toml has no lines"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], message: str, root: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1 and not root.exists()


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Until it holds; far longer than it can take."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "still waiting"
        time.sleep(0.05)


@pytest.mark.slow
def test_a_job_is_stopped_and_goes_on_to_the_same_bytes(student: Path, tmp_path: Path) -> None:
    """The processes that the page starts: one is asked to stop on its way, another ends what it began."""
    choice = DataChoice(rendered=600)
    made = create_evaluation(student, choice, root=tmp_path / "parts")
    launch(made)
    wait_for(lambda: made.progress().get("done", 0) > 0 or not status(made).is_active)
    stop(made)
    wait_for(lambda: not status(made).is_active)
    assert status(made).state == "stopped", read_log(made)
    assert 0 < made.progress()["done"] < 600 and "stopped on request" in read_log(made)
    launch(made)
    wait_for(lambda: not status(made).is_active)
    assert status(made).state == "done" and "goes on" in read_log(made), read_log(made)
    whole = create_evaluation(student, choice, root=tmp_path / "whole")
    launch(whole)
    wait_for(lambda: not status(whole).is_active)
    parquet = [(one.path / "predictions.parquet").read_bytes() for one in (made, whole)]
    assert parquet[0] == parquet[1] and made.info()["metrics"] == whole.info()["metrics"]
    assert made.split().files == choice.open().files
