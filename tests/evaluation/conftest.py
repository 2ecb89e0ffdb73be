"""A tiny pair, and the images that it is evaluated on."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny

from snnpar.evaluation.slices import DataChoice


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_checkpoint(tmp_path_factory.mktemp("student") / "tiny-student").path


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_checkpoint(tmp_path_factory.mktemp("teacher") / "tiny-teacher", tiny.TEACHER).path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("data") / "people"
    tiny.write_pa100k(folder, {"train": 3, "val": 5, "test": 7})
    return str(folder)


@pytest.fixture
def choice(data: str) -> DataChoice:
    return DataChoice(data, split="test", rendered=2)
