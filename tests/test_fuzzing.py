"""Damaged images and checkpoints neither crash nor hang, see fuzzing.py; the counts are those of docs/security.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.mark.parametrize(
    ("what", "count", "seed"),
    [
        ("images", 500, 0),
        ("checkpoints", 100, 0),
        pytest.param("images", 20_000, 1, marks=pytest.mark.slow),
        pytest.param("checkpoints", 5_000, 1, marks=pytest.mark.slow),
    ],
)
def test_damage_is_opened_or_refused(what: str, count: int, seed: int) -> None:
    paths = os.pathsep.join((str(HERE.parent), str(HERE)))
    done = subprocess.run(
        [sys.executable, str(HERE / "fuzzing.py"), what, str(count), str(seed)],
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        timeout=100 + count / 5,
    )
    assert done.returncode == 0, f"case {done.stderr[-3000:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["opened"] > count / 50 and found["refused"] > count / 50 and sum(found.values()) == count
