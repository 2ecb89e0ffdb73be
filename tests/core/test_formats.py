"""Files of every format open; newer ones are refused with the version that wrote them; a step changes what it says."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import tiny

from snnpar import __version__
from snnpar.checkpoint import CheckpointError, read_checkpoint, write_config
from snnpar.config import ConfigError
from snnpar.core import formats
from snnpar.core.errors import SnnparError
from snnpar.core.formats import CHECKPOINT, EVALUATION, LENS, SLICE, STAMP, FormatError, stamped, upgraded
from snnpar.evaluation.evaluations import Evaluation
from snnpar.evaluation.predictions import EvaluationError
from snnpar.evaluation.slices import DataChoice, SliceError, load_slice, save_slice
from snnpar.inference import load
from snnpar.metrics.gain import read_gain
from snnpar.runs.history import read_history
from snnpar.runs.lens import LensError, read_images, read_lens
from snnpar.runs.notes import read_notes
from snnpar.runs.run import Run
from snnpar.runs.table import RunTable

FIXTURES = Path(__file__).parents[1] / "fixtures"
FORMAT_1, FORMAT_2 = FIXTURES / "format-1", FIXTURES / "format-2"  # as versions 0.1.0 and 0.2.0 wrote it


def test_a_run_and_checkpoint_of_format_1() -> None:
    run, checkpoint = Run(FORMAT_1 / "run"), read_checkpoint(FORMAT_1 / "run")
    assert (run.config.optimisation.epochs, run.config.distillation.teacher, run.config.distillation.logit_kd) == (
        1,
        "/elsewhere/teacher",
        True,
    )
    assert checkpoint.model.timesteps == 2 and checkpoint.schema.attributes == tiny.PA100K.attributes
    assert load(checkpoint).module.config == checkpoint.model
    assert read_gain(run.path).n == 3 and len(read_history(run.path).epochs) == 2
    assert asdict(read_notes(run)) == {"tags": ("old",), "note": "of 0.1.0"}
    lens = read_lens(run.path, 1)
    assert lens.gap.shape == (3, 26) and read_images(run.path, 3).shape[0] == 3
    (row,) = RunTable().rows(FORMAT_1)
    assert row.name == "run" and row.dataset == "pa100k"


def test_an_evaluation_of_format_1() -> None:
    evaluation = Evaluation(FORMAT_1 / "evaluations" / "one")
    assert evaluation.is_complete and evaluation.checkpoint == Path("/elsewhere/run")
    assert evaluation.choice == DataChoice("/elsewhere/data", split="test")
    assert evaluation.info()["n"] == 3 and evaluation.predictions().probs.shape == (2, 3, 26)


def test_a_slice_of_format_1() -> None:
    kept = load_slice("three", root=FORMAT_1 / "slices")
    assert kept.files == ("000011.png", "000012.png") and kept.choice.split == "test"


def test_what_is_written_says_its_format(tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path / "one")
    save_slice("two", DataChoice("/data"), ["a.png"], root=tmp_path)
    for kind, path in ((CHECKPOINT, tmp_path / "one" / "config.json"), (SLICE, tmp_path / "two.json")):
        content = json.loads(path.read_text("utf-8"))
        assert (content["format"], content["snnpar"]) == (formats.CURRENT[kind], __version__)
        assert not set(STAMP) & set(upgraded(kind, content, path))


READERS = {
    CHECKPOINT: ("run/config.json", lambda root: read_checkpoint(root / "run"), CheckpointError),
    "run": ("run/config.json", lambda root: Run(root / "run").config, ConfigError),
    EVALUATION: (
        "evaluations/one/evaluation.json",
        lambda r: Evaluation(r / "evaluations/one").info(),
        EvaluationError,
    ),
    "request": ("evaluations/one/request.json", lambda r: Evaluation(r / "evaluations/one").choice, EvaluationError),
    SLICE: ("slices/three.json", lambda root: load_slice("three", root=root / "slices"), SliceError),
    LENS: ("run/lens/epoch-0001.json", lambda root: read_lens(root / "run", 1), LensError),
}


@pytest.mark.parametrize("what", READERS)
def test_a_newer_format_is_refused_with_the_version_that_wrote_it(what: str, tmp_path: Path) -> None:
    name, read, error = READERS[what]
    root = shutil.copytree(FORMAT_1, tmp_path / "copy")
    content = json.loads((root / name).read_text("utf-8"))
    (root / name).write_text(json.dumps({"format": 99, "snnpar": "7.1.0", **content}), "utf-8")
    with pytest.raises(
        error, match=rf"of format 99, written by snnpar 7\.1\.0; this is snnpar {__version__}.* update it"
    ):
        read(root)


@pytest.mark.parametrize("number", [0, -1, "1", None, True, 1.5])
def test_a_number_that_is_none_is_told(number: object) -> None:
    with pytest.raises(FormatError, match="which is none; it is damaged"):
        upgraded(SLICE, {"format": number}, Path("x.json"))


def test_a_renamed_setting_leaves_old_runs_readable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As the next change of a setting will be made: a number, and a step."""
    root = shutil.copytree(FORMAT_2, tmp_path / "copy")
    path, newest = root / "run" / "config.json", formats.CURRENT[CHECKPOINT]
    content = json.loads(path.read_text("utf-8"))
    content["train"]["optimisation"]["rate"] = content["train"]["optimisation"].pop("lr")  # as an older version said
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(SnnparError, match="optimisation has no rate"):
        _ = Run(root / "run").config

    def rename(old: dict) -> dict:
        train = json.loads(json.dumps(old["train"]))
        train["optimisation"]["lr"] = train["optimisation"].pop("rate")
        return old | {"train": train}

    monkeypatch.setitem(formats.CURRENT, CHECKPOINT, newest + 1)
    monkeypatch.setitem(formats.STEPS, (CHECKPOINT, newest), rename)
    assert Run(root / "run").config.optimisation.lr == 1e-3
    assert read_checkpoint(root / "run").train["lr"] == 1e-3
    assert stamped(CHECKPOINT, {})["format"] == newest + 1


def test_settings_of_format_1_come_into_the_groups_of_format_2() -> None:
    """The run of 0.1.0, and its copy as 0.2.0 wrote it."""
    old, new = (Run(root / "run").config for root in (FORMAT_1, FORMAT_2))
    assert old == new and old.settings() == new.settings()
    assert json.loads((FORMAT_2 / "run" / "config.json").read_text("utf-8"))["train"] == new.to_dict()


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("odd", [None, {}, [1], "x"])
def test_the_name_of_a_group_among_settings_of_format_1_changes_none(odd: object, order: int, tmp_path: Path) -> None:
    root = shutil.copytree(FORMAT_1, tmp_path / "copy")
    path = root / "run" / "config.json"
    content = json.loads(path.read_text("utf-8"))
    train = list((content["train"] | {"lr": 0.5}).items()) + [("optimisation", odd), ("runtime", odd)]
    path.write_text(json.dumps(content | {"train": dict(train[::order])}), "utf-8")
    assert Run(root / "run").config.optimisation.lr == 0.5 and read_checkpoint(root / "run").train["lr"] == 0.5


def test_what_is_no_setting_stays_as_it_was(tmp_path: Path) -> None:
    """A model of others may say what it likes of its training, before and after."""
    root = shutil.copytree(FORMAT_1, tmp_path / "copy")
    path = root / "run" / "config.json"
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(content | {"train": {"by": "hand", "seed": 3}}), "utf-8")
    checkpoint = read_checkpoint(root / "run")
    assert checkpoint.train == {"by": "hand", "seed": 3}
    write_config(tmp_path, checkpoint.model, checkpoint.schema, checkpoint.train, {})
    written = json.loads((tmp_path / "config.json").read_text("utf-8"))["train"]
    assert written == {"by": "hand", "optimisation": {"seed": 3}}


def test_there_is_a_step_from_every_format_to_the_next() -> None:
    assert set(formats.STEPS) == {(kind, n) for kind, newest in formats.CURRENT.items() for n in range(1, newest)}
