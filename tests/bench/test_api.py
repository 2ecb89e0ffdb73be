"""Many users of the API at once; docs/security.md has the figures of 40 users and a minute."""

from __future__ import annotations

import re

import pytest

from snnpar.bench.api import bench_api


@pytest.mark.slow
def test_every_answer_is_right_also_after_the_server_was_killed() -> None:
    said = bench_api(users=4, seconds=4, restart=True)
    answers, after = (int(re.search(pattern, said)[1]) for pattern in (r"(\d+) answers", r"(\d+) answered after"))
    assert answers >= after > 0 and " 0 wrong, 0 refused" in said, said
