"""Threads that end together, asked by anyone."""

from __future__ import annotations

import logging

import pytest

from edge.threads import Threads


def test_who_is_asked_in_a_signal_handler_ends_once_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    threads = Threads()
    assert not threads.over(0.0)
    with threads.stop._cond:  # the handler came while the main thread looked at it
        threads.ask("SIGTERM")
        threads.ask("SIGINT")
    assert not caplog.records
    with caplog.at_level(logging.INFO):
        assert threads.over(0.0)
        assert threads.over(0.0)
    assert caplog.messages == ["stopping on SIGTERM"]
    assert threads.stop.is_set()


def test_the_first_that_dies_ends_all_and_its_error_is_raised() -> None:
    threads = Threads()
    threads.spawn("clock", lambda: 1 / 0).join()
    assert threads.over(0.0)
    with pytest.raises(ZeroDivisionError):
        threads.check()
