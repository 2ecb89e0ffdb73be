"""The line before the models: fair to each visitor, and bounded in bytes, so that strangers cannot fill the memory.

Gradio keeps the images that wait, the inputs of each session's last request, and answers that nobody fetches. Of its
queue this uses `push`, which takes a request in, `process_events`, which answers it, `event_ids_to_events` (those that
wait or compute), and by session `pending_event_ids_session` (those, and whose answers nobody fetched) and
`pending_messages_per_session`; of its app `state_holder`, which has the inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snnpar.core.turns import SHARE, fairly

if TYPE_CHECKING:
    from gradio.queueing import Event, Queue

FETCH_FIRST = "You have {count} requests here whose answers you did not fetch; fetch them first."
FULL = "Too many images wait here; try again in a moment, or send a smaller one."


@dataclass(frozen=True)
class Limits:
    """What the line holds at most."""

    waiting: int  # requests that wait for their turn
    waiting_bytes: int = 140_000_000  # images in base64: ten of the largest
    answers: int = 256  # for sessions that wait for nothing else
    answer_bytes: int = 32_000_000


def bound(queue: Queue, limits: Limits) -> None:
    """Hold the line to its limits, and keep nothing of a request once it is answered."""
    push: Callable = queue.push
    process: Callable = queue.process_events

    async def bounded(body: Any, request: Any, username: str | None) -> tuple[bool, str | list, str]:
        count = len(queue.pending_event_ids_session.get(body.session_hash, ()))
        if count >= limits.waiting + 2:  # one that computes and one that is being fetched
            return False, FETCH_FIRST.format(count=count), "queue_full"
        if not has_room(list(queue.event_ids_to_events.values()), visitor(request), size(body.data), limits):
            return False, FULL, "queue_full"
        for copy in ("_body", "_json"):  # the same image, which the framework would keep with the request
            vars(request).pop(copy, None)
        answer = await push(body=body, request=request, username=username)
        for line in queue.event_queue_per_concurrency_id.values():
            line.queue[:] = in_turn(line.queue)
        return answer

    async def forgetting(events: list[Event], *rest: object, **named: object) -> None:
        try:
            await process(events, *rest, **named)
        finally:
            for event in events:
                event.data = None
                if queue.server_app:
                    queue.server_app.state_holder.session_data.pop(event.session_hash, None)
                    queue.server_app.state_holder.time_last_used.pop(event.session_hash, None)
            forget(queue, limits)

    vars(queue).update(push=bounded, process_events=forgetting)


def has_room(there: list[Event], newcomer: str, bytes_: int, limits: Limits) -> bool:
    """Is there room for one more request of so many bytes, beside those that wait or compute?"""
    everybody = [(visitor(event.request), size(event.data.data)) for event in there if event.data]
    own = [taken for name, taken in everybody if name == newcomer]
    return (
        sum(taken for _, taken in everybody) + bytes_ <= limits.waiting_bytes
        and sum(own) + bytes_ <= SHARE * limits.waiting_bytes
        and len(own) <= max(1, SHARE * limits.waiting)
    )


def visitor(request: Any) -> str:
    """A visitor's address: the name of a session is the visitor's own choice."""
    return request.client.host if request and request.client else ""


def in_turn(events: list[Event]) -> list[Event]:
    """Every visitor's first request, then every visitor's second, each in the order in which they came."""
    return [events[place] for place in fairly(visitor(event.request) for event in events)]


def forget(queue: Queue, limits: Limits) -> None:
    """Of the sessions that wait for nothing, drop the oldest until those that are left are within the limits."""
    unfetched = {
        session: _unfetched(queue, session)
        for session, events in queue.pending_event_ids_session.items()
        if not any(event in queue.event_ids_to_events for event in events)
    }
    answers = sum(len(queue.pending_event_ids_session[session]) for session in unfetched)
    sessions, held = len(unfetched), sum(unfetched.values())  # one that fetched all its answers still leaves a note
    for session, bytes_ in unfetched.items():
        if answers <= limits.answers and sessions <= limits.answers and held <= limits.answer_bytes:
            break
        answers -= len(queue.pending_event_ids_session.pop(session))
        sessions, held = sessions - 1, held - bytes_
        queue.pending_messages_per_session.pop(session, None)


def _unfetched(queue: Queue, session: str) -> int:
    messages = queue.pending_messages_per_session.get(session)
    return sum(size(getattr(message, "output", None)) for message in messages._queue) if messages else 0


def size(value: object) -> int:
    """About the bytes that JSON data takes: its texts, and 8 for anything else."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(key) + size(one) for key, one in value.items())
    return sum(map(size, value)) if isinstance(value, list | tuple) else 8
