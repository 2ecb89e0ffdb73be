from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors import SafetensorError

from snnpar import ROOT
from snnpar.checkpoint import shipped
from snnpar.core import terminal
from snnpar.core.disks import FIXES, disk_fault, is_disk_full, make_folder, whole_folder
from snnpar.core.errors import SnnparError


@pytest.mark.parametrize("number", FIXES)
def test_the_fault_names_place_and_fix(number: int) -> None:
    told = disk_fault(OSError(number, "words", "/some/place"))
    assert told.startswith("/some/place: ") and told.endswith(FIXES[number])


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EROFS, "Read-only"), False),
        (SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"), True),
        (SafetensorError("Error while deserializing header"), False),
        (ValueError("(os error 28)"), False),
    ],
)
def test_what_counts_as_full(error: Exception, full: bool) -> None:
    assert is_disk_full(error) == full


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "x"), ValueError("x"), OSError("no number")])
def test_any_other_error_is_no_fault_of_the_disk(error: Exception) -> None:
    assert disk_fault(error) == ""

    def fail() -> int:
        raise error

    with pytest.raises(type(error)):
        terminal.run(fail)


@pytest.mark.parametrize("there", [False, True], ids=["new", "empty"])
def test_a_folder_is_whole_or_as_it_was(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "a" / "b"
    if there:
        folder.mkdir(parents=True)
    with pytest.raises(OSError, match="full"), whole_folder(folder):
        (folder / "c").mkdir()
        (folder / "c" / "d").write_text("half of it")
        raise OSError(errno.ENOSPC, "full")
    assert [path for path in tmp_path.rglob("*")] == ([folder.parent, folder] if there else [])
    with whole_folder(folder):
        (folder / "c").write_text("all of it")
    with pytest.raises(SnnparError, match="not empty"), whole_folder(folder):
        pytest.fail("others' files would be removed with ours")
    assert (folder / "c").read_text() == "all of it"


COMMANDS = {
    "import": [
        "snnpar",
        "import",
        "{published}",
        "--out",
        "{disk}/out",
        "--image-size",
        "64",
        "32",
        "--timesteps",
        "4",
        "--student-heads",
        "4",
        "--teacher-heads",
        "4",
    ],
    "export": ["snnpar", "export", "{run}", "{disk}/out"],
    "space": ["snnpar", "space", "build", "--sdk", "gradio", "{disk}/out"],
    "train": ["train", "--out", "{disk}/out"],
    "gallery": ["snnpar", "data", "check", "rendered", "--gallery", "{disk}/out.html"],
}


@pytest.mark.skipif(not shutil.which("unshare"), reason="unshare (util-linux) is not installed")
@pytest.mark.parametrize("disk", [pytest.param("ro", marks=pytest.mark.slow), "size=4k"])
@pytest.mark.parametrize(
    "command", [name if name == "train" else pytest.param(name, marks=pytest.mark.slow) for name in COMMANDS]
)
def test_commands_on_a_disk_that_takes_nothing(command: str, disk: str, tmp_path: Path, golden: Path) -> None:
    """On a real one, in a mount namespace: one sentence, no traceback, and nothing is left."""
    mount = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        f'mount -t tmpfs -o {disk} none "$0" || exit 77; "$@"; s=$?; ls -A "$0" >&2; exit $s',
        str(tmp_path / "disk"),
    ]
    (tmp_path / "disk").mkdir()
    if subprocess.run([*mount, "true"], capture_output=True).returncode:
        pytest.skip("this user may not mount")
    places = {"published": golden / "model.safetensors", "disk": tmp_path / "disk", "run": shipped()[0].path}
    arguments = [one.format(**places) for one in COMMANDS[command]]
    found = subprocess.run(
        [*mount, sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    last = found.stderr.strip().splitlines()
    assert found.returncode == 2, found.stderr
    assert "Traceback" not in found.stderr and last[-1].startswith("error: "), "nothing of it may be left"
    assert ("ead-only" if disk == "ro" else "No space") in last[-1]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a place where no folder can be made")
@pytest.mark.parametrize("make", [make_folder, lambda path: whole_folder(path).__enter__()])
def test_a_place_without_folders_is_told(make: Callable) -> None:
    with pytest.raises(SnnparError, match="/proc/x cannot be made: no folder can lie there; give another place"):
        make(Path("/proc/x"))
