"""The sign of life of a training process: progress.json, rewritten every few seconds. And the request to stop."""

from __future__ import annotations

import json
import signal
import time

import psutil
import torch

from snnpar.core.atomic import write_text
from snnpar.core.pulse import Pulse
from snnpar.core.terminal import hung_up, stop_requests
from snnpar.runs.run import Run

BEAT_S = 2.0


class RunStopped(Exception):
    """The run was asked to stop."""


class Heartbeat:
    """Says at most every two seconds what the run is doing; raises RunStopped at a safe point after a stop request."""

    def __init__(self, run: Run) -> None:
        self.path = run.path / "progress.json"
        self.is_told = True  # by one of several processes alone: two would take each other's file away
        self.stop_requested = False
        self.pulse: Pulse | None = None  # of a run that this process trains, from when it is the run's
        self._last = 0.0

    def listen(self) -> None:
        """Take SIGTERM, Ctrl-C and a closed terminal as requests to stop; a second Ctrl-C interrupts at once."""
        for number in stop_requests():
            signal.signal(number, self._request)

    def beat(self, phase: str, **values: object) -> None:
        """Write what is being done, if it is time to."""
        if time.monotonic() - self._last >= BEAT_S:
            self.tell(phase, **values)

    def tell(self, phase: str, **values: object) -> None:
        """Write it now: what stays to be read once the process has ended."""
        if not self.is_told:
            return
        self._last = time.monotonic()
        write_text(self.path, json.dumps({"phase": phase, **values, "memory_gb": memory_gb(), "time": time.time()}))

    def check(self) -> None:
        """Raise JobGone if the run is no longer this process's, RunStopped if a stop was requested."""
        self.check_own()
        if self.stop_requested:
            raise RunStopped

    def check_own(self) -> None:
        """Raise JobGone if the run is no longer this process's."""
        if self.pulse:
            self.pulse.check()

    def _request(self, number: int, _frame: object) -> None:
        hung_up(number)
        if self.stop_requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.stop_requested = True


def memory_gb() -> float:
    """Memory of this process and its workers, on a GPU the most that it has taken there so far; GB (10^9 bytes)."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return round(torch.cuda.max_memory_allocated() / 1e9, 3)
    process = psutil.Process()
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_info().rss
        except psutil.Error:
            continue  # it has just ended
    return round(total / 1e9, 3)
