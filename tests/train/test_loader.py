from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import psutil
import pytest
import tiny

from snnpar import ROOT
from snnpar.datasets import PedestrianSplit, ResizedImages
from snnpar.images.pixels import ImageError
from train.loader import WorkerError, load_batches

BATCHES = [np.array([[3, 1], [0, 5]]), np.array([[2, 4], [1, 1]]), np.array([[5, 0], [4, 3]])]


def images(read: Callable[[int], np.ndarray] = tiny.random_image, keep: bool = True) -> ResizedImages:
    files = tuple(f"{i}.png" for i in range(6))
    labels = np.zeros((6, len(tiny.PA100K)), np.int8)
    return ResizedImages(PedestrianSplit("six", tiny.PA100K, files, labels, read), (32, 16), keep=keep)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_any_number_of_workers_gives_the_same_batches(workers: int, keep: bool) -> None:
    expected = images()
    found = list(load_batches(images(keep=keep), BATCHES, workers))
    assert len(found) == 3
    for batch, indices in zip(found, BATCHES, strict=True):
        assert (batch.indices == indices).all() and batch.pixels.shape == (2, 2, 3, 32, 16)
        assert (batch.pixels.flatten(0, 1) == expected.pixels(indices.ravel())).all()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_image_that_has_vanished_is_named(workers: int) -> None:
    def read(index: int) -> np.ndarray:
        if index == 4:
            raise ImageError("4.png is gone")
        return tiny.random_image(index)

    batches = load_batches(images(read), BATCHES, workers)
    next(batches)
    with pytest.raises(ImageError, match="4.png is gone"):
        next(batches)


def test_workers_end_with_the_batches() -> None:
    others = psutil.Process().children()
    batches = load_batches(images(), BATCHES, 2)
    next(batches)
    workers = [child for child in psutil.Process().children() if child not in others]
    assert len(workers) >= 2
    batches.close()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive


def test_a_worker_that_is_killed_is_told_between_batches() -> None:
    """Not by a signal amid a step, which torch would send."""
    handler = signal.getsignal(signal.SIGCHLD)

    def read(index: int) -> np.ndarray:
        if index == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return tiny.random_image(index)

    with pytest.raises(WorkerError, match="a process that prepares images has ended .*resume"):
        list(load_batches(images(read), BATCHES, 1))
    assert signal.getsignal(signal.SIGCHLD) == handler


CRAMPED = """
import numpy as np, tiny
from snnpar.datasets import PedestrianSplit, ResizedImages
from train.loader import load_batches

labels = np.zeros((6, len(tiny.PA100K)), np.int8)
split = PedestrianSplit("six", tiny.PA100K, tuple("012345"), labels, tiny.random_image)
batches = [np.array([[0, 1, 2, 3, 4, 5] * 6])] * 6  # 3.5 MB each
print(sum(batch.pixels.numel() for batch in load_batches(ResizedImages(split, (256, 128), keep=False), batches, 2)))
"""


@pytest.mark.skipif(not shutil.which("unshare"), reason="unshare (util-linux) is not installed")
def test_a_small_shared_memory_is_enough() -> None:
    """As in a container; on a real one of 1 MB, in a mount namespace."""
    cramped = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=1m none /dev/shm || exit 77; exec "$@"', "sh"]
    if subprocess.run([*cramped, "true"], capture_output=True).returncode:
        pytest.skip("this user may not mount")
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    found = subprocess.run(
        [*cramped, sys.executable, "-c", CRAMPED],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.stdout.strip() == str(6 * 36 * 3 * 256 * 128), found.stderr[-2000:]
