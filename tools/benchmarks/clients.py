"""Clients of the API, each a process of its own that does as little as it can: ready bytes go out, answers are counted.

usage: python -m benchmarks.clients PORT; each line of its input is a task in JSON, answered by a line.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

CHUNK = 1 << 16
GAP = 0.25  # seconds between two bytes of a slow client
HEAD = b"POST / HTTP/1.1\r\nhost: device\r\ncontent-length: 1000\r\n\r\n"


class Client:
    """A client at work, or waiting for its next task."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def begin(self, **task: Any) -> None:
        assert self._process.stdin  # noqa: S101 - it is a pipe
        print(json.dumps(task), file=self._process.stdin, flush=True)

    def end(self) -> list[float]:
        """Milliseconds of each request."""
        assert self._process.stdout  # noqa: S101 - it is a pipe
        took: list[float] = json.loads(self._process.stdout.readline())
        return took

    def ask(self, **task: Any) -> list[float]:
        """`files` hold requests, which are sent in turn: `count` of them, or as many as go into `seconds`."""
        self.begin(**task)
        return self.end()


@contextmanager
def clients(port: int, count: int) -> Iterator[list[Client]]:
    command = [sys.executable, "-m", "benchmarks.clients", str(port)]
    with ExitStack() as processes:
        yield [Client(processes.enter_context(_started(command))) for _ in range(count)]


@contextmanager
def _started(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def _ask(wire: socket.socket, request: bytes) -> None:
    """Raises ValueError unless it is answered with 200."""
    wire.sendall(request)
    told = wire.recv(CHUNK)
    while (end := told.find(b"\r\n\r\n")) < 0:
        told += wire.recv(CHUNK)
    head = told[:end].lower()
    if not head.startswith(b"http/1.1 200 "):
        raise ValueError(told)
    _, _, rest = head.partition(b"content-length: ")
    left = int(rest.partition(b"\r")[0]) - (len(told) - end - 4)
    while left:
        left -= len(wire.recv(CHUNK))


def _fast(port: int, files: Sequence[str], count: int = 0, seconds: float = 0.0) -> list[float]:
    requests, took = cycle(Path(file).read_bytes() for file in files), list[float]()
    with socket.create_connection(("127.0.0.1", port)) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        until = time.perf_counter() + seconds
        while len(took) < count or time.perf_counter() < until:
            began = time.perf_counter()
            _ask(wire, next(requests))
            took.append(1e3 * (time.perf_counter() - began))
    return took


def _slow(port: int, slow: int, seconds: float) -> list[float]:
    """So many connections, on each of which a byte comes now and then; a new one for each that was closed."""
    with ExitStack() as opened:
        wires = [opened.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(slow)]
        until, sent = time.perf_counter() + seconds, 0
        while time.perf_counter() < until:
            for wire in wires:
                wire.send(HEAD[sent % len(HEAD) : sent % len(HEAD) + 1])
            sent += 1
            time.sleep(GAP)
    return []


def main(port: int) -> None:
    for line in sys.stdin:
        task = json.loads(line)
        print(json.dumps(_slow(port, **task) if "slow" in task else _fast(port, **task)), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
