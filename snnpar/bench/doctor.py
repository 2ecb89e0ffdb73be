"""`python -m snnpar doctor`: is this machine fit to run, train and fetch, and what to fix if not.

Each check is a function that returns findings; a finding is good, a warning with its fix, or a failure. Only a shipped
pair that cannot answer is a failure: without it the app has nothing to show.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import re
import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

import snnpar
from snnpar import IS_CHECKOUT, ROOT
from snnpar.core.errors import SnnparError
from snnpar.core.public import is_public

GOOD, WARNING, FAILURE = "ok", "warning", "failure"
HUB_SECONDS = 2.0
LEAST_MEMORY, LEAST_DISK = 2e9, 2e9  # the app holds about 1 GB; a run's states and a Hub checkpoint fit into 2
NO_HUB = "needed only to pull and push checkpoints; the shipped pair works without"
COMPILERS = ("c++", "g++", "clang++")


@dataclass(frozen=True)
class CheckResult:
    """What a check found, and for anything but "ok" the fix."""

    level: str
    what: str
    fix: str = ""


def versions() -> list[CheckResult]:
    """Python, and each requirement against its pin."""
    told = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    found = [
        CheckResult(GOOD, told)
        if sys.version_info >= (3, 11)
        else CheckResult(WARNING, f"{told}; the project is tested with 3.11", "make PYTHON=python3.11 app")
    ]
    pins = requirements() if IS_CHECKOUT else dependencies()
    wrong = []
    for name, pin in pins.items():
        try:
            here = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        if pin and here.split("+")[0] != pin:
            wrong.append(f"{name} is {here}, not {pin}")
    if wrong:
        fix = "pip install -r requirements.txt" if IS_CHECKOUT else "pip install snnpar"
        return [*found, CheckResult(WARNING, "; ".join(wrong), fix)]
    told = (
        "packages of requirements.txt are installed as pinned"
        if IS_CHECKOUT
        else "packages that snnpar needs are there"
    )
    return [*found, CheckResult(GOOD, f"all {len(pins)} {told}")]


def dependencies() -> dict[str, str]:
    """What the installed package needs, by name, none pinned to one version."""
    needed = (text for text in importlib.metadata.requires("snnpar") or () if "extra ==" not in text)
    return {re.split(r"[ <>=!~;\[(]", text)[0]: "" for text in needed}


def requirements(file: Path = ROOT / "requirements.txt") -> dict[str, str]:
    """Package names of requirements.txt with the version each is pinned to, or ""."""
    lines = (line.split("#")[0].strip() for line in file.read_text("utf-8").splitlines())
    parts = (re.split(r"==|[<>~=!]", line) + [""] for line in lines if line and not line.startswith("-"))
    return {re.sub(r"\[.*", "", name).strip(): version.strip() for name, version, *_ in parts}


def libraries() -> list[CheckResult]:
    """Do torch and torchvision fit together, or does our repair make them?"""
    from snnpar.core import compat

    compat.repair_torchvision()
    import torch
    from torchvision import __version__ as torchvision
    from torchvision.ops import nms

    boxes = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 2], [4, 4, 6, 6]])
    works = nms(boxes, torch.tensor([0.5, 0.9, 0.1]), 0.5).tolist() == [1, 2]
    told = f"torch {torch.__version__} and torchvision {torchvision}"
    if not works:
        return [CheckResult(WARNING, f"{told} do not work together", "pip install -r requirements.txt")]
    if compat.is_repaired():
        return [
            CheckResult(
                GOOD,
                f"{told} come from different builds (operator torchvision::nms does not exist); repaired "
                "when torchvision is imported, nothing to do",
            )
        ]
    return [CheckResult(GOOD, f"{told} fit together")]


def machine() -> list[CheckResult]:
    """Device, threads, memory, disk, compiler."""
    import torch

    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    device = ", ".join(names) if names else "CPU; no GPU is visible to torch, and none is needed"
    memory = psutil.virtual_memory().available
    found = [
        CheckResult(GOOD, f"device: {device}"),
        CheckResult(
            GOOD,
            f"{torch.get_num_threads()} of {os.cpu_count()} cores used by torch, OMP_WAIT_POLICY="
            f"{os.environ.get('OMP_WAIT_POLICY', 'not set')}",
        ),
        enough("memory", memory, LEAST_MEMORY, "close other programs, or take a machine with more"),
    ]
    place = next(path for path in (snnpar.CHECKPOINTS, *snnpar.CHECKPOINTS.parents) if path.exists())
    if os.access(place, os.W_OK):
        found.append(
            enough(
                f"disk at {place}",
                shutil.disk_usage(place).free,
                LEAST_DISK,
                "make room, or set SNNPAR_HOME to another folder",
            )
        )
    else:
        found.append(
            CheckResult(
                WARNING,
                f"{place} cannot be written to: no run, evaluation or download can be kept",
                "set SNNPAR_HOME to a folder of yours",
            )
        )
    if not any(map(shutil.which, COMPILERS)):
        found.append(
            CheckResult(WARNING, "no C++ compiler: training works, --compile does not", "install g++ or clang")
        )
    return [*found, CheckResult(GOOD, f"public mode is {'on' if is_public() else 'off'} (SNNPAR_PUBLIC)")]


def enough(what: str, free: float, least: float, fix: str) -> CheckResult:
    told = f"{what}: {free / 1e9:.1f} GB free"
    return (
        CheckResult(GOOD, told)
        if free >= least
        else CheckResult(WARNING, f"{told}, less than {least / 1e9:.0f} GB", fix)
    )


def hub() -> list[CheckResult]:
    """One request to the Hub, without retries; in a thread, because nothing limits how long a name is looked up."""
    from huggingface_hub import get_token, is_offline_mode

    from snnpar.hub import where
    from snnpar.hub.listing import ids

    if is_offline_mode():
        return [CheckResult(WARNING, "HF_HUB_OFFLINE keeps everything off the Hub", NO_HUB)]
    try:
        problem = [f"{where()} gives no answer"]
    except SnnparError as error:  # HF_ENDPOINT is no address
        return [CheckResult(WARNING, str(error), NO_HUB)]

    def knock() -> None:
        try:
            ids("a", 1, signed=False)
            problem.clear()
        except Exception as error:  # whatever it is, the Hub cannot be used
            problem[:] = [str(error) or type(error).__name__]

    thread = threading.Thread(target=knock, daemon=True)
    thread.start()
    thread.join(2 * HUB_SECONDS)
    if problem:
        return [CheckResult(WARNING, problem[0], NO_HUB)]
    return [CheckResult(GOOD, f"{where()} answers; a token is {'set' if get_token() else 'not set'}")]


def pair() -> list[CheckResult]:
    """The shipped teacher and student answer about a sample and share their attributes."""
    from snnpar.checkpoint import shipped
    from snnpar.config import PAIR
    from snnpar.datasets.gallery import samples
    from snnpar.images.pixels import open_rgb
    from snnpar.inference import analyze, load, measure_latency, shared_attributes
    from snnpar.models import unnamed

    there = {checkpoint.name: checkpoint for checkpoint in shipped()}
    found, usable, image = [], {}, open_rgb(samples()[0].path)
    for role in PAIR:
        name = unnamed(role)
        try:
            if name not in there:
                raise SnnparError(f"{snnpar.CHECKPOINTS / name} is missing or has no usable config.json")
            model = load(there[name])
            analyze(model, image)  # the first pass is many times slower
            latency = measure_latency(model, image)
            usable[role] = there[name].schema
            found.append(CheckResult(GOOD, f"the {role} {name} answers in {latency} ({latency.spread})"))
        except SnnparError as error:
            found.append(
                CheckResult(FAILURE, f"the {role} {name} cannot run: {error}", f"git checkout -- checkpoints/{name}")
            )
    if len(usable) == 2:
        try:
            shared_attributes(usable["teacher"], usable["student"])
        except SnnparError as error:
            found.append(CheckResult(FAILURE, str(error), "git checkout -- checkpoints"))
    return found


CHECKS: dict[str, Callable[[], list[CheckResult]]] = {
    "Versions": versions,
    "Libraries": libraries,
    "Machine": machine,
    "Hub": hub,
    "Shipped pair": pair,
}
MARKS = {GOOD: "✓", WARNING: "!", FAILURE: "✗"}


def examine(options: argparse.Namespace) -> int:
    """Print every finding as it is found; 1 when the shipped pair cannot run."""
    worst = GOOD
    for title, check in CHECKS.items():
        print(title, flush=True)
        for finding in attempt(check):
            print(f"  {MARKS[finding.level]} {finding.what}")
            if finding.fix:
                print(f"    -> {finding.fix}")
            worst = max(worst, finding.level, key=[GOOD, WARNING, FAILURE].index)
    print(
        {
            GOOD: "All is well.",
            WARNING: "It works; see the lines marked !.",
            FAILURE: "The shipped pair cannot run; see the lines marked ✗.",
        }[worst]
    )
    return int(worst == FAILURE)


def attempt(check: Callable[[], list[CheckResult]]) -> list[CheckResult]:
    """A check's findings; a check that breaks is one, too: whoever asks a doctor has a broken machine."""
    try:
        return check()
    except Exception as error:
        level = FAILURE if check is pair else WARNING
        return [CheckResult(level, f"{type(error).__name__}: {error}", "pip install -r requirements.txt")]
