"""The line: one place per visitor, everything in it bounded, nothing kept."""

from __future__ import annotations

import gc
import json
import time
import types
from pathlib import Path

import pytest
from asking import SAMPLE, Server, ask, encoded, image_file

from snnpar import serve
from snnpar.config import PAIR
from snnpar.serve.line import Limits, forget, has_room, in_turn, size


def message(text: str) -> types.SimpleNamespace:
    return types.SimpleNamespace(output={"data": [text]})


def messages(*texts: str) -> types.SimpleNamespace:
    return types.SimpleNamespace(_queue=[message(text) for text in texts])


def test_the_oldest_of_those_who_went_away_are_forgotten() -> None:
    new = messages("")
    waits = types.SimpleNamespace(
        event_ids_to_events={"e0": 1},
        pending_messages_per_session={"old": messages(""), "new": new},
        pending_event_ids_session={"waits": {"e0", "e1"}, "old": {"e2", "e3"}, "left": set(), "new": {"e4", "e5"}},
    )
    forget(waits, Limits(1, answers=4))
    assert set(waits.pending_event_ids_session) == {"waits", "old", "left", "new"}  # four answers may stay
    forget(waits, Limits(1, answers=3))
    assert set(waits.pending_event_ids_session) == {"waits", "left", "new"}
    assert waits.pending_messages_per_session == {"new": new}
    forget(waits, Limits(1, answers=1))
    assert set(waits.pending_event_ids_session) == {"waits"}


def test_answers_that_nobody_fetches_are_bounded_in_bytes() -> None:
    queue = types.SimpleNamespace(
        event_ids_to_events={},
        pending_event_ids_session={name: {name} for name in "abc"},
        pending_messages_per_session={name: messages("x" * 100) for name in "abc"},
    )
    forget(queue, Limits(1, answer_bytes=250))
    assert list(queue.pending_messages_per_session) == ["b", "c"]


def event(address: str, length: int = 1) -> types.SimpleNamespace:
    request = types.SimpleNamespace(client=types.SimpleNamespace(host=address))
    return types.SimpleNamespace(request=request, data=types.SimpleNamespace(data=["x" * length]))


def test_each_visitor_has_one_place_in_the_line_at_a_time() -> None:
    greedy, honest, late = [event("1.1.1.1") for _ in range(3)], event("2.2.2.2"), event("3.3.3.3")
    line = in_turn([*greedy, honest, late])
    assert line == [greedy[0], honest, late, *greedy[1:]]
    assert in_turn(line) == line


@pytest.mark.parametrize(
    ("there", "newcomer", "length", "room"),
    [
        ([], "a", 60, True),
        ([], "a", 80, False),  # more than one visitor may take
        ([("a", 60)], "a", 20, False),
        ([("a", 60)], "b", 20, True),
        ([("a", 60), ("b", 30)], "c", 20, False),  # more than all may take
        ([("a", 1)] * 4, "a", 1, False),  # more requests than one visitor may have
        ([("a", 1)] * 4, "b", 1, True),
    ],
)
def test_there_is_room_for_everybody(there: list, newcomer: str, length: int, room: bool) -> None:
    events = [event(address, taken) for address, taken in there]
    assert has_room(events, newcomer, length, Limits(4, waiting_bytes=100)) == room


def test_the_size_of_json_is_that_of_its_texts() -> None:
    assert size(["x" * 100, {"ab": "c", "d": 1.5}, None]) == 100 + 3 + 1 + 8 + 8


def test_a_full_queue_says_so(small_pair: tuple[str, str]) -> None:
    demo = serve.build(*small_pair, waiting=0)
    address = serve.launch(demo, host="127.0.0.1", port=0, wait=False)
    try:
        from gradio_client import Client

        with pytest.raises(Exception, match="Queue is full"):
            Client(address, verbose=False).predict(encoded(SAMPLE), api_name="/predict")
    finally:
        demo.close(verbose=False)


def test_answers_that_nobody_fetches_are_bounded(small_pair: tuple[str, str]) -> None:
    from gradio_client import Client

    demo = serve.build(*small_pair, waiting=1)  # and so three of one session: one waits, computes and is fetched
    address = serve.launch(demo, host="127.0.0.1", port=0, wait=False)
    here = Server(address, 0, Path(), Path())
    fn_index = next(index for index, function in demo.fns.items() if function.api_name == "predict")
    body = json.dumps({"data": [encoded(SAMPLE), "both", 0.5], "fn_index": fn_index, "session_hash": "gone"}).encode()
    try:
        for _ in range(3):
            assert ask(here, "gradio_api/queue/join", body)[0] == 200
            while demo._queue.event_ids_to_events:  # until it is answered
                time.sleep(0.01)
        status, text, _ = ask(here, "gradio_api/queue/join", body)
        assert status == 503 and "3 requests here whose answers you did not fetch" in text
        assert set(Client(address, verbose=False).predict(encoded(SAMPLE), api_name="/predict")) == set(PAIR)
    finally:
        demo.close(verbose=False)


def holders(text: str) -> list[object]:
    """What in this process holds another copy of the text."""
    gc.collect()
    return [
        one
        for one in gc.get_objects()
        if any(type(held) is str and held is not text and held == text for held in gc.get_referents(one))
    ]


@pytest.mark.parametrize("fetched", [pytest.param(True, marks=pytest.mark.slow), False])
def test_nothing_of_an_image_outlives_its_answer(small_pair: tuple[str, str], fetched: bool) -> None:
    demo = serve.build(*small_pair)
    here = Server(serve.launch(demo, host="127.0.0.1", port=0, wait=False), 0, Path(), Path())
    image = encoded(image_file("PNG", (37, 91)))
    try:
        body = json.dumps({"data": [image, "both", 0.5], "session_hash": "visitor"}).encode()
        status, text, _ = ask(here, "gradio_api/call/predict", body)
        assert status == 200
        if fetched:
            assert "event: complete" in ask(here, f"gradio_api/call/predict/{json.loads(text)['event_id']}")[1]
        end = time.monotonic() + 60
        while demo._queue.event_ids_to_events and time.monotonic() < end:  # until it is answered
            time.sleep(0.01)
        time.sleep(0.2)  # the loop's last step of it
        gc.collect()
        assert not demo.app.state_holder.session_data and not holders(image)
    finally:
        demo.close(verbose=False)
