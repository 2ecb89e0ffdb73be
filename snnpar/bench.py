"""Benchmarks: `python -m snnpar bench NAME` prints one line that names what was measured and how."""

from __future__ import annotations

import time
from collections.abc import Callable


def bench_rendered(count: int = 600) -> str:
    """Rendered pedestrians per second of one core, by processor time, so that a busy machine does not count."""
    import cv2

    from snnpar.datasets.rendered import render_pedestrian

    cv2.setNumThreads(1)
    render_pedestrian(0, 0)  # imports and look-up tables
    began = time.process_time()
    for index in range(count):
        render_pedestrian(1, index)
    rate = count / (time.process_time() - began)
    return f"rendered pedestrians, 128 x 64, one core: {rate:.0f} images per second of processor time ({count} images)"


BENCHMARKS: dict[str, Callable[[], str]] = {"rendered": bench_rendered}
