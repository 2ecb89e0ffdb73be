from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from snnpar import ROOT
from snnpar.config import TrainConfig
from snnpar.config.recipes import apply_recipe, to_arguments
from snnpar.runs.history import read_metrics
from snnpar.runs.jobs import process_identity, read_log, status, write_status
from snnpar.runs.run import create_run, launch, open_run
from train import __main__ as cli
from train.__main__ import new_run, parser


def refused(arguments: list[str], capsys: pytest.CaptureFixture) -> str:
    """The sentence with which the command line refuses, exit status 2."""
    try:
        code = cli.main(arguments)
    except SystemExit as error:  # argparse
        code = error.code
    assert code == 2
    message = capsys.readouterr().err
    assert "Traceback" not in message
    return message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--epochs", "0"], ["epochs must be between 1 and 10000; got 0"]),
        (["--epochs", "many"], ["--epochs", "invalid int value: 'many'"]),
        (["--lr", "nan"], ["lr must be between"]),
        (["--role", "boss"], ["--role", "student", "teacher"]),
        (["--model", "resnet"], ["no model is called 'resnet'", "spikingformer_4_192"]),
        (["--model", "vtb_conv_2_64"], ["vtb_conv_2_64 is a teacher, not a student"]),
        (["--dataset", "pa100k"], ["needs --data"]),
        (["--feature-kd"], ["distillation needs --teacher"]),
        (["--speed", "9"], ["there is no flag --speed; did you mean --seed?"]),
        (["--resume"], ["--resume needs --run"]),
        (["--run", "/nowhere"], ["/nowhere is not a run"]),
        (["--run", "/nowhere", "--epochs", "3"], ["leave the other flags out"]),
        (["--run", "/nowhere", "--out", "/elsewhere"], ["leave the other flags out"]),
        (["--out", "/dev/null"], ["/dev/null is not empty"]),
        (["--out", "/dev/null/below"], ["cannot be made"]),
    ],
)
def test_unusable_flags_are_refused_in_a_sentence(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture
) -> None:
    message = refused(arguments, capsys)
    assert all(word in message for word in words), message


def test_help_tells_every_flag(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    for flag in ("--role", "--rendered-count", "--no-compile", "--print-config", "--run", "--resume", "--out"):
        assert flag in text


def test_a_trained_or_running_run_is_not_disturbed(
    quick: TrainConfig, own_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    run = create_run(quick, tmp_path / "run")
    (run.path / "model.safetensors").write_bytes(b"")
    assert "already been trained; add --resume" in refused(["--run", str(run.path)], capsys)
    write_status(run, state="running", **process_identity(os.getppid()))
    assert f"process {os.getppid()}" in refused(["--run", str(run.path), "--resume"], capsys)
    assert "is not empty" in refused([*to_arguments(quick), "--out", str(run.path)], capsys)


def test_folders_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = cli.parser().parse_args(["--data", "here", "--teacher", "~/t", "--init", str(tmp_path / "a" / "..")])
    config = cli.config_from(options)
    assert config == apply_recipe(
        "first-run", {"data": str(tmp_path / "here"), "teacher": str(Path("~/t").expanduser()), "init": str(tmp_path)}
    )


def in_a_terminal(config: TrainConfig, out: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "train", *to_arguments(config), "--out", str(out)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_a_failing_run_ends_with_its_sentence(quick: TrainConfig, own_runs: Path, tmp_path: Path) -> None:
    ended = in_a_terminal(quick.changed(data=str(tmp_path / "nowhere")), tmp_path / "run")
    assert ended.returncode == 1 and "no such folder" in ended.stderr and "Traceback" not in ended.stderr


def test_terminal_and_page_train_alike(quick: TrainConfig, own_runs: Path, tmp_path: Path) -> None:
    """The same settings as flags, and as a run that is created and launched: equal configs, equal epochs."""
    config = quick.changed(epochs=2, mixup=0.2)
    page = create_run(config, tmp_path / "page")
    launch(page)
    ended = in_a_terminal(config, tmp_path / "terminal")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"run: {tmp_path / 'terminal'}\n"
    terminal = open_run(tmp_path / "terminal")
    assert status(page).state == status(terminal).state == "done", read_log(page)
    for told in (read_log(page), read_log(terminal), ended.stderr):
        assert told.count("epoch 2 of 2, step ") == 1, "once in the log, once in the terminal"
    sections = [json.loads((run.path / "config.json").read_text()) for run in (terminal, page)]
    assert all(sections[0][name] == sections[1][name] for name in ("model", "schema", "train"))
    first, second = (
        [{k: v for k, v in row.items() if k != "time"} for row in read_metrics(run)] for run in (page, terminal)
    )
    assert first == second and [row["epoch"] for row in first] == [0, 1, 2]


def test_a_flag_without_effect_is_told(own_runs: Path, capsys: pytest.CaptureFixture) -> None:
    """As the form, which switches its field off."""
    flags = ["--model", "spikingformer_1_64", "--feature-weight", "3", "--fold", "1", "--epochs", "2"]
    run = new_run(parser().parse_args(flags))
    assert run.path.parent == own_runs
    told = capsys.readouterr()
    assert told.err.splitlines() == [
        "--fold has no effect: only PETA, RAPv1 and pickles have several splits",
        "--feature-weight has no effect: feature distillation is off",
    ]
    assert told.out == f"run: {run.path}\n"
