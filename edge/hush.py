"""Keeps what libjpeg, libpng, TFLite and OpenVINO print of their own accord off the user's terminal."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# They write straight to file descriptor 2, and there is no way to ask them not to.
CHATTER = (
    b"libpng ",
    b"Application transferred too",
    b"Corrupt JPEG data",
    b"E0000 00:00:",
    b"INFO: Created TensorFlow Lite",
    b"Inconsistent progression sequence",
    b"Invalid SOS parameters",
    b"Premature end of JPEG",
    b"Unknown Adobe color transform",
    b"WARNING: All log messages before absl::InitializeLog",
    b"W0000 00:00:",
    b"Warning: unknown JFIF revision",
)
STDERR = 2

_lock = threading.Lock()
_inside = 0
_kept = -1  # the real stderr, while it is replaced
_caught = -1
_told = 0  # bytes of what was caught that were looked at


def spare_python() -> None:
    """Have `sys.stderr` write past all that is hushed, to be called before anything is.

    libpng prints a line in two writes: a record of the log between them would be taken for a part of its chatter.
    """
    try:
        if sys.stderr.fileno() == STDERR:
            sys.stderr = os.fdopen(os.dup(STDERR), "w", 1, sys.stderr.encoding, "backslashreplace", closefd=False)
    except (AttributeError, OSError, ValueError):  # there is none, or it is not a descriptor's
        return


@contextmanager
def hushed() -> Iterator[None]:
    """Hold back this process's stderr; afterwards, what is not a decoder's chatter is printed after all."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _kept, _caught, _told  # noqa: PLW0603 - a process has one stderr
    with _lock:
        if _inside == 0:
            try:
                _kept = os.dup(STDERR)
            except OSError:  # there is no stderr to protect
                _kept = -1
            else:
                _caught, _told = os.memfd_create("stderr"), 0
                os.dup2(_caught, STDERR)
        _inside += 1


def _leave() -> None:
    global _inside  # noqa: PLW0603 - a process has one stderr
    with _lock:
        _inside -= 1
        if _kept < 0:
            return
        if not _inside:
            os.dup2(_kept, STDERR)  # first: what is written from now on is not caught
        _pass_on(whole=not _inside)
        if not _inside:
            os.close(_kept)
            os.close(_caught)


def _pass_on(*, whole: bool) -> None:
    """Print what was caught so far: where pictures are decoded all the time, nobody may ever be the last to leave.

    A line that is not complete waits, unless it is the `whole` rest.
    """
    global _told  # noqa: PLW0603 - as above
    caught = os.pread(_caught, os.fstat(_caught).st_size - _told, _told)
    lines = caught.splitlines(keepends=True)
    if lines and not whole and not lines[-1].endswith(b"\n"):
        lines.pop()
    _told += sum(map(len, lines))
    if others := b"".join(line for line in lines if not line.startswith(CHATTER)):
        os.write(_kept, others)
