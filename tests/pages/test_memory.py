"""A session that looks at many images stays as small as one that looks at few: every cache is bounded."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import psutil
import pytest

from pages.ui import looking
from snnpar.checkpoint import read_checkpoint
from snnpar.inference import load

IMAGES, WARM = 200, 60  # by then the analyses, which hold the spikes, are as many as are kept


@pytest.mark.slow
def test_memory_is_flat_over_many_images(pair: Path) -> None:
    model = load(read_checkpoint(pair / "tiny-student"))
    seen = {}
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        image = rng.integers(0, 256, (384, 192, 3), dtype=np.uint8)
        analysis = looking._analyse("version", str(number), model, image)
        one = looking.CachedReading(model, analysis)
        looking._explain(f"{number}", {"student": one}, "student", "ledger", image, "Hat")
        if number in (WARM, IMAGES - 1):
            gc.collect()
            seen[number] = psutil.Process().memory_info().rss
    assert seen[IMAGES - 1] - seen[WARM] < 30e6
