"""Who computes now and who waits: first come, first served, and a line that does not grow without end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from snnpar.errors import SnnparError

LOOK_AGAIN_S = 0.25


class LineFull(SnnparError):
    """Too many wait already; the message is one sentence for the person who asked."""


class Turns:
    """At most `at_once` compute and `most_waiting` wait, over all threads of this process.

    A thread that has its turn may take another inside it: that one does not wait.
    """

    def __init__(self, at_once: int = 1, most_waiting: int = 50) -> None:
        if at_once < 1 or most_waiting < 0:
            raise ValueError(f"at_once must be at least 1 and most_waiting at least 0; got {at_once}, {most_waiting}")
        self.at_once, self.most_waiting = at_once, most_waiting
        self._changed = threading.Condition()
        self._line: list[object] = []  # first those who compute, then those who wait, by arrival
        self._mine = threading.local()

    @property
    def held(self) -> bool:
        """Does this thread have its turn?"""
        return getattr(self._mine, "held", False)

    def ahead(self, ticket: object) -> int:
        """How many must end before this one's turn; 0: it is its turn."""
        return max(0, self._line.index(ticket) - self.at_once + 1)

    @contextmanager
    def taken(self, tell: Callable[[int], None] = lambda ahead: None) -> Iterator[None]:
        """Wait for a turn and hold it until the block ends; whatever `tell` raises gives the place up.

        `tell` is called with how many are ahead, several times a second while there are any. Raises LineFull.
        """
        if self.held:
            yield
            return
        ticket = object()
        with self._changed:
            if len(self._line) >= self.at_once + self.most_waiting:
                raise LineFull(f"Too many people ask at once: {len(self._line)} are ahead. Try again in a minute.")
            self._line.append(ticket)
        try:
            self._wait(ticket, tell)
            self._mine.held = True
            yield
        finally:
            self._mine.held = False
            with self._changed:
                self._line.remove(ticket)
                self._changed.notify_all()

    def _wait(self, ticket: object, tell: Callable[[int], None]) -> None:
        while True:
            with self._changed:
                ahead = self.ahead(ticket)
                if not ahead:
                    return
            tell(ahead)  # outside the lock: it may take long, or raise
            with self._changed:
                if self.ahead(ticket) == ahead:
                    self._changed.wait(LOOK_AGAIN_S)
