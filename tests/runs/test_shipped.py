"""The run that comes with the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from snnpar.runs.history import read_history
from snnpar.runs.lens import lens_epochs, read_images, read_lens
from snnpar.runs.run import Run, RunError, check_start, delete_run, list_runs, shipped_root
from snnpar.runs.shipped import NAME, ship
from snnpar.runs.table import run_row

RUN = Run(shipped_root() / NAME)
FILES = {path.relative_to(RUN.path).as_posix(): path for path in RUN.path.rglob("*") if path.is_file()}


def test_it_is_a_finished_first_run() -> None:
    row = run_row(RUN)
    assert (row.state, row.tags, row.dataset, row.epochs) == ("done", ("shipped",), "rendered", 5)
    assert RUN.config.recipe == "first-run" and RUN.is_shipped and not RUN.is_loadable
    assert len(read_history(RUN.path).epochs) == row.epochs + 1, "and step 0"
    assert row.mean_accuracy is not None and row.mean_accuracy > 0.6


def test_its_lens_can_be_looked_through() -> None:
    epochs = lens_epochs(RUN.path)
    assert list(epochs) == [1, 2, 3, 4, 5]
    count = len(read_lens(RUN.path, 5).files)
    images = read_images(RUN.path, count)
    assert images is not None and len(images) == count > 1


def test_nothing_of_a_machine_is_in_it() -> None:
    assert sum(path.stat().st_size for path in FILES.values()) < 500_000
    assert not any(path.suffix == ".safetensors" for path in FILES.values())
    for name, path in FILES.items():
        if path.suffix != ".png":
            assert not re.search(r'"(?:host|machine|boot|pid)"|/home/|/tmp/|/root/', path.read_text("utf-8")), name


def test_it_is_neither_trained_on_nor_deleted() -> None:
    for resume in (False, True):
        with pytest.raises(RunError, match="came with the program"):
            check_start(RUN, resume=resume)
    with pytest.raises(RunError, match="is not a folder in"):
        delete_run(RUN)
    assert RUN.name not in {run.name for run in list_runs()}


def test_a_run_is_copied_without_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import snnpar

    source = tmp_path / "20261128-one"
    for name, path in FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(path.read_bytes())
    for name in ("model.safetensors", "states/epoch-1/model.safetensors", "events/log"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(b"weights")
    (source / "log.txt").write_text("20261128-one: begins\n", "utf-8")
    monkeypatch.setattr(snnpar, "ASSETS", tmp_path / "assets")
    shipped = ship(Run(source))
    assert shipped.is_shipped and {p.relative_to(shipped.path).as_posix() for p in shipped.path.rglob("*.*")} == set(
        FILES
    )
    assert (shipped.path / "log.txt").read_text("utf-8") == f"{NAME}: begins\n"
