"""The built package, installed where nothing of the checkout is: library, training and app work from anywhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest
from servers import port_of
from tiny import write_pa100k

from snnpar.bench.doctor import requirements

ROOT = Path(__file__).resolve().parents[1]
WANTED = (
    "py.typed",
    "app/app.py",
    "app/.streamlit/config.toml",
    "views/raster/view.js",
    "train/loop.py",
    "assets/schemas/pa100k.json",
    "checkpoints/vtb_conv_3_192/model.safetensors",
)
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist that it was made of."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    return folder


@pytest.fixture(scope="session")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel; its dependencies are those of the environment of the tests."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    packages = next(folder.glob("lib/python*/site-packages"))
    (wheel,) = dist.glob("*.whl")
    into = ["pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([sys.executable, "-m", *into, "--no-deps", "--no-index", str(wheel)], check=True)
    (packages / "dependencies.pth").write_text(f"{Path(pytest.__file__).resolve().parents[1]}\n")
    return folder / "bin"


def _environment(home: Path) -> dict[str, str]:
    """Of a person who has neither a checkout nor settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SNNPAR", "PYTHON", "HF_"))}
    return kept | {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def call(installed: Path, tmp_path: Path):
    """call(program, *arguments): what it prints, run in an empty folder."""
    (tmp_path / "empty").mkdir()

    def run(program: str, *arguments: str, **variables: str) -> str:
        done = subprocess.run(
            [str(installed / program), *arguments],
            cwd=tmp_path / "empty",
            env=_environment(tmp_path) | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    return run


def test_the_wheel_takes_one_name_in_site_packages(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"snnpar", f"snnpar-{_version()}.dist-info"}
    for wanted in WANTED:
        assert f"snnpar/{wanted}" in names
    unwanted = ("checkpoints/runs/", "checkpoints/evaluations/", "__pycache__", ".pyc")
    assert not [name for name in names if any(one in name for one in unwanted)]


def test_the_sdist_holds_what_the_wheel_is_made_of(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "app.py", "train/loop.py", "assets/logo.svg"} <= names


def _version() -> str:
    return re.search(r'__version__ = "(.*)"', (ROOT / "snnpar/__init__.py").read_text("utf-8"))[1]


def test_its_ranges_hold_the_pins_that_it_is_tested_with() -> None:
    from packaging.requirements import Requirement

    ranges = {one.name: one.specifier for one in map(Requirement, PYPROJECT["dependencies"])}
    pins = requirements()
    assert set(ranges) == set(pins)
    for name, pin in pins.items():
        assert not pin or pin in ranges[name], name


def test_doctor_is_content(call) -> None:
    said = call("snnpar", "doctor")
    assert "packages that snnpar needs are there" in said and said.count("answers in") == 2


def test_it_loads_and_analyses(call, tmp_path: Path) -> None:
    code = (
        "import json, snnpar; from snnpar import ASSETS, images, inference, load;"
        "seen = inference.analyze(load('spikingformer_cml_4_192'), images.open_rgb(ASSETS / 'samples' / '00.png'));"
        "print(json.dumps([seen.energy.energy_uj, str(snnpar.CHECKPOINTS), snnpar.__file__]))"
    )
    energy, home, file = json.loads(call("python", "-c", code))
    assert energy > 10 and home == str(tmp_path / "data" / "snnpar") and not file.startswith(str(ROOT))
    assert json.loads(call("python", "-c", code, SNNPAR_HOME=str(tmp_path / "mine")))[1] == str(tmp_path / "mine")


def test_it_trains(call, tmp_path: Path) -> None:
    """Two steps, by the command that the page shows; the run lies in the data folder of the user."""
    write_pa100k(tmp_path / "pa100k", {"train": 16, "val": 6, "test": 4})
    said = call(
        "snnpar",
        "train",
        "--model",
        "spikingformer_1_64",
        "--epochs",
        "1",
        "--dataset",
        "pa100k",
        "--data",
        str(tmp_path / "pa100k"),
        "--batch-size",
        "8",
    )
    (run,) = (tmp_path / "data" / "snnpar" / "runs").glob("2*")
    assert said.startswith(f"run: {run}") and (run / "result.json").is_file()
    assert run.name in call("snnpar", "runs", "list") and "(epoch 1, n = 6)" in call("snnpar", "runs", "list")


def test_its_app_opens(installed: Path, tmp_path: Path) -> None:
    """The server runs the page script without a fault; the settings beside the script are its own."""
    command = [str(installed / "snnpar"), "app", "--server.port", "0", "--server.headless", "true"]
    with open(tmp_path / "log.txt", "w") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=_environment(tmp_path), stdout=log, stderr=log)
    try:
        port = port_of(process, tmp_path / "log.txt")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            assert "frame-ancestors" in answer.headers["Content-Security-Policy"]  # of pages/ui/server/door.py
    finally:
        process.terminate()
        process.wait(30)
    assert "Traceback" not in (tmp_path / "log.txt").read_text()


def test_weights_load_where_posix_is_not() -> None:
    """Without fcntl and resource, as on Windows; a student needs neither timm nor torchvision."""
    code = (
        "import psutil, sys; sys.modules['fcntl'] = sys.modules['resource'] = None;"
        "from snnpar import ASSETS, images, inference, load;"
        "seen = inference.analyze(load('spikingformer_cml_4_192'), images.open_rgb(ASSETS / 'samples' / '00.png'));"
        "print(len(seen.prediction.probs), [name for name in ('timm', 'torchvision') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "26 []", done.stderr[-2000:]
