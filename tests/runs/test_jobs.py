from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from waiting import wait_for

from snnpar.core import processes
from snnpar.core.pulse import PULSE
from snnpar.runs import jobs
from snnpar.runs.claims import start
from snnpar.runs.jobs import (
    STALLED_AFTER_S,
    STATES,
    Job,
    JobError,
    elsewhere,
    kill,
    process_identity,
    read_log,
    read_progress,
    status,
    stop,
    write_status,
)


@pytest.mark.parametrize("state", ["done", "stopped", "failed"])
def test_an_ended_job_says_why(job: Job, state: str) -> None:
    write_status(job, state=state, message="because")
    assert (status(job).state, status(job).message, status(job).is_active) == (state, "because", False)
    with pytest.raises(JobError, match=f"not running .it is {state}"):
        stop(job)


def test_a_live_process_is_running_until_it_falls_silent(job: Job, sleeper: subprocess.Popen) -> None:
    write_status(job, state="running", **process_identity(sleeper.pid))
    assert status(job).state == "running" and status(job).pid == sleeper.pid and status(job).is_active
    with pytest.raises(JobError, match=f"already running, process {sleeper.pid}"):
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
    [
        "",
        "{",
        "[]",
        "null",
        "3",
        "{}",
        '{"state": "running"}',
        '{"state": "running", "pid": -5, "started": 0}',
        '{"state": "running", "pid": "x", "started": "y"}',
        '{"state": "running", "pid": 1e99, "started": 0}',
    ],
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
    pid = json.loads((job.path / "status.json").read_text())["pid"]
    wait_for(lambda: not psutil.pid_exists(pid), "the end, without a zombie")
    assert sorted(read_log(job).splitlines()) == ["err", "out True"]
    assert status(job).state == "lost", "it ended without a word in status.json"


# ------------------------------------------------------------------------------------------- requests, and what became


def ended(job: Job) -> dict:
    """Write the status of a process that has just ended without a word; its identity."""
    process = subprocess.Popen(["sleep", "60"])
    identity = process_identity(process.pid)
    write_status(job, state="running", **identity)
    process.kill()
    process.wait()
    return identity


def ask(job: Job, what: str, identity: dict) -> None:
    (job.path / "asked.json").write_text(json.dumps({"request": what, "time": time.time(), **identity}))


def test_a_request_shows_until_the_process_ends(job: Job, sleeper: subprocess.Popen) -> None:
    write_status(job, state="running", **process_identity(sleeper.pid))
    before = (job.path / "status.json").read_text()
    sleeper.send_signal(signal.SIGSTOP)  # it will not end before it is told to go on
    wait_for(lambda: psutil.Process(sleeper.pid).status() == psutil.STATUS_STOPPED, "it is halted")
    stop(job)
    assert status(job).state == "stopping" and status(job).is_active and "saves" in status(job).message
    assert (job.path / "status.json").read_text() == before, "who asks does not write what the process writes"
    sleeper.send_signal(signal.SIGCONT)
    sleeper.wait()
    assert status(job).state == "stopped" and "resume" in status(job).message


@pytest.mark.parametrize(("what", "state"), [("stop", "stopped"), ("kill", "killed")])
def test_a_dead_process_ended_as_it_was_asked_to(job: Job, what: str, state: str) -> None:
    identity = ended(job)
    assert status(job).state == "lost"
    ask(job, what, identity)
    assert status(job).state == state and not status(job).is_active


def test_a_request_counts_for_the_process_that_was_meant(job: Job, sleeper: subprocess.Popen) -> None:
    ask(job, "kill", ended(job))
    assert status(job).state == "killed"
    write_status(job, state="running", **process_identity(sleeper.pid))
    assert status(job).state == "running", "it was resumed after the request"


@pytest.mark.parametrize(("written", "shown"), [("stopped", "killed"), ("failed", "killed"), ("done", "done")])
def test_what_a_killed_process_still_wrote(job: Job, written: str, shown: str) -> None:
    """Terminated first, it may stop in time, or stumble over its workers' death; done is done."""
    write_status(job, state=written, message="because")
    ask(job, "kill", process_identity(os.getpid()))
    assert status(job).state == shown and shown in STATES


def test_a_restarted_computer_loses_what_ran(job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "machine").write_text("this one")
    monkeypatch.setattr(processes, "MACHINE_ID", tmp_path / "machine")
    write_status(job, state="running")  # by this process, which lives
    (tmp_path / "boot").write_text("another-boot")
    monkeypatch.setattr(processes, "BOOT_ID", tmp_path / "boot")
    assert status(job).state == "lost" and "restarted" in status(job).message and elsewhere(job) == ""
    with pytest.raises(JobError, match="not running"):
        kill(job)


OUT_OF_SIGHT = {
    "another computer": {"boot": "other", "host": "node7"},
    "another container on this computer": {"space": "pid:[1]", "host": "3f1c"},
    "a computer of this one's name": {"boot": "other", "machine": "other"},
}


@pytest.mark.parametrize("values", OUT_OF_SIGHT.values(), ids=OUT_OF_SIGHT)
def test_a_job_out_of_sight_is_judged_by_its_signs_of_life(
    job: Job, values: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number may be one that lives here, too."""
    write_status(job, state="running", **values)
    host = elsewhere(job)
    now = status(job)
    assert (now.state, now.pid) == ("running", None) and f"on {host}" in now.message and jobs.processes(job) == []
    for act in (stop, kill):
        with pytest.raises(JobError, match=f"runs on {host}; .* it there"):
            act(job)
    later = time.time() + STALLED_AFTER_S + 1
    (job.path / PULSE).touch()
    os.utime(job.path / PULSE, (later, later))
    monkeypatch.setattr(time, "time", lambda: later)
    assert status(job).state == "stalled" and host in status(job).message, "it lives, but makes no progress"
    (job.path / PULSE).unlink()
    now = status(job)
    assert now.state == "lost" and f"on {host}, which has given no sign of life" in now.message and not now.is_active


def test_a_new_host_name_does_not_hide_a_process(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop's name changes with its network."""
    write_status(job, state="running")
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop.lan")
    assert status(job).pid == os.getpid() and elsewhere(job) == ""


@pytest.mark.parametrize("jump_s", [-1e7, 1e7])
def test_a_clock_that_jumps_locks_no_job_for_ever(job: Job, jump_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    write_status(job, state="running", boot="other", host="node7")
    now = time.time() + jump_s
    monkeypatch.setattr(time, "time", lambda: now)
    assert status(job).state == "lost"


@pytest.mark.parametrize("saved", ["", "states/epoch-00001-step-0000000", "parts/0.npz"])
def test_resume_is_promised_what_is_there(job: Job, saved: str) -> None:
    ended(job)
    if saved:
        (job.path / saved).mkdir(parents=True)
    assert ("from the last saved state" in status(job).message) == bool(saved)
    assert ("from the beginning" in status(job).message) == (not saved)


@pytest.mark.parametrize(("share", "told"), [(0.99, True), (0.5, False), (None, False)])
def test_a_death_near_the_memory_limit_says_so(job: Job, share: float | None, told: bool) -> None:
    ended(job)
    used = None if share is None else share * jobs.memory_limit_gb()
    (job.path / "progress.json").write_text(json.dumps({"memory_gb": used}))
    assert status(job).state == "lost" and ("--batch-size" in status(job).message) == told


ODD = [5, None, True, -1e308, float("nan"), float("inf"), "x", ["x"], {"a": 1}]


@pytest.mark.parametrize(
    "name",
    [
        "state",
        "message",
        "host",
        "boot",
        "space",
        "machine",
        "pid",
        "started",
        "session",
        "written",
        "failed",
        "worked",
        "agent",
    ],
)
def test_no_value_in_a_status_breaks_it_or_locks_the_job(job: Job, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(job)
    for where in ({}, {"boot": "other", "host": "node7"}):
        good = json.loads((job.path / "status.json").read_text()) | where
        for value in ODD:
            (job.path / "status.json").write_text(json.dumps(good | {name: value}))
            with monkeypatch.context() as patch:
                now = time.time() + 2 * STALLED_AFTER_S
                patch.setattr(time, "time", lambda now=now: now)
                assert status(job).state in STATES and jobs.processes(job) == [] and isinstance(elsewhere(job), str)
                assert not status(job).is_active, value


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"x"'])
def test_damaged_side_files_do_no_harm(job: Job, content: str) -> None:
    ended(job)
    for name in ("asked.json", "progress.json"):
        (job.path / name).write_text(content)
    assert status(job).state == "lost" and read_progress(job) == {}
