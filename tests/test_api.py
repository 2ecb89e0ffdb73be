"""docs/api.md says what others may build on: each of these names is there."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from snnpar.__main__ import parser
from snnpar.core import formats

ROOT = Path(__file__).resolve().parents[1]
DOCS = (ROOT / "docs" / "api.md").read_text("utf-8")
FIXTURES = Path(__file__).parent / "fixtures" / "format-1"
SECTIONS = dict(re.findall(r"^## (.+)\n([\s\S]*?)(?=^## |\Z)", DOCS, re.M))
NAMES = re.findall(r"`(snnpar\.[\w.]+)`", SECTIONS["Python"])


@pytest.mark.parametrize("name", NAMES)
def test_a_python_name_is_there(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


def test_the_commands_are_those_of_the_program() -> None:
    listed = set(re.findall(r"`([a-z]+)`", SECTIONS["Commands"]))
    (commands,) = (action for action in parser()._actions if action.choices)
    assert listed <= set(commands.choices) and set(commands.choices) - listed == {"table"}


def test_the_formats_have_their_numbers() -> None:
    numbers = [int(number) for number in re.findall(r"^\|[^|]+\| (\d+) \|", SECTIONS["Files"], re.M)]
    kinds = (formats.CHECKPOINT, formats.EVALUATION, formats.EVALUATION, formats.SLICE, formats.LENS)
    assert numbers == [formats.CURRENT[kind] for kind in kinds]


@pytest.mark.parametrize(
    ("row", "file"),
    [
        ("`config.json`", "run/config.json"),
        ("`evaluation.json`", "evaluations/one/evaluation.json"),
        ("`request.json`", "evaluations/one/request.json"),
        ("`slices/NAME.json`", "slices/three.json"),
        ("`lens/epoch-NNNN.json`", "run/lens/epoch-0001.json"),
    ],
)
def test_files_have_their_keys(row: str, file: str) -> None:
    line = next(line for line in SECTIONS["Files"].splitlines() if line.startswith(f"| {row}"))
    keys = re.findall(r"`(\w+)`", line.strip("|").rpartition("|")[2])
    assert set(keys) <= set(json.loads((FIXTURES / file).read_text("utf-8"))) and keys


def test_the_endpoints_are_those_that_are_served() -> None:
    from snnpar.serve.answers import Answers

    listed = set(re.findall(r"`/(\w+)`", SECTIONS["The API"]))
    assert listed == {"models", "predict", "trace", "heatmap", "energy"} and all(
        hasattr(Answers, one) for one in listed
    )


def test_a_module_of_before_works_and_says_what_it_is_now() -> None:
    """In a process of its own, that nobody has imported it before."""
    code = (
        "import warnings; warnings.simplefilter('error'); import snnpar, importlib\n"
        "from snnpar.core.moved import MOVED\n"
        "for old, new in MOVED.items():\n"
        "    with warnings.catch_warnings(record=True) as told:\n"
        "        warnings.simplefilter('always')\n"
        "        before, now = importlib.import_module(old), importlib.import_module(new)\n"
        "    assert any(f'{old} is now {new}' in str(one.message) for one in told), old\n"
        "    names = [name for name in vars(now) if not name.startswith('_')]\n"
        "    assert names and all(getattr(before, name) is getattr(now, name) for name in names), old\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
