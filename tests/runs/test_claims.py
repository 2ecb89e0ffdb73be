from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from snnpar.core.pulse import PULSE
from snnpar.runs import claims, jobs
from snnpar.runs.claims import check_free, claim, wait_for_silence
from snnpar.runs.jobs import STALLED_AFTER_S, Job, JobError, status, write_status

CODE = """
import sys
from pathlib import Path
from snnpar.runs import claims
from snnpar.runs.jobs import Job, write_status
claims.WATCH_S = 1.0
with claims.claim(Job(Path(sys.argv[1]))):
    write_status(Job(Path(sys.argv[1])), state="running")
print("mine", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Left by a computer that has not been heard of for long."""
    monkeypatch.setattr(claims, "WATCH_S", 0.6)
    write_status(Job(tmp_path), state="running", boot="other", host="node7")
    _age(tmp_path)
    return Job(tmp_path)


def _age(folder: Path) -> None:
    """As if everything had been written long ago."""
    path, then = folder / "status.json", time.time() - 2 * STALLED_AFTER_S
    path.write_text(json.dumps(json.loads(path.read_text()) | {"written": then}))
    os.utime(path, (then, then))


def test_a_job_without_a_sign_of_life_is_taken_over(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    with claim(job):
        write_status(job, state="running")
    assert status(job).pid == os.getpid() and "was at work on node7" in caplog.text


def test_a_sign_of_life_in_time_refuses_the_take_over(job: Job) -> None:
    """The clocks of the two computers differ by more than the time after which a job counts as lost."""

    def beat() -> None:
        (job.path / PULSE).touch()
        os.utime(job.path / PULSE, (1.0, 1.0))

    timer = threading.Timer(0.2, beat)
    timer.start()
    with pytest.raises(JobError, match="runs on node7, which has just given a sign of life; stop it there"), claim(job):
        pytest.fail("it was taken over")
    timer.join()


def test_a_job_that_lives_out_of_sight_is_not_free(tmp_path: Path) -> None:
    write_status(Job(tmp_path), state="running", boot="other", host="node7")
    with pytest.raises(JobError, match="already running on node7; stop it there, or wait"):
        check_free(Job(tmp_path))


@pytest.mark.parametrize("lives", [False, True])
def test_a_restarted_job_waits_until_its_former_node_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lives: bool
) -> None:
    for module in (claims, jobs):
        monkeypatch.setattr(module, "STALLED_AFTER_S", 1.0)
    write_status(Job(tmp_path), state="running", boot="other", host="node7")
    timer = threading.Timer(0.3, (tmp_path / PULSE).touch)
    if lives:
        timer.start()
    with pytest.raises(JobError, match="just given a sign of life") if lives else nullcontext():
        wait_for_silence(Job(tmp_path))
    assert "until just now" in caplog.text
    if not lives:
        assert status(Job(tmp_path)).state == "lost"
        caplog.clear()
        wait_for_silence(Job(tmp_path))
        assert not caplog.text


def test_of_two_claimants_one_wins(job: Job) -> None:
    both = [
        subprocess.Popen(
            [sys.executable, "-c", CODE, str(job.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        deadline = time.monotonic() + 60
        while all(one.poll() is None for one in both) and time.monotonic() < deadline:
            time.sleep(0.1)
        lost = next(one for one in both if one.poll() is not None)
        won = next(one for one in both if one is not lost)
        assert won.stdout.readline() == "mine\n" and status(job).pid == won.pid
        assert f"already running, process {won.pid}" in lost.stderr.read()
    finally:
        for one in both:
            one.kill()
            one.communicate()


@pytest.mark.skipif(not shutil.which("unshare"), reason="unshare (util-linux) is not installed")
def test_a_killed_container_leaves_a_job_that_the_next_one_takes_over(tmp_path: Path) -> None:
    """Each has a name and process numbers of its own, on one computer; both processes may have the same number."""
    inside = [
        "unshare",
        "--uts",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "sh",
        "-c",
        'hostname "$0"; exec "$@"',
    ]
    if subprocess.run([*inside, "a", "true"], capture_output=True).returncode:
        pytest.skip("this user may not make namespaces")
    work = [sys.executable, "-c", CODE, str(tmp_path)]
    (tmp_path / "status.json").write_text("{}")
    first = subprocess.Popen([*inside, "first", *work], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout.readline() == "mine\n"
        assert status(Job(tmp_path)).state == "running" and "on first" in status(Job(tmp_path)).message
        refused = subprocess.run([*inside, "second", *work], capture_output=True, text=True, input="")
        assert "already running on first" in refused.stderr
    finally:
        first.kill()
        first.communicate()
    _age(tmp_path)
    second = subprocess.run([*inside, "second", *work], capture_output=True, text=True, input="", timeout=60)
    assert second.stdout == "mine\n", second.stderr
