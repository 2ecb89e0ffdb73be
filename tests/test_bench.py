"""Benchmarks print a rate and how it was measured; how fast it is, is not a test."""

from __future__ import annotations

import re

from snnpar.bench import bench_rendered


def test_rendered_rate_is_told() -> None:
    line = bench_rendered(count=3)
    rate = re.search(r": (\d+) images per second of processor time \(3 images\)", line)
    assert rate and int(rate[1]) > 0 and "128 x 64, one core" in line
