from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from snnpar.jobs import STALLED_AFTER_S, Job, JobError, process_identity, read_log, start, status, stop, write_status


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("state", ["done", "stopped", "failed"])
def test_an_ended_job_says_why(job: Job, state: str) -> None:
    write_status(job, state=state, message="because")
    assert (status(job).state, status(job).message, status(job).is_active) == (state, "because", False)
    with pytest.raises(JobError, match=f"not running .it is {state}"):
        stop(job)


def test_a_live_process_is_running_until_it_falls_silent(job: Job, sleeper: subprocess.Popen) -> None:
    write_status(job, state="running", **process_identity(sleeper.pid))
    assert status(job).state == "running" and status(job).pid == sleeper.pid and status(job).is_active
    with pytest.raises(JobError, match="already running"):
        start(job, ["-c", "pass"])
    path = job.path / "status.json"
    silent = json.loads(path.read_text()) | {"written": time.time() - STALLED_AFTER_S - 1}
    path.write_text(json.dumps(silent))
    assert status(job).state == "stalled" and status(job).is_active
    (job.path / "metrics.jsonl").write_text("")  # a sign of life
    assert status(job).state == "running"
    os.utime(job.path / "metrics.jsonl", (0, 0))
    assert status(job).state == "stalled"


def test_a_dead_or_reused_process_is_never_running(job: Job, sleeper: subprocess.Popen) -> None:
    identity = process_identity(sleeper.pid)
    write_status(job, state="running", **identity | {"started": identity["started"] - 100})
    assert status(job).state == "lost", "another process has the number now"
    write_status(job, state="running", **identity)
    sleeper.kill()
    for _ in range(200):
        if status(job).state != "running":
            break
        time.sleep(0.02)
    assert status(job).state == "lost", "a zombie"
    sleeper.wait()
    assert status(job).state == "lost" and "resume" in status(job).message


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "3", "{}", '{"state": "running"}', '{"state": "running", "pid": -5, "started": 0}',
     '{"state": "running", "pid": "x", "started": "y"}', '{"state": "running", "pid": 1e99, "started": 0}'],
)
def test_a_damaged_status_is_a_lost_job(job: Job, content: str) -> None:
    (job.path / "status.json").write_text(content)
    assert status(job).state == "lost" and status(job).message
    (job.path / "status.json").unlink()
    assert status(job).state == "lost"


def test_the_log_shows_its_end_and_the_last_state_of_a_bar(job: Job) -> None:
    lines = [f"line {i}" for i in range(100)] + ["bar 10%\rbar 50%\rbar 100%", "end"]
    (job.path / "log.txt").write_bytes("\n".join(lines).encode() + b"\n\xff\xfe")
    assert read_log(job, 4).splitlines()[:3] == ["line 99", "bar 100%", "end"]


def test_a_job_runs_detached_and_logs(job: Job) -> None:
    start(job, ["-c", "import os, sys; print('out', os.getsid(0) == os.getpid()); print('err', file=sys.stderr)"])
    with suppress(ChildProcessError):  # it may have ended, and been reaped, already
        os.waitpid(json.loads((job.path / "status.json").read_text())["pid"], 0)
    assert sorted(read_log(job).splitlines()) == ["err", "out True"]
    assert status(job).state == "lost", "it ended without a word in status.json"
