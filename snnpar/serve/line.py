"""Answers that nobody fetches: Gradio keeps them, so that strangers could fill the memory. Here they are bounded.

Of Gradio's queue this uses `push`, which takes a request in, `event_ids_to_events` (those that wait or compute), and by
session `pending_event_ids_session` (those, and whose answers nobody fetched) and `pending_messages_per_session`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradio.queueing import Queue

UNFETCHED = 256  # answers kept for sessions that wait for nothing else
FETCH_FIRST = "You have {count} requests here whose answers you did not fetch; fetch them first."


def bound(queue: Queue, most_each: int, most: int = UNFETCHED) -> None:
    """Refuse a session with `most_each` requests or unfetched answers; keep `most` answers of all who went away."""
    push: Callable = queue.push

    async def bounded(body: object, request: object, username: str | None) -> tuple[bool, str | list, str]:
        forget(queue, most)
        count = len(queue.pending_event_ids_session.get(body.session_hash, ()))
        if count >= most_each:
            return False, FETCH_FIRST.format(count=count), "queue_full"
        return await push(body=body, request=request, username=username)

    queue.push = bounded


def forget(queue: Queue, most: int) -> None:
    """Of the sessions that wait for nothing, drop the oldest until `most` of them with `most` answers are left."""
    unfetched = {session: len(events) for session, events in queue.pending_event_ids_session.items()
                 if not any(event in queue.event_ids_to_events for event in events)}
    answers, sessions = sum(unfetched.values()), len(unfetched)  # one that fetched all its answers still leaves a note
    for session, count in unfetched.items():
        if answers <= most and sessions <= most:
            break
        answers, sessions = answers - count, sessions - 1
        del queue.pending_event_ids_session[session]
        queue.pending_messages_per_session.pop(session, None)
