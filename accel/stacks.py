"""The stack on which signals are handled: a thread keeps its own, whatever a library puts in its place."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager


class _Stack(ctypes.Structure):
    """stack_t of sigaltstack(2)."""

    _fields_ = (("place", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextmanager
def kept() -> Iterator[None]:
    """Have this thread handle signals where it did before; where there is no sigaltstack, nothing happens.

    Python asks for a stack apart, if there is one. OpenVINO's CPU plugin leaves one of some 11 KB on CPUs with wide
    registers, whose state takes 3 KB a signal: three signals at once, or two and a symbol that is bound just then, run
    over its end (SIGSEGV; seen with 2026.4).
    """
    switch = getattr(ctypes.CDLL(None), "sigaltstack", None)
    if switch is None:
        yield
        return
    before = _Stack()
    switch(None, ctypes.byref(before))
    try:
        yield
    finally:
        switch(ctypes.byref(before), None)
