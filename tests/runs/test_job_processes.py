"""Real trees of processes: started once, killed whole, and never by mistake."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import psutil
import pytest
from waiting import wait_for

from snnpar.runs import jobs
from snnpar.runs.claims import claim, start
from snnpar.runs.jobs import Job, JobError, kill, process_identity, status, write_status

TREE = """
import os, signal, sys, time
from pathlib import Path
if not os.fork():
    if not os.fork():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if not os.fork():
            time.sleep(60)
    time.sleep(60)
if not os.fork():
    if not os.fork():
        time.sleep(60)
    os._exit(0)
time.sleep(60)
"""


def test_killing_takes_the_whole_tree(job: Job) -> None:
    start(job, ["-S", "-c", TREE])
    wait_for(lambda: len(jobs.processes(job)) == 5, "five processes: three levels, and an orphan")
    family, pid = jobs.processes(job), status(job).pid
    kill(job, grace_s=0.3)
    assert jobs.processes(job) == [] and status(job).state == "killed" and "resume" in status(job).message
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family)
    wait_for(lambda: not psutil.pid_exists(pid), "our own child is reaped")
    with pytest.raises(JobError, match="not running .it is killed"):
        kill(job)


def test_workers_that_outlive_a_crash_can_be_killed(job: Job) -> None:
    start(job, ["-S", "-c", TREE])
    wait_for(lambda: len(jobs.processes(job)) == 5, "five processes")
    os.kill(status(job).pid, signal.SIGKILL)
    wait_for(lambda: status(job).state == "lost", "the end of the first")
    assert len(jobs.processes(job)) == 4
    kill(job, grace_s=0.3)
    assert jobs.processes(job) == [] and status(job).state == "killed"


def test_what_cannot_be_killed_is_told(job: Job, sleeper: subprocess.Popen, monkeypatch: pytest.MonkeyPatch) -> None:
    write_status(job, state="running", **process_identity(sleeper.pid))
    monkeypatch.setattr(jobs, "end", lambda identity, grace_s: [psutil.Process(sleeper.pid)])
    with pytest.raises(JobError, match=f"cannot be killed: {sleeper.pid};"):
        kill(job)


def test_a_process_does_not_kill_itself(job: Job) -> None:
    write_status(job, state="running")
    with pytest.raises(JobError, match="this very process"):
        kill(job)


@pytest.mark.parametrize("state", ["created", "done", "failed"])
def test_who_wrote_a_status_and_lives_on_is_never_killed(job: Job, state: str) -> None:
    """A page makes runs, a notebook trains them in its own process."""
    write_status(job, state=state)
    assert jobs.processes(job) == []
    with pytest.raises(JobError, match=f"not running .it is {state}"):
        kill(job)


def test_the_launcher_may_be_killed(job: Job) -> None:
    """A page's server, say; the job goes on."""
    code = (
        "import sys, time; from pathlib import Path; from snnpar.runs.claims import start; "
        "from snnpar.runs.jobs import Job; "
        "start(Job(Path(sys.argv[1])), ['-S', '-c', 'import time; time.sleep(60)']); print(1, flush=True); "
        "time.sleep(60)"
    )
    launcher = subprocess.Popen(
        [sys.executable, "-c", code, str(job.path)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert launcher.stdout.readline()
    os.killpg(launcher.pid, signal.SIGKILL)
    launcher.communicate()
    assert status(job).state == "running" and status(job).pid != launcher.pid
    kill(job)


def test_two_that_start_a_job_at_once_start_it_once(job: Job) -> None:
    """A button clicked in two tabs."""
    refused = []

    def click() -> None:
        try:
            start(job, ["-S", "-c", "import time; time.sleep(60)"])
        except JobError as error:
            refused.append(str(error))

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()
    assert len(refused) == 3 and len(jobs.processes(job)) == 1
    assert all(f"process {status(job).pid}" in told for told in refused)
    kill(job)


def test_a_job_is_claimed_by_its_own_process(job: Job) -> None:
    write_status(job, state="running")
    with claim(job):
        pass
    write_status(job, state="running", **process_identity(os.getppid()))
    with pytest.raises(JobError, match=f"process {os.getppid()}"), claim(job):
        pytest.fail("it is not ours")
