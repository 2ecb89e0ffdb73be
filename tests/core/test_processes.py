from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from snnpar.core import processes
from snnpar.core.processes import boot_id, end, is_alive, process_identity, processes_of, same_process

# A child that has a child that ignores SIGTERM, and a grandchild whose parent has died: an orphan of the session.
FAMILY = """
import os, signal, sys, time
def tell(name): open(sys.argv[1] + "/" + name, "w").write(str(os.getpid()))
if not os.fork():
    if not os.fork():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        tell("stubborn")
        time.sleep(60)
    tell("child")
    time.sleep(60)
if not os.fork():
    if not os.fork():
        tell("orphan")
        time.sleep(60)
    os._exit(0)
tell("first")
time.sleep(60)
"""
NAMES = ("first", "child", "stubborn", "orphan")


@pytest.fixture
def family(tmp_path: Path) -> Iterator[dict[str, int]]:
    """The numbers of four processes: one that leads a session, and three levels below it."""
    process = subprocess.Popen([sys.executable, "-S", "-c", FAMILY, str(tmp_path)], start_new_session=True)
    until = time.monotonic() + 30
    while not all((tmp_path / name).is_file() and (tmp_path / name).read_text() for name in NAMES):
        assert time.monotonic() < until
        time.sleep(0.02)
    numbers = {name: int((tmp_path / name).read_text()) for name in NAMES}
    yield numbers
    for number in numbers.values():
        if psutil.pid_exists(number):
            os.kill(number, 9)
    process.wait()


def test_an_identity_is_of_one_process_only() -> None:
    identity = process_identity(os.getpid())
    assert is_alive(identity) and same_process(identity, dict(identity))
    for key, value in (("started", identity["started"] - 1), ("pid", 1), ("boot", "another")):
        other = identity | {key: value}
        assert not is_alive(other) and not same_process(identity, other) and processes_of(other) == []
    assert boot_id() == boot_id() != ""
    with pytest.raises(psutil.NoSuchProcess):
        process_identity(2**22 + 1)


def test_setting_the_clock_changes_no_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    identity = process_identity(os.getpid())
    monkeypatch.setattr(psutil, "boot_time", lambda: 0.0)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert is_alive(identity) and process_identity(os.getpid()) == identity


def test_without_a_boot_id_the_boot_time_has_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processes, "BOOT_ID", tmp_path / "none")
    assert boot_id() == str(round(psutil.boot_time()))


def test_a_family_is_found_whole_even_when_its_first_has_died(family: dict[str, int]) -> None:
    identity = process_identity(family["first"])
    found = {process.pid for process in processes_of(identity)}
    assert found == set(family.values()), "and nobody else, above all not this process"
    os.kill(family["first"], 9)
    assert {one.pid for one in processes_of(identity)} <= found
    until = time.monotonic() + 20
    while is_alive(identity) and time.monotonic() < until:
        time.sleep(0.02)
    assert {one.pid for one in processes_of(identity)} == found - {family["first"]}


def test_one_that_leads_no_session_has_its_descendants_only(family: dict[str, int]) -> None:
    found = {process.pid for process in processes_of(process_identity(family["child"]))}
    assert found == {family["child"], family["stubborn"]}


def test_ending_leaves_nothing(family: dict[str, int]) -> None:
    identity = process_identity(family["first"])
    began = time.monotonic()
    assert end(identity, grace_s=0.5) == []
    assert time.monotonic() - began >= 0.5, "the stubborn one was given its time"
    assert processes_of(identity) == [] and not is_alive(identity)


def test_what_survives_is_told(family: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "KILL_WAIT_S", 0.1)
    monkeypatch.setattr(processes, "_send", lambda process, number: None)
    assert {process.pid for process in end(process_identity(family["first"]), 0.1)} == set(family.values())


def test_under_torchrun_the_launcher_belongs_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would start a killed process again."""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        agent = process_identity(os.getpid())["agent"]
        assert agent["pid"] == os.getppid() and is_alive(agent)
        mine = process_identity(sleeper.pid)
        assert "agent" not in mine, "of other processes nobody knows"
        launched = mine | {"agent": process_identity(os.getpid())}
        assert {os.getpid(), sleeper.pid} <= {process.pid for process in processes_of(launched)}
    finally:
        sleeper.kill()
        sleeper.wait()
