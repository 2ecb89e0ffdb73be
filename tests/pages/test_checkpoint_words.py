"""What the pages say about a checkpoint, and the order in which they offer it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tiny import STUDENT, TEACHER, write_checkpoint

import snnpar
from pages.ui import references
from snnpar.config import TrainConfig
from snnpar.core.errors import SnnparError
from snnpar.models import unnamed
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
