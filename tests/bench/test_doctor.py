"""What the doctor finds, and what it takes for a failure."""

from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path

import pytest
from hub_server import serve_hub

import snnpar
from snnpar import CHECKPOINTS
from snnpar.__main__ import main
from snnpar.bench import doctor
from snnpar.bench.doctor import FAILURE, GOOD, WARNING, CheckResult


def levels(findings: list[CheckResult]) -> list[str]:
    return [finding.level for finding in findings]


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Hub that nobody serves."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


def test_offline_is_a_warning_and_no_failure(closed: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "! The Hub at http://127.0.0.1:9 cannot be reached" in said and "It works" in said
    assert all(f"{name} answers in" in said for name in ("spikingformer_cml_4_192", "vtb_conv_3_192"))


def test_a_hub_that_answers_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_hub() as served:
        monkeypatch.setenv("HF_ENDPOINT", served.endpoint)
        (finding,) = doctor.hub()
    assert finding.level == GOOD, finding.what


def test_an_endpoint_that_is_no_address_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "ftp:/nowhere")
    (finding,) = doctor.hub()
    assert finding.level == WARNING and "HF_ENDPOINT is 'ftp:/nowhere', which is no address" in finding.what


@pytest.mark.parametrize("damage", ["missing", "weights", "config"])
def test_a_shipped_pair_that_cannot_run_is_a_failure(
    closed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    for name in ("spikingformer_cml_4_192", "vtb_conv_3_192"):
        shutil.copytree(CHECKPOINTS / name, tmp_path / name)
    student = tmp_path / "spikingformer_cml_4_192"
    if damage == "missing":
        shutil.rmtree(student)
    elif damage == "weights":
        (student / "model.safetensors").write_bytes(b"no weights")
    else:
        (student / "config.json").write_text("{}", "utf-8")
    monkeypatch.setattr(snnpar, "CHECKPOINTS", tmp_path)
    assert levels(doctor.pair()) == [GOOD, FAILURE]
    monkeypatch.setattr(doctor, "CHECKS", {"Shipped pair": doctor.pair})
    assert main(["doctor"]) == 1
    assert "the student spikingformer_cml_4_192 cannot run" in capsys.readouterr().out


def test_another_version_and_a_missing_package_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "gradio":
            raise importlib.metadata.PackageNotFoundError(name)
        return "0.1" if name == "timm" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    (wrong,) = [finding for finding in doctor.versions() if finding.level == WARNING]
    assert "timm is 0.1, not 1.0.31" in wrong.what and "gradio is missing" in wrong.what and "torch" not in wrong.what


def test_a_builds_suffix_is_no_other_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requirements", lambda: {"torch": "2.13.0"})
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.13.0+cu130")
    assert levels(doctor.versions()) == [GOOD, GOOD]


def test_the_requirements_are_read() -> None:
    found = doctor.requirements()
    assert found["torch"] == "2.13.0" and found["scipy"] == "" and "opencv-python-headless" in found


def test_a_check_that_breaks_is_a_finding() -> None:
    def broken() -> list[CheckResult]:
        raise ImportError("no such library")

    (finding,) = doctor.attempt(broken)
    assert finding.level == WARNING and finding.what == "ImportError: no such library"


@pytest.mark.parametrize(("free", "level"), [(3e9, GOOD), (1e9, WARNING)])
def test_too_little_of_anything_is_a_warning(free: float, level: str) -> None:
    assert doctor.enough("memory", free, 2e9, "fix").level == level


def test_torchvision_works_beside_this_torch() -> None:
    assert levels(doctor.libraries()) == [GOOD]
