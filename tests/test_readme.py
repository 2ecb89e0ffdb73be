"""What the README tells people to run, runs: its notebook as it stands, its commands as far as their flags."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tiny

from snnpar import models
from snnpar.__main__ import parser as snnpar_parser
from snnpar.config.sidecar import read_config
from snnpar.inference import analyze, load
from train.__main__ import config_from
from train.__main__ import parser as train_parser

README_FILE = Path(__file__).resolve().parents[1] / "README.md"
README = README_FILE.read_text("utf-8")


BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)


def commands() -> list[str]:
    """Every `python -m train` and `python -m snnpar` of indented blocks and inline code, continued lines joined."""
    text = README.replace("\\\n", " ")
    found = re.findall(r"^    (python -m (?:train|snnpar) .*?)(?: +[#>].*)?$", text, re.M)
    found += re.findall(r"`(python -m (?:train|snnpar) [^`>]+)`", text)
    return sorted({" ".join(line.split()) for line in found if "..." not in line and "--help" not in line})


@pytest.mark.parametrize("command", commands())
def test_commands_have_the_flags_they_need(command: str) -> None:
    module, *arguments = shlex.split(command)[2:]
    options = (train_parser() if module == "train" else snnpar_parser()).parse_args(arguments)
    if module == "train" and not options.run:
        config_from(options)


def test_the_notebook_runs(capsys: pytest.CaptureFixture[str]) -> None:
    block, _ = BLOCKS
    assert len(block.splitlines()) == 6
    exec(compile(block, "README.md", "exec"), {})
    top, energy = capsys.readouterr().out.splitlines()
    probs = [prob for prob, _ in eval(top)]
    assert len(probs) == 5 and probs == sorted(probs, reverse=True) and 0.5 < probs[0] <= 1
    assert re.fullmatch(r"\d+ µJ, an estimate \(45 nm, .* per AC, .*\)", energy)


def test_the_model_of_the_recipe_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Registered, built, loaded, analysed; tests/models/test_contract.py does the rest with its like."""
    monkeypatch.setattr(models, "MODELS", models.MODELS.copy())
    monkeypatch.setattr(models, "PRESETS", models.PRESETS.copy())
    exec(compile(BLOCKS[1], "README.md", "exec"), {})
    model = load(tiny.write_checkpoint(tmp_path / "plain", replace(models.preset("plain_64"), image_size=(64, 32))))
    seen = analyze(model, tiny.random_image())
    assert seen.trace.names == ("lif",) and seen.trace.timesteps == 4 and seen.trace.uncounted == ()
    assert [(layer.name, layer.runs) for layer in seen.trace.layers] == [("conv", 1), ("norm", 1), ("head", 4)]
    assert seen.prediction.probs_per_timestep.shape == (4, 26)


@pytest.mark.slow
def test_every_command_knows_a_network_of_others(tmp_path: Path) -> None:
    """A module that SNNPAR_MODELS names; one that fails is told, and the rest works."""
    (tmp_path / "mine.py").write_text(BLOCKS[1], "utf-8")
    (tmp_path / "broken.py").write_text("1 / 0", "utf-8")
    paths = os.pathsep.join((str(tmp_path), str(README_FILE.parent)))
    environment = os.environ | {"PYTHONPATH": paths, "SNNPAR_MODELS": "mine, broken"}
    environment["SNNPAR_CHECKPOINTS"] = str(tmp_path)

    def said(*arguments: str) -> str:
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    models = said("snnpar", "models")
    assert "| `plain_64` | student | 128 x 64 | 4 |" in models and "what broken registers is not known" in models
    said("snnpar", "runs", "create", "--model", "plain_64")
    (config,) = (tmp_path / "runs").glob("*/config.json")
    assert read_config(config)["model"]["architecture"] == "plain"
