"""How shots reach a server, and what comes back: replies, silence, or a connection that ends."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from threading import get_ident
from typing import BinaryIO

from tools.fuzzing.shots import Shot

SECONDS = 60.0  # in which a request is answered, whatever else the machine does
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) [ -~]+\r\n")


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


class NotHttpError(Exception):
    """The server said something else."""


class Talker:
    """Clients, one for each thread. What obeys the protocol shares its connection, as clients do that keep theirs."""

    def __init__(self, port: int, patience: float) -> None:
        self._port = port
        self._patience = patience
        self._kept: dict[int, socket.socket] = {}  # by thread

    def close(self) -> None:
        for wire in self._kept.values():
            wire.close()

    def replies(self, shot: Shot) -> list[Reply]:
        """As many as are due, or fewer; raises NotHttpError, and TimeoutError if the server keeps us waiting."""
        if shot.answers != 1 or shot.kind == "odd":
            with closing(self._connected()) as wire:
                return self._alone(wire, shot)
        with ExitStack() as leaving:
            wire = leaving.enter_context(closing(self._kept.pop(get_ident(), None) or self._connected()))
            found = list(_exchange(wire, shot))
            if found and found[-1].headers.get("connection") != "close":
                self._kept[get_ident()] = wire
                leaving.pop_all()
        return found

    def _connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), SECONDS)

    def _alone(self, wire: socket.socket, shot: Shot) -> list[Reply]:
        if shot.answers:
            return list(_exchange(wire, shot))
        # It may hang up before it has read all, and answer or not; but it may not keep us for ever.
        wire.settimeout(SECONDS if shot.then == "half" else self._patience + SECONDS)
        with suppress(ConnectionError):
            wire.sendall(shot.data)
            if shot.then == "half":
                wire.shutdown(socket.SHUT_WR)
            if shot.then != "leave":
                return list(_heard(wire, shot.data, 1))
        return []


def _exchange(wire: socket.socket, shot: Shot) -> Iterator[Reply]:
    with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered already, that it is too much
        wire.sendall(shot.data)
    with suppress(ConnectionError):
        yield from _heard(wire, shot.data, shot.answers)


def _heard(wire: socket.socket, data: bytes, count: int) -> Iterator[Reply]:
    """So many replies, or fewer if the server hangs up before."""
    bodiless = data.startswith(b"HEAD ")
    with wire.makefile("rb") as file:
        while count and (line := file.readline()):
            if not (said := STATUS.fullmatch(line)):
                raise NotHttpError(f"{line!r:.100}")
            headers = _headers(file)
            size = 0 if bodiless else int(headers.get("content-length", "0"))
            body = file.read(size)
            if len(body) < size:
                raise NotHttpError(f"{size} bytes were announced, {len(body)} came")
            if said[1] != b"100":  # which asks for more, all of which is sent already
                count -= 1
                yield Reply(int(said[1]), headers, body)


def _headers(file: BinaryIO) -> dict[str, str]:
    headers = {}
    while line := file.readline().decode("latin-1").rstrip("\r\n"):
        name, colon, value = line.partition(": ")
        if not colon:
            raise NotHttpError(line[:100])
        headers[name.lower()] = value
    return headers
