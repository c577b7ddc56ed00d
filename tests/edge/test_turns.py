"""Cameras come first, and requests come too: by order, whatever the clock says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from edge.turns import Turns
from tests.brokers import until

LONG = 60.0  # longer than any test: who waits so long was not let on


@contextmanager
def asking(turns: Turns, order: list[str]) -> Iterator[Callable[[], None]]:
    """A request that infers once, in a thread of its own; gives what waits until it has begun to wait."""

    def work() -> None:
        with turns.giving_way():
            turns.wait()
            turns.begin()
            order.append("inference")
            turns.end()

    thread = threading.Thread(target=work)
    thread.start()
    yield lambda: until(lambda: turns.waiting)
    thread.join()


@contextmanager
def asking_slowly(turns: Turns) -> Iterator[Callable[[], None]]:
    """A request whose inference is under way until it is told to end, which is here."""
    begun, done = threading.Event(), threading.Event()

    def work() -> None:
        with turns.giving_way():
            turns.wait()
            turns.begin()
            begun.set()
            assert done.wait(LONG)
            turns.end()

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(LONG)
    yield done.set
    thread.join()


def test_a_request_lets_the_frame_in_work_be_finished() -> None:
    turns, order = Turns(LONG), list[str]()
    turns.take_up()
    with asking(turns, order) as waits:
        waits()
        order.append("frame")
        turns.finish()
    assert order == ["frame", "inference"]


def test_cameras_that_never_rest_take_turns_with_requests() -> None:
    turns, order = Turns(LONG), list[str]()
    turns.take_up()
    with asking(turns, order) as waits:
        waits()
        turns.take_up()  # the next frame is in flight before this one is done
        order.append("frame")
        turns.finish()
    assert order == ["frame", "inference"]
    with asking(turns, order) as waits:
        waits()
        order.append("next frame")
        turns.finish()
    assert order[2:] == ["next frame", "inference"]


def test_a_frame_that_takes_long_is_not_waited_for_for_ever() -> None:
    turns, order = Turns(0.01), list[str]()
    turns.take_up()
    with asking(turns, order):
        pass
    assert order == ["inference"]


def test_nobody_waits_while_no_frame_is_in_work() -> None:
    turns = Turns(LONG)
    with turns.giving_way():
        turns.wait()
        turns.take_up()
        turns.finish()
        turns.wait()


def test_who_has_an_inference_under_way_starts_the_next_at_once() -> None:
    """The vision thread may wait for the place that it takes."""
    turns = Turns(LONG)
    with turns.giving_way():
        turns.begin()
        turns.take_up()
        turns.wait()
        turns.begin()
        turns.end()
        turns.wait()
        turns.end()
        turns.finish()
    turns.begin()  # as the vision thread does
    turns.end()
    order = list[str]()
    turns.take_up()
    with asking(turns, order) as waits:
        waits()
        order.append("frame")
        turns.finish()
    assert order == ["frame", "inference"]


def test_requests_infer_one_after_the_other_where_there_are_cameras() -> None:
    turns, order = Turns(LONG), list[str]()
    turns.take_up()
    turns.finish()
    with asking_slowly(turns) as finish, asking(turns, order) as waits:
        waits()
        order.append("slow inference")
        finish()
    assert order == ["slow inference", "inference"]


def test_a_request_that_fails_passes_its_turn_on() -> None:
    turns, order = Turns(LONG), list[str]()
    turns.take_up()
    turns.finish()

    def fails() -> None:
        with suppress(RuntimeError), turns.giving_way():
            turns.wait()
            raise RuntimeError("the device is gone, and nothing was begun")

    failing = threading.Thread(target=fails)
    failing.start()
    failing.join()
    with asking(turns, order):
        pass
    assert order == ["inference"]


def test_without_cameras_requests_infer_side_by_side() -> None:
    turns, order = Turns(LONG), list[str]()
    with asking_slowly(turns) as finish:
        with asking(turns, order):
            pass
        finish()
    assert order == ["inference"]


def test_only_requests_give_way() -> None:
    turns = Turns(LONG)
    turns.take_up()
    turns.wait()  # this thread works for nobody
    with turns.giving_way():
        pass
    turns.wait()


def test_a_vision_thread_that_ends_holds_nobody_up() -> None:
    turns, order = Turns(LONG), list[str]()
    turns.take_up()
    with asking(turns, order) as waits:
        waits()
        turns.leave()
    assert order == ["inference"]
