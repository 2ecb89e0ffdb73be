from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from waiting import WORK, begin, wait_for

import snnpar
from snnpar.config import TrainConfig
from snnpar.core.locks import LockError, release, try_lock
from snnpar.runs import devices, jobs
from snnpar.runs.claims import claim
from snnpar.runs.devices import QueuePosition, device_key, enlist, queue, turn
from snnpar.runs.jobs import Job, JobError, kill, read_log, spawn, status, stop, write_status


@pytest.fixture
def make(own_runs: Path) -> Iterator[Callable[[str], Job]]:
    """Makes runs; those left are killed in the end."""
    made: list[Job] = []

    def make(name: str) -> Job:
        (own_runs / name).mkdir()
        made.append(Job(own_runs / name))
        write_status(made[-1], state="created")
        return made[-1]

    yield make
    for job in made:
        with suppress(JobError):
            kill(job, grace_s=0.0)


def works(job: Job) -> bool:
    return "works" in read_log(job) and status(job).state == "running"


def test_three_runs_take_their_turns(make: Callable[[str], Job]) -> None:
    first, second, third = (begin(make(name)) for name in ("first", "second", "third"))
    assert status(first).state == "running", "at once: nobody was before it"
    assert (status(second).state, status(second).message) == ("queued", "waits for first, 1 ahead")
    assert (status(third).state, status(third).message) == ("queued", "waits for first, 2 ahead")
    assert queue() == [
        QueuePosition(first, "cpu", 0),
        QueuePosition(second, "cpu", 1, "waits for first, 1 ahead"),
        QueuePosition(third, "cpu", 2, "waits for first, 2 ahead"),
    ]
    wait_for(lambda: works(first) and "ahead" in read_log(third), "the first turn")
    assert status(second).is_active and not works(second)
    stop(second)
    wait_for(lambda: status(second).state == "stopped", "leaving the queue")
    wait_for(lambda: status(third).message == "waits for first, 1 ahead", "moving up")
    kill(first, grace_s=0.0)
    assert jobs.processes(first) == [] and status(first).state == "killed"
    wait_for(lambda: works(third), "the third's turn")
    assert status(third).message == "" and "works False" in read_log(third), "one that waits has no torch in memory"
    assert "works" not in read_log(second) and [place.run for place in queue()] == [third]


def test_a_murdered_one_does_not_block_those_behind_it(make: Callable[[str], Job]) -> None:
    first, second, third = (begin(make(name)) for name in ("first", "second", "third"))
    wait_for(lambda: works(first) and "ahead" in read_log(third), "all three at their places")
    os.kill(status(second).pid, signal.SIGKILL)
    wait_for(lambda: status(second).state == "lost", "its end")
    wait_for(lambda: status(third).message == "waits for first, 1 ahead", "moving up")
    os.kill(status(first).pid, signal.SIGKILL)
    wait_for(lambda: works(third), "the third's turn")


def test_one_that_comes_again_goes_to_the_end(make: Callable[[str], Job]) -> None:
    first, second, third = (begin(make(name)) for name in ("first", "second", "third"))
    stop(second)
    wait_for(lambda: status(second).state == "stopped", "leaving the queue")
    begin(second)
    assert [place.run for place in queue()] == [first, third, second]
    assert status(second).message == "waits for first, 2 ahead"


def test_each_device_has_a_queue_of_its_own(make: Callable[[str], Job]) -> None:
    first, other = begin(make("first")), begin(make("other"), "cuda")
    wait_for(lambda: works(first) and works(other), "both at once")
    assert {(place.device, place.position) for place in queue()} == {("cpu", 0), ("cuda", 0)}


def test_a_lost_queue_is_made_again_and_the_lock_still_holds(make: Callable[[str], Job]) -> None:
    first = begin(make("first"))
    wait_for(lambda: works(first), "the first turn")
    second = begin(make("second"))
    wait_for(lambda: "ahead" in read_log(second), "waiting")
    for path in devices._root().glob("cpu/*"):
        path.unlink()
    wait_for(lambda: "still holds" in status(second).message, "telling what it waits for")
    assert [place.run for place in queue()] == [second]
    kill(first, grace_s=0.0)
    wait_for(lambda: works(second), "the second's turn")


def test_in_this_process(make: Callable[[str], Job], own_runs: Path) -> None:
    job, other = make("one"), make("two")
    with turn(job, "cpu"):
        assert status(job).state == "running" and status(job).pid == os.getpid()
        assert try_lock(devices._root() / "cpu.lock") is None
        with pytest.raises(JobError, match="cpu is not free: two waits for one, 1 "), turn(other, "cpu", wait=False):
            pytest.fail("it has to be refused")
        assert status(other).state == "created", "nothing happened to it"
    assert queue() == [] and list((devices._root() / "cpu").iterdir()) == []
    with pytest.raises(ZeroDivisionError), turn(other, "cpu", wait=False):
        raise ZeroDivisionError
    with turn(job, "cpu", wait=False):
        pass  # free again after an error, too


def test_a_device_held_without_a_ticket_is_not_free(make: Callable[[str], Job]) -> None:
    job = make("one")
    enlist(job, "cpu")
    held = try_lock(devices._root() / "cpu.lock")
    with pytest.raises(JobError, match="another process still holds"), turn(job, "cpu", wait=False):
        pytest.fail("it has to be refused")
    release(held)


def test_ctrl_c_leaves_the_queue(make: Callable[[str], Job], monkeypatch: pytest.MonkeyPatch) -> None:
    first = begin(make("first"))
    job = make("in-the-terminal")

    def interrupt(_seconds: float) -> None:
        assert status(job).state == "queued" and [place.run for place in queue()] == [first, job]
        raise KeyboardInterrupt

    monkeypatch.setattr(devices.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt), turn(job, "cpu"):
        pytest.fail("it is not its turn")
    monkeypatch.undo()
    assert status(job).state == "stopped" and "left the queue" in status(job).message


def test_old_tickets_that_do_not_count_are_cleared_away(make: Callable[[str], Job]) -> None:
    job = make("one")
    enlist(make("dead"), "cpu")
    (ticket,) = (devices._root() / "cpu").iterdir()
    ticket.rename(ticket.with_name(f"{5:020d}{ticket.name[20:]}"))
    (ticket.parent / "stray.txt").write_text("not a ticket")
    (ticket.parent / f"{6:020d}-{'0' * 16}").write_bytes(b"\xff")
    with turn(job, "cpu"):
        assert [place.run for place in queue()] == [job]
        assert len(list(ticket.parent.iterdir())) == 2


@pytest.mark.parametrize(
    ("device", "files", "visible", "key"),
    [
        ("cpu", True, None, "cpu"),
        ("auto", False, None, "cpu"),
        ("auto", True, None, "cuda"),
        ("cuda", False, None, "cuda"),
        ("auto", True, "", "cpu"),
        ("auto", True, "-1", "cpu"),
        ("auto", True, "3", "cuda-3"),
        ("auto", True, "MIG-GPU/1/0", "cuda-MIG-GPU-1-0"),
    ],
)
def test_the_device_that_a_run_wants(
    device: str, files: bool, visible: str | None, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter([self / "nvidia0"] * files))
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert device_key(TrainConfig.of(device=device)) == key


def test_a_queue_that_cannot_be_written_is_one_sentence(
    make: Callable[[str], Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make("one")
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(snnpar, "RUNS", tmp_path / "file")
    with pytest.raises(JobError, match="cannot be written .Not a directory.; set SNNPAR_HOME"), turn(job, "cpu"):
        pytest.fail("there is no queue")
    assert status(job).state == "created" and queue() == []


def test_a_place_without_locks_is_one_sentence(make: Callable[[str], Job], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    job = make("one")
    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(LockError, match="without locks .Operation not supported."), turn(job, "cpu"):
        pytest.fail("nothing keeps others away")


def test_a_worker_that_outlives_its_training_does_not_hold_the_device(make: Callable[[str], Job]) -> None:
    code = WORK.replace("time.sleep(60)", "import os; os.fork(); time.sleep(60)")
    first = make("first")
    with claim(first):
        spawn(first, ["-c", code, str(first.path), "cpu"], **enlist(first, "cpu"))
    wait_for(lambda: len(jobs.processes(first)) == 2, "a worker")
    second = begin(make("second"))
    os.kill(status(first).pid, signal.SIGKILL)
    wait_for(lambda: works(second), "the second's turn")
    assert len(jobs.processes(first)) == 1 and status(first).state == "lost"
