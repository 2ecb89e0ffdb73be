"""Shared fixtures. Tests run on one thread, so that they neither depend on nor disturb a busy machine."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch, see snnpar/core/environment.py
if os.path.isdir("/sys/class/net/lo"):
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # processes of a test meet here, whatever networks there are

import subprocess  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402
import torch  # noqa: E402
from hub_server import Hub, serve_hub  # noqa: E402
from hypothesis import settings  # noqa: E402
from xdist.scheduler import LoadScopeScheduling  # noqa: E402

import snnpar  # noqa: E402

torch.set_num_threads(1)

SHARED = Path(__file__).resolve().parents[2] / "shared"

settings.register_profile("untimed", deadline=None)  # a busy machine is slow, not broken
settings.load_profile("untimed")


OWN_SERVERS = {
    f"tests/browser/test_{one}.py" for one in ("accessible", "checkpoints", "links", "run_table", "training")
}


class Together(LoadScopeScheduling):
    """The tests of a file go to one worker, as they share what is made once; so do those that share a server."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::")[0]
        folder = path.rsplit("/", 1)[0]
        return folder if folder in ("tests/browser", "tests/serve") and path not in OWN_SERVERS else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than cores: tests of browsers and servers wait most of the time."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    return Together(config, log)


@pytest.fixture
def own_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of runs, and so a queue, that nobody else uses; for the processes a test starts, too."""
    root = tmp_path / "checkpoints"
    (root / "runs").mkdir(parents=True)
    monkeypatch.setattr(snnpar, "RUNS", root / "runs")
    monkeypatch.setenv("SNNPAR_CHECKPOINTS", str(root))
    return root / "runs"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen]:
    """A process that does nothing."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test depends on the Hub settings of this machine, or shows its token to a server."""
    nowhere = tmp_path_factory.mktemp("home") / "token"
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(nowhere))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)  # the stand-in takes files by LFS
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def empty_hub(no_account: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub on the loopback interface, for this process and those that it starts."""
    with serve_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.endpoint)
        yield running


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real datasets beside the repository; tests that need it are skipped elsewhere."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the datasets in {folder}")
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder with reference values of the published code beside the repository."""
    folder = SHARED / "golden" / "snnpar_a"
    if not folder.is_dir():
        pytest.skip(f"needs the reference values in {folder}")
    return folder
