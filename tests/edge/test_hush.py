"""Decoders' chatter is swallowed, everything else still reaches stderr."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from edge.hush import hushed


def test_only_chatter_is_swallowed(capfd: pytest.CaptureFixture[str]) -> None:
    with hushed():
        os.write(2, b"libpng error: bad filter\nmqtt: connected\nCorrupt JPEG data: 3 bytes\n")
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err == "mqtt: connected\n"
    os.write(2, b"libpng as a user's word\n")
    assert capfd.readouterr().err == "libpng as a user's word\n"


def test_two_threads_may_be_inside_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with hushed():
            inside.set()
            leave.wait()

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()
    with hushed():
        os.write(2, b"libpng warning: one\n")
    os.write(2, b"libpng warning: two\nkept\n")  # the first thread is still inside
    leave.set()
    thread.join()
    assert capfd.readouterr().err == "kept\n"


def test_what_was_said_comes_out_although_somebody_is_always_inside(capfd: pytest.CaptureFixture[str]) -> None:
    with hushed():
        with hushed():
            os.write(2, b"libpng warning: one\nmqtt: connected\nhalf a ")
        assert capfd.readouterr().err == "mqtt: connected\n"
        with hushed():
            os.write(2, b"line\n")
        assert capfd.readouterr().err == "half a line\n"
    assert capfd.readouterr().err == ""


def test_no_descriptor_is_left_open() -> None:
    with hushed():
        pass
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with hushed():
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before
