"""A page to keep: one file, the library's numbers, and nothing of others that is markup."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from tiny import STUDENT, TEACHER, random_image, write_checkpoint

from snnpar.__main__ import main
from snnpar.checkpoint import read_checkpoint, shipped
from snnpar.energy import CONVENTIONS
from snnpar.explain.ledger import spike_ledger
from snnpar.inference import analyze, load
from snnpar.metrics.defaults import ATTRIBUTE
from snnpar.sharing.report import MOST_BYTES, report
from snnpar.spikes import raster
from snnpar.views.image import InputImage
from snnpar.views.reading import Reading

HOSTILE = "</script><img src=x onerror=alert(1)>"
IMAGE = InputImage.of("someone", random_image(3, (96, 48)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pair")
    write_checkpoint(root / "teacher", TEACHER)
    write_checkpoint(root / "student", STUDENT)
    return root


@pytest.fixture(scope="module")
def readings(folder: Path) -> dict[str, Reading]:
    models = {role: load(read_checkpoint(folder / role)) for role in ("teacher", "student")}
    return {role: Reading(model, analyze(model, IMAGE.image)) for role, model in models.items()}


def frozen(page: str) -> dict:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(text)


def test_its_script_alone_may_run_and_nothing_is_fetched(readings: dict[str, Reading]) -> None:
    page = report(readings, IMAGE)
    (script,) = re.findall(r'<script type="module">(.*?)</script>', page, re.S)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    assert set(re.findall(r"https?://[\w.]+", page)) <= {"http://www.w3.org"}, "a namespace is no address"
    assert not re.search(r"<(?:link|iframe|script src)", page)


def test_its_numbers_are_the_library_s(readings: dict[str, Reading]) -> None:
    page = report(readings, IMAGE)
    views = {view["name"]: view for view in frozen(page)["views"]}
    student = readings["student"].analysis
    rows = views["time_bar"]["first"]["rows"]
    assert student.prediction.probs_per_timestep is not None
    found = np.array([row["student"] for row in rows])
    np.testing.assert_allclose(found.T, student.prediction.probs_per_timestep, atol=1e-6)
    layers = {views["raster"]["first"]["layer"]: views["raster"]["first"]}
    for name, one in views["raster"]["answers"]["layer"].items():
        layers[name] = views["raster"]["first"] | one
    assert set(layers) == set(student.trace.names)
    counts = raster.counts_by_token(student.trace, readings["student"].model.token_grid)
    for name, one in layers.items():
        assert np.array_equal(np.frombuffer(b64decode(one["counts"]), "<u4"), counts[name].ravel())
    index = readings["student"].model.schema.index(ATTRIBUTE)
    ledger = spike_ledger(readings["student"].model.module, student.trace, index)
    held = np.frombuffer(b64decode(views["ledger"]["first"]["spikes"]), "<f4")
    np.testing.assert_allclose(held, ledger.spikes.ravel(), rtol=1e-6)
    assert f"{ledger.logit:+.4f}".replace("-", "\u2212") in page
    cells = views["ledger"]["answers"]["cell"]
    assert set(cells) == {f"{t}.{name}" for name in ledger.branches for t in range(1, STUDENT.timesteps + 1)}
    assert all(f'<th scope="row">{name}<small>' in page for name in CONVENTIONS)


def test_names_of_others_are_text(readings: dict[str, Reading]) -> None:
    """Names of attributes and checkpoints hold no markup to begin with; a file's name may."""
    page = report(readings, InputImage.of(HOSTILE, IMAGE.image))
    assert "<img src=x" not in page and page.count("</script>") == 2
    assert frozen(page)["views"][0]["first"]["image"]["title"] == HOSTILE


def test_one_model_alone_has_a_page(readings: dict[str, Reading]) -> None:
    for role, names in (("teacher", ["time_bar"]), ("student", ["time_bar", "raster", "ledger"])):
        page = report({role: readings[role]}, IMAGE)
        assert [view["name"] for view in frozen(page)["views"]] == names
        assert ("tab-spikes" in page) == (role == "student")


def test_the_shipped_pair_s_page_is_small() -> None:
    readings = {}
    for checkpoint in shipped():
        model = load(checkpoint)
        readings[model.role] = Reading(model, analyze(model, IMAGE.image))
    assert len(report(readings, IMAGE).encode()) < MOST_BYTES


def test_the_command_writes_it(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    from snnpar import ASSETS

    pair = ["--teacher", str(folder / "teacher"), "--student", str(folder / "student")]
    sample = ASSETS / "samples" / "03.png"
    assert main(["report", str(sample), str(tmp_path / "page.html"), *pair]) == 0
    assert "page.html: 0." in capsys.readouterr().out
    assert frozen((tmp_path / "page.html").read_text("utf-8"))["views"][0]["first"]["labelled"]
    for words, sentence in (
        ([str(tmp_path / "gone.png"), "x.html"], "cannot be read"),
        ([str(sample), "x.html", "--attribute", "Wings"], "no attribute is called 'Wings'; there are: Female"),
        ([str(sample), "x.html", "--threshold", "1"], "--threshold is a probability between 0 and 1"),
        ([str(sample), "x.html", "--teacher", str(folder / "student")], "is a student; give it as --student"),
    ):
        assert main(["report", *pair, *words]) == 2 and sentence in capsys.readouterr().err
