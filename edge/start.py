"""Where a command begins: until all is loaded, which takes a small board seconds, Ctrl-C ends it without a word.

Afterwards it raises KeyboardInterrupt, as everywhere in Python. Nothing of what takes long is imported here.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """An interrupt that is ignored already, as in a shell's background job, stays so."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, before)


def main() -> int:
    """`vedette`; gives its exit status."""
    with loading():
        from edge.cli import main
    return main()
