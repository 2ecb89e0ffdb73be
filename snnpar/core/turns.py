"""Who computes now and who waits: everybody's first request, by arrival, before anybody's second; a bounded line."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from snnpar.core.errors import SnnparError

LOOK_AGAIN_S = 0.25
SHARE = 0.75  # of the line that one visitor may take, so that there is room for another


class LineFull(SnnparError):
    """Too many wait already; the message is one sentence for the person who asked."""


@dataclass(frozen=True, eq=False)
class Ticket:
    """A place in the line, of the visitor `who`."""

    who: str = ""


def fairly(visitors: Iterable[str], before: Iterable[str] = ()) -> list[int]:
    """Places in the order of their turns: every visitor's first request, then every visitor's second, by arrival.

    `before`: visitors of requests that have had their turn and still count.
    """
    seen, rounds = Counter(before), []
    for name in visitors:
        rounds.append(seen[name])
        seen[name] += 1
    return sorted(range(len(rounds)), key=rounds.__getitem__)


class Turns:
    """At most `at_once` compute and `most_waiting` wait, over all threads of this process.

    A thread that has its turn may take another inside it: that one does not wait.
    """

    def __init__(self, at_once: int = 1, most_waiting: int = 50) -> None:
        if at_once < 1 or most_waiting < 0:
            raise ValueError(f"at_once must be at least 1 and most_waiting at least 0; got {at_once}, {most_waiting}")
        self.at_once, self.most_waiting = at_once, most_waiting
        self._changed = threading.Condition()
        self._computing: list[Ticket] = []
        self._waiting: list[Ticket] = []  # in the order of their turns
        self._mine = threading.local()

    @property
    def held(self) -> bool:
        """Does this thread have its turn?"""
        return getattr(self._mine, "held", False)

    def ahead(self, ticket: Ticket) -> int:
        """How many must end before this one's turn; 0: it is its turn."""
        return max(0, self._waiting.index(ticket) + 1 + len(self._computing) - self.at_once)

    @contextmanager
    def taken(self, tell: Callable[[int], None] = lambda ahead: None, who: str = "") -> Iterator[None]:
        """Wait for a turn of the visitor `who` and hold it until the block ends; what `tell` raises gives it up.

        `tell` is called with how many are ahead, several times a second while there are any. Raises LineFull.
        """
        if self.held:
            yield
            return
        ticket = Ticket(who)
        try:
            self._wait(ticket, tell)
            self._mine.held = True
            yield
        finally:
            self._mine.held = False
            with self._changed:
                for line in (self._waiting, self._computing):
                    if ticket in line:
                        line.remove(ticket)
                self._changed.notify_all()

    def _wait(self, ticket: Ticket, tell: Callable[[int], None]) -> None:
        with self._changed:
            there = len(self._waiting) + len(self._computing)
            if there >= self.at_once + self.most_waiting:
                raise LineFull(f"Too many people ask at once: {there} are ahead. Try again in a minute.")
            own = sum(one.who == ticket.who for one in self._waiting)
            if ticket.who and own >= max(1, SHARE * self.most_waiting):
                raise LineFull(f"You ask for too much at once: {own} of your pages wait. Try again when some are done.")
            waiting = [*self._waiting, ticket]
            order = fairly((one.who for one in waiting), before=(one.who for one in self._computing))
            self._waiting = [waiting[place] for place in order]
        while True:
            with self._changed:
                ahead = self.ahead(ticket)
                if not ahead:
                    self._waiting.remove(ticket)
                    self._computing.append(ticket)
                    return
            tell(ahead)  # outside the lock: it may take long, or raise
            with self._changed:
                if self.ahead(ticket) == ahead:
                    self._changed.wait(LOOK_AGAIN_S)
