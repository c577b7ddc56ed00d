"""Decoders' chatter is swallowed, everything else still reaches stderr."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from edge.hush import hushed, spare_python


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


def test_what_python_writes_is_not_held_back_nor_taken_for_chatter(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", os.fdopen(2, "w", closefd=False))
    spare_python()
    with hushed():
        os.write(2, b"libpng warning: half a ")
        sys.stderr.write("camera door: online\n")
        assert capfd.readouterr().err == "camera door: online\n"
        os.write(2, b"line\n")
    assert capfd.readouterr().err == ""


def test_without_a_stderr_there_is_nothing_to_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)  # as under pythonw, or with 2>&-
    spare_python()
    assert sys.stderr is None
