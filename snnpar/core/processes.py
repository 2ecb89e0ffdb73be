"""Processes: which one is meant, does it live, what belongs to it, and how to end all of that.

A number is not enough, as numbers are used again: a process is its number, when it started, since which boot, and on
which computer.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

import psutil

KILL_WAIT_S = 10.0  # how long the kernel may take to end what was killed
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MACHINE_ID = Path("/etc/machine-id")
SPACE = Path("/proc/self/ns/pid")


def boot_id() -> str:
    """Another after every start of the computer."""
    try:
        return BOOT_ID.read_text("ascii").strip()
    except OSError:
        return str(round(psutil.boot_time()))


def machine_id() -> str:
    """The same after every start of the computer; "" where it has none, as most containers."""
    try:
        return MACHINE_ID.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def space_id() -> str:
    """Of the processes that see each other: a container has its own on a computer of which it shares the boot."""
    try:
        return os.readlink(SPACE)
    except OSError:
        return ""


def in_sight(identity: dict) -> bool:
    """Would this process see that one, if it lives? Names of computers do not tell: a container gets a new one."""
    return identity.get("boot") == boot_id() and identity.get("space", space_id()) == space_id()


def before_restart(identity: dict) -> bool:
    """Was it a process of this computer, before that was restarted? A name that others may have is not enough."""
    machine = machine_id()
    return (
        identity.get("boot") != boot_id()
        and identity.get("host") == socket.gethostname()
        and machine != ""
        and identity.get("machine", machine) == machine
        and identity.get("space", space_id()) == space_id()
    )


def process_identity(pid: int) -> dict:
    """What tells this process from any other, and where it is seen; a launcher's as `agent`.

    {pid, started, session, boot, space, machine, host}. Raises psutil.NoSuchProcess when it has ended.
    """
    try:
        session = os.getsid(pid)
    except ProcessLookupError:
        raise psutil.NoSuchProcess(pid) from None
    identity = {
        "pid": pid,
        "started": _started(pid),
        "session": session,
        "boot": boot_id(),
        "space": space_id(),
        "machine": machine_id(),
        "host": socket.gethostname(),
    }
    if pid == os.getpid() and "TORCHELASTIC_RUN_ID" in os.environ:  # torchrun would start a killed process again
        identity["agent"] = {
            "pid": os.getppid(),
            "started": _started(os.getppid()),
            "boot": identity["boot"],
            "space": identity["space"],
        }
    return identity


def _started(pid: int) -> float:
    """Linux: seconds from boot to the process's start, which setting the clock does not change."""
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return psutil.Process(pid).create_time()
    try:
        fields = stat.read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def same_process(identity: dict, other: dict) -> bool:
    return all(identity.get(key) == other.get(key) for key in ("pid", "started", "boot"))


def is_alive(identity: dict) -> bool:
    """Does the process run? False for a number that another process has, and for one that only waits to be reaped."""
    pid = identity.get("pid")
    if not isinstance(pid, int) or not 0 < pid < 2**31 or not in_sight(identity):
        return False
    try:
        return _started(pid) == identity.get("started") and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def processes_of(identity: dict) -> list[psutil.Process]:
    """What lives of a process, its descendants and, if it leads a session, everything in that, orphans too."""
    pid = identity.get("pid")
    alive = is_alive(identity)
    if (
        not in_sight(identity)
        or not isinstance(pid, int)
        or (not alive and psutil.pid_exists(pid) and not _is_zombie(pid))
    ):
        return []  # it was before this boot, or the number belongs to another process now
    table = {
        process.pid: (process, process.info["ppid"])
        for process in psutil.process_iter(["ppid", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
    }
    found = {pid} if alive else set()
    if identity.get("session") == pid:
        found |= {one for one in table if _session(one) == pid}
    if "agent" in identity and is_alive(identity["agent"]):
        found.add(identity["agent"]["pid"])
    while below := {one for one, (_, parent) in table.items() if parent in found} - found:
        found |= below
    return [table[one][0] for one in sorted(found) if one in table]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def end(identity: dict, grace_s: float) -> list[psutil.Process]:
    """Terminate a process and all that belongs to it, kill what is left after grace_s; what survives even that."""
    seen: set[psutil.Process] = set()
    left: list[psutil.Process] = []
    for number, patience in ((signal.SIGTERM, grace_s), (signal.SIGKILL, KILL_WAIT_S)):
        told: set[psutil.Process] = set()
        until = time.monotonic() + patience
        while True:
            seen |= set(processes_of(identity))  # also those that were born meanwhile
            left = [process for process in seen if _runs(process)]
            for process in set(left) - told:
                _send(process, number)
            told |= set(left)
            if not left or time.monotonic() > until:
                break
            time.sleep(0.05)
    return left


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _send(process: psutil.Process, number: int) -> None:
    with suppress(psutil.Error):  # it has ended, or it is not ours to end and will be told as left
        process.send_signal(number)
