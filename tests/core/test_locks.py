from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snnpar.core.locks import LockError, lock, release, try_lock

HOLD = (
    "import sys, time; from pathlib import Path; from snnpar.core.locks import try_lock; "
    "assert try_lock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
)


def test_one_holds_it_at_a_time(tmp_path: Path) -> None:
    held = try_lock(tmp_path / "a")
    assert held is not None and try_lock(tmp_path / "a") is None
    assert (other := try_lock(tmp_path / "b")) is not None
    release(held)
    assert (again := try_lock(tmp_path / "a")) is not None
    release(again), release(other)
    with lock(tmp_path / "a"):
        assert try_lock(tmp_path / "a") is None
    with lock(tmp_path / "a"):
        pass


def test_the_kernel_gives_back_what_a_killed_process_held(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "a")], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n" and try_lock(tmp_path / "a") is None
    process.kill()
    process.communicate()
    held = try_lock(tmp_path / "a")
    assert held is not None
    release(held)


def test_a_forked_worker_does_not_keep_it(tmp_path: Path) -> None:
    held = try_lock(tmp_path / "a")
    worker = os.fork()
    if not worker:
        time.sleep(60)
        os._exit(0)
    try:
        time.sleep(0.1)
        assert try_lock(tmp_path / "a") is None, "a fork must not free it either"
        release(held)
        until = time.monotonic() + 20
        while (held := try_lock(tmp_path / "a")) is None and time.monotonic() < until:
            time.sleep(0.02)
        assert held is not None
        release(held)
    finally:
        os.kill(worker, 9)
        os.waitpid(worker, 0)


def test_what_cannot_be_locked_says_where_to_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LockError, match="cannot be locked .No such file.*SNNPAR_HOME"):
        try_lock(tmp_path / "nowhere" / "a")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(LockError, match="file system without locks.*local disk"):
        try_lock(tmp_path / "a")
    with pytest.raises(LockError, match="file system without locks"), lock(tmp_path / "a"):
        pass
    assert len(os.listdir("/proc/self/fd")) == before, "no file stays open"


@pytest.mark.parametrize(("folder", "expected"), [(0o755, 0o644), (0o775, 0o664), (0o2775, 0o664)])
def test_a_lock_is_the_groups_where_the_folder_is(tmp_path: Path, folder: int, expected: int) -> None:
    before = os.umask(0o022)
    try:
        tmp_path.chmod(folder)
        with lock(tmp_path / "a.lock"):
            assert (tmp_path / "a.lock").stat().st_mode & 0o777 == expected
    finally:
        os.umask(before)


def test_a_lock_of_somebody_else_names_the_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.lock").touch()

    def refused(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    with (
        pytest.raises(LockError, match=rf"belongs to {tmp_path.owner()}, who can let you with chmod g\+w"),
        lock(tmp_path / "a.lock"),
    ):
        pass
