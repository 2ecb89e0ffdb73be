"""Pickles of the field open; hostile ones do not execute."""

from __future__ import annotations

import os
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from snnpar.core.errors import SnnparError
from snnpar.core.pickles import read_pickle


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.path}",)


@pytest.fixture
def easydict(monkeypatch: pytest.MonkeyPatch) -> type:
    """A class that pickles as easydict.EasyDict does: items, and the same again as attributes."""
    module = types.ModuleType("easydict")
    module.EasyDict = type("EasyDict", (dict,), {"__module__": "easydict"})
    monkeypatch.setitem(sys.modules, "easydict", module)
    return module.EasyDict


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_data_set_opens(easydict: type, tmp_path: Path, protocol: int) -> None:
    partition = easydict(test=[np.arange(4)])
    content = easydict(label=np.eye(3), image_name=["1.png"], partition=partition, count=np.int64(3))
    content.__dict__.update(content)
    (tmp_path / "dataset.pkl").write_bytes(pickle.dumps(content, protocol))
    found = read_pickle(tmp_path / "dataset.pkl")
    np.testing.assert_array_equal(found["label"], np.eye(3))
    np.testing.assert_array_equal(found["partition"]["test"][0], np.arange(4))
    assert (found["image_name"], int(found["count"])) == (["1.png"], 3)


@pytest.mark.parametrize("wrap", [lambda h: h, lambda h: {"label": h}, lambda h: {"label": np.array([h], object)}])
def test_a_hostile_pickle_does_not_execute(tmp_path: Path, wrap) -> None:
    marker, path = tmp_path / "executed", tmp_path / "hostile.pkl"
    path.write_bytes(pickle.dumps(wrap(Hostile(marker))))
    with pytest.raises(SnnparError, match=r"hostile.pkl was not opened: it asks for (posix|nt).system"):
        read_pickle(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged.pkl"),
        (b"\x80\x05garbage", "damaged.pkl"),
        (pickle.dumps([1, 2]), "holds a list"),
    ],
)
def test_what_is_no_data_set_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "damaged.pkl").write_bytes(content)
    with pytest.raises(SnnparError, match=message):
        read_pickle(tmp_path / "damaged.pkl")
