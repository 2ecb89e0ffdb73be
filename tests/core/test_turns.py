"""The line of those who wait to compute."""

from __future__ import annotations

import random
import threading
import time

import pytest

from snnpar.core.turns import LineFull, Turns, fairly


def hold(turns: Turns, inside: threading.Event, release: threading.Event, who: str = "") -> threading.Thread:
    def work() -> None:
        with turns.taken(who=who):
            inside.set()
            release.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    assert inside.wait(30)
    return thread


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_than_so_many_at_once_and_all_get_their_turn(at_once: int) -> None:
    turns, lock, counts = Turns(at_once, most_waiting=100), threading.Lock(), {"now": 0, "most": 0, "done": 0}

    def work() -> None:
        with turns.taken():
            with lock:
                counts["now"] += 1
                counts["most"] = max(counts["most"], counts["now"])
            time.sleep(random.random() / 200)
            with lock:
                counts["now"] -= 1
                counts["done"] += 1

    threads = [threading.Thread(target=work) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert counts["done"] == 30 and counts["most"] <= at_once


def test_first_come_first_served_and_told_how_many_are_ahead() -> None:
    turns, inside, release, order = Turns(), threading.Event(), threading.Event(), []
    threads = [hold(turns, inside, release)]
    told: dict[int, list[int]] = {}
    for number in range(4):
        heard = threading.Event()

        def work(number: int = number, heard: threading.Event = heard) -> None:
            def tell(ahead: int) -> None:
                told.setdefault(number, []).append(ahead)
                heard.set()

            with turns.taken(tell):
                order.append(number)

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        assert heard.wait(30)
    release.set()
    for thread in threads:
        thread.join(60)
    assert order == [0, 1, 2, 3]
    assert {number: ahead[0] for number, ahead in told.items()} == {0: 1, 1: 2, 2: 3, 3: 4}
    assert all(ahead == sorted(ahead, reverse=True) for ahead in told.values())


def test_a_full_line_refuses_at_once() -> None:
    turns, inside, release = Turns(1, most_waiting=0), threading.Event(), threading.Event()
    thread = hold(turns, inside, release)
    with pytest.raises(LineFull, match="1 are ahead"), turns.taken():
        pytest.fail("got a turn")
    release.set()
    thread.join(60)
    with turns.taken():
        pass


def test_who_gives_up_while_waiting_leaves_the_line() -> None:
    turns, inside, release = Turns(), threading.Event(), threading.Event()
    thread = hold(turns, inside, release)

    def leave(ahead: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), turns.taken(leave):
        pytest.fail("got a turn")
    release.set()
    thread.join(60)
    with turns.taken(lambda ahead: pytest.fail("somebody is still ahead")):
        pass


def test_a_failure_inside_ends_the_turn_and_a_turn_inside_a_turn_does_not_wait() -> None:
    turns = Turns(1, most_waiting=0)
    with pytest.raises(OSError), turns.taken():
        with turns.taken():
            pass
        raise OSError
    with turns.taken():
        pass


@pytest.mark.parametrize(("at_once", "most_waiting"), [(0, 1), (1, -1)])
def test_sizes_are_checked(at_once: int, most_waiting: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        Turns(at_once, most_waiting)


def queued(turns: Turns, name: str, order: list[str]) -> threading.Thread:
    """A thread that waits in the line, and writes its name down when it is its turn."""
    heard = threading.Event()

    def work() -> None:
        with turns.taken(lambda ahead: heard.set(), name):
            order.append(name)

    thread = threading.Thread(target=work)
    thread.start()
    assert heard.wait(30)
    return thread


def test_everybodys_first_request_comes_before_anybodys_second() -> None:
    assert fairly("aaabbc") == [0, 3, 5, 1, 4, 2]
    assert fairly("ab", before="a") == [1, 0], "who computes now has had a turn"
    turns, inside, release, order = Turns(), threading.Event(), threading.Event(), []
    threads = [hold(turns, inside, release)]
    threads += [queued(turns, name, order) for name in ("greedy", "greedy", "greedy", "modest")]
    release.set()
    for thread in threads:
        thread.join(60)
    assert order == ["greedy", "modest", "greedy", "greedy"]


def test_who_computes_has_had_a_turn() -> None:
    turns, inside, release, order = Turns(), threading.Event(), threading.Event(), []
    threads = [hold(turns, inside, release, "greedy")]
    threads += [queued(turns, name, order) for name in ("greedy", "modest")]
    release.set()
    for thread in threads:
        thread.join(60)
    assert order == ["modest", "greedy"]


def test_one_visitor_leaves_room_in_the_line_for_another() -> None:
    turns, inside, release, order = Turns(1, most_waiting=4), threading.Event(), threading.Event(), []
    threads = [hold(turns, inside, release)]
    threads += [queued(turns, "greedy", order) for _ in range(3)]
    with pytest.raises(LineFull, match="3 of your pages wait"), turns.taken(who="greedy"):
        pytest.fail("got a turn")
    threads.append(queued(turns, "modest", order))
    release.set()
    for thread in threads:
        thread.join(60)
    assert order == ["greedy", "modest", "greedy", "greedy"]
