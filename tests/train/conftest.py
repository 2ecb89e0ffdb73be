"""A tiny real-looking dataset and quick settings for whole training runs."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator

import pytest
import tiny

from snnpar.config import TrainConfig


@pytest.fixture(scope="session")
def noise_data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a PA100K of noise: 20 / 6 / 4 images."""
    folder = tmp_path_factory.mktemp("data") / "pa100k"
    tiny.write_pa100k(folder, {"train": 20, "val": 6, "test": 4})
    return str(folder)


@pytest.fixture
def quick(noise_data: str) -> TrainConfig:
    """Two steps per epoch of the smallest student."""
    return TrainConfig.of(
        model="spikingformer_1_64", dataset="pa100k", data=noise_data, epochs=3, batch_size=8, threads=1
    )


@pytest.fixture(autouse=True)
def quiet_process() -> Iterator[None]:
    """Training listens for signals and, from the command line, sets up logging; put both back."""
    heard = (signal.SIGTERM, signal.SIGINT)
    before, root = [signal.getsignal(number) for number in heard], logging.getLogger()
    handlers = list(root.handlers)
    yield
    for number, handler in zip(heard, before, strict=True):
        signal.signal(number, handler)
    for handler in [h for h in root.handlers if h not in handlers]:
        root.removeHandler(handler)
        handler.close()
