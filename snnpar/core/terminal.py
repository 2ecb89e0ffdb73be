"""The terminal that a command gets: it may be closed, go away, end early or lack letters. None of it is a fault."""

from __future__ import annotations

import os
import select
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from snnpar.core.disks import disk_fault
from snnpar.core.environment import set_defaults
from snnpar.core.errors import SnnparError

INTERRUPTED, PIPE_CLOSED = 128 + signal.SIGINT, 128 + signal.SIGPIPE  # exit statuses, as shells have them


def run(command: Callable[[], int | None]) -> int:
    """Do it and return the exit status: 2 with one sentence for a SnnparError or a disk that is full or may not
    be written; anything else that is raised passes."""
    set_defaults()
    prepare()
    try:
        status = command() or 0
        sys.stdout.flush()
        return status
    except SnnparError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        if not _is_broken(1):
            raise  # it is another pipe that broke
        _let_go(1)  # whoever read has seen enough, as `head` has
        return PIPE_CLOSED
    except Exception as error:
        told = disk_fault(error)
        if not told:
            raise
        print(f"error: {told}", file=sys.stderr)
        return 2


def prepare() -> None:
    """Put something in the place of closed streams, and a question mark in that of letters that a terminal lacks."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:  # the next file would be opened under this number, and then be written to as a terminal
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):  # not every stand-in of a notebook or a test has it
            reconfigure(errors="replace")


def stop_requests() -> tuple[signal.Signals, ...]:
    """The signals that ask a program to stop: SIGTERM, Ctrl-C, and a terminal that was closed, unless it was said at
    the start, as nohup does, that this does not matter."""
    wanted = [signal.SIGTERM, signal.SIGINT]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted.append(signal.SIGHUP)
    return tuple(wanted)


def hung_up(number: int) -> None:
    """For the handler of a stop request: after SIGHUP, what is printed goes nowhere, instead of failing."""
    if number != getattr(signal, "SIGHUP", None):
        return
    for stream in (1, 2):
        if stat.S_ISCHR(os.fstat(stream).st_mode):  # one that has gone away no longer says that it is a terminal
            _let_go(stream)


@contextmanager
def stop_on_signals() -> Iterator[Callable[[], bool]]:
    """SIGTERM, Ctrl-C and a closed terminal turn the switch this gives, instead of ending the process; a second one of
    a kind ends it."""
    asked = []

    def ask(number: int, _frame: object) -> None:
        hung_up(number)
        asked.append(number)
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.signal(number, ask) for number in stop_requests()}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_broken(number: int) -> bool:
    """Has whoever read this pipe gone?"""
    poll = select.poll()
    poll.register(number, 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))


def _let_go(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
