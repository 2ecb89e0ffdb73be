"""Links that somebody made to break the app: every parameter of every page, with values that no page ever wrote."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from screen import said

from pages.ui import state
from snnpar import ROOT
from snnpar.config import TrainConfig
from snnpar.evaluation.evaluate import evaluate_checkpoint
from snnpar.evaluation.slices import DataChoice
from snnpar.runs.run import create_run

PAGES = ("", "spikes", "explain", "energy", "evaluate", "train", "checkpoints")
BOUND = re.compile(r'key="(\w+)", (?:\w+=[^,]*, )*bind="query-params"|recall\("(\w+)"\)')
VALUES = {
    "up": "../../../../etc/passwd",
    "absolute": "/etc/passwd",
    "unc": "\\\\host\\share",
    "nul": "a\0b",
    "long": "a" * 300,
    "digits": "9" * 5000,
    "negative": "-1",
    "number": "1e308",
    "not a number": "nan",
    "option": "--out=/tmp/x",
    "shell": "; touch /tmp/owned $(id) `id`",
    "lines": "a\nb\r\nc",
    "script": "<script>alert(1)</script>",
    "format": "{0.__class__}%s%n",
    "unicode": "\u202e\ud7ff\U0010ffff٣",
    "empty": "",
    "commas": ",".join("1" * 500),
    "braces": "[[[{",
    "hub": "-x/../y@../../z",
    "home": "~nosuchuser/x",
    "root": "/proc/1/root",
}


# The others are in make test-all.
QUICK = ("script",)


def parameters() -> set[str]:
    """All that a link can say, as the pages declare it."""
    text = "\n".join(path.read_text("utf-8") for path in (ROOT / "pages").rglob("*.py"))
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"key=state\.([A-Z_]+)", lambda key: f'key="{getattr(state, key[1])}"', text)
    found = {name for pair in BOUND.findall(text) for name in pair if name}
    return found | {"teacher", "student", "sample", "run"}


def test_the_parameters_are_found() -> None:
    assert {"teacher", "student", "sample", "attribute", "threshold", "t", "run", "view", "convention"} <= parameters()


@pytest.fixture(scope="module")
def evaluated(pair: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("evaluations")
    for name in ("tiny-teacher", "tiny-student"):
        evaluate_checkpoint(pair / name, DataChoice(rendered=24), root=root)
    return root


@pytest.fixture
def folder(pair: Path, evaluated: Path, tmp_path: Path) -> Path:
    root = tmp_path / "root"
    shutil.copytree(pair, root)
    create_run(TrainConfig.of(model="spikingformer_1_64"), root / "runs" / "mine")
    shutil.copytree(evaluated, root / "evaluations")
    return root


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "value", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in VALUES]
)
def test_a_hostile_link_opens_the_page(
    app, folder: Path, monkeypatch: pytest.MonkeyPatch, page: str, value: str
) -> None:
    """With the app's own values, or with a sentence; and nothing of the machine is in it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # which is read from the next line once
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    test = app(folder, page, **dict.fromkeys(parameters(), VALUES[value]))
    assert not test.exception, test.exception
    everything = said(test.markdown) + said(test.error) + said(test.code) + said(test.caption) + said(test.info)
    assert not any(secret in everything for secret in ("root:x:0", "hf_secret", "Traceback"))


@pytest.mark.parametrize("role", ["teacher", "student"])
@pytest.mark.parametrize("value", ["![x](http://other/p.png)", "[sign in again](http://other)"])
def test_a_link_is_quoted_letter_by_letter(app, folder: Path, role: str, value: str) -> None:
    """Else it is an image that the visitor's browser fetches, or a link in the app's own words."""
    test = app(folder, "", **{role: value})
    shown = " ".join(one.value for one in test.error)
    assert value in said(test.error) and not re.search(r"(?<!\\)[\[\]<]", shown)
