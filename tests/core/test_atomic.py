"""Files that readers see old or new, and that those may read who may read the others."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest
import tiny
from safetensors.numpy import save_file

from snnpar.checkpoint import WEIGHTS
from snnpar.core.atomic import share, write_text


@pytest.fixture(params=[0o022, 0o002, 0o077])
def umask(request: pytest.FixtureRequest):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_weights_have_the_permissions_of_other_files(tmp_path: Path, umask: int) -> None:
    folder = tiny.write_checkpoint(tmp_path / "own", tiny.STUDENT).path
    assert mode(folder / WEIGHTS) == mode(folder / "config.json") == 0o666 & ~umask


def test_a_file_is_shared_as_a_new_one_is(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"a": np.zeros(2)}, path)
    share(path)
    assert mode(path) == 0o666 & ~umask and [one.name for one in tmp_path.iterdir()] == [path.name]


def test_what_could_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError):
        write_text(tmp_path / "a", "text")
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
