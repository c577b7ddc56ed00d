"""Serves `/metrics`, and `/healthz` for whoever asks only whether the daemon is well.

One thread listens to all clients at once and answers whoever has asked in full; who takes too long is hung up on.
"""

from __future__ import annotations

import io
import logging
import selectors
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, cast

from edge.errors import UnavailableError
from edge.metrics import CONTENT_TYPE, MetricsSettings, render

log = logging.getLogger(__name__)

POLL_S = 0.2  # how soon `stop` is noticed
PATIENCE_S = 3.0  # for a whole request, and as long again for its answer
MOST = 32  # clients heard at once
LONGEST = 65_536  # bytes of a request

Picture = Callable[[], Mapping[str, Any]]


class Exporter:
    """The listening port; raises UnavailableError if it cannot be had."""

    name = "metrics"

    def __init__(self, settings: MetricsSettings) -> None:
        place = f"metrics: {settings.host}:{settings.port}"
        try:
            family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
            self._server = _Server(family, address)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UnavailableError(f"{place}: {reason}; set another host or port in [metrics]") from error

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def serve(self, picture: Picture, stop: threading.Event) -> None:
        """Answer requests until `stop` is set."""
        self._server.picture = picture
        asking: dict[socket.socket, _Asking] = {}
        with selectors.DefaultSelector() as ready:
            ready.register(self._server, selectors.EVENT_READ)
            while not stop.is_set():
                heard, now = ready.select(POLL_S), time.monotonic()
                for key, _ in heard:
                    if key.fileobj is self._server:
                        self._accept(ready, asking)
                    else:
                        self._hear(cast(socket.socket, key.fileobj), ready, asking)
                for wire in [wire for wire, one in asking.items() if now > one.until]:
                    self._let_go(wire, ready, asking)
                    self._server.shutdown_request(wire)
            for wire in asking:
                self._server.shutdown_request(wire)

    def _accept(self, ready: selectors.BaseSelector, asking: dict[socket.socket, _Asking]) -> None:
        with suppress(OSError):
            wire, address = self._server.get_request()
            if len(asking) == MOST:  # the one that has taken longest gives way
                oldest = next(iter(asking))
                self._let_go(oldest, ready, asking)
                self._server.shutdown_request(oldest)
            wire.setblocking(False)
            asking[wire] = _Asking(address, time.monotonic() + PATIENCE_S)
            ready.register(wire, selectors.EVENT_READ)

    def _hear(self, wire: socket.socket, ready: selectors.BaseSelector, asking: dict[socket.socket, _Asking]) -> None:
        if wire not in asking:
            return
        one = asking[wire]
        try:
            said = wire.recv(LONGEST)
        except OSError:
            said = b""
        one.head += said
        ended = b"\r\n\r\n" in one.head or b"\n\n" in one.head
        if said and not ended and len(one.head) < LONGEST:
            return
        self._let_go(wire, ready, asking)
        self._server.answer(wire, one)

    @staticmethod
    def _let_go(wire: socket.socket, ready: selectors.BaseSelector, asking: dict[socket.socket, _Asking]) -> None:
        ready.unregister(wire)
        del asking[wire]

    def close(self) -> None:
        self._server.server_close()


@dataclass(slots=True)
class _Asking:
    """A client that has not asked in full yet."""

    address: Any
    until: float
    head: bytes = b""


class _Server(socketserver.TCPServer):
    allow_reuse_address = True
    picture: Picture
    head = b""

    def __init__(self, family: int, address: Any) -> None:
        self.address_family = family
        super().__init__(address, _Handler)

    def answer(self, wire: socket.socket, one: _Asking) -> None:
        self.head = one.head
        wire.settimeout(PATIENCE_S)  # of a sendall this is the limit as a whole
        try:
            self.process_request(wire, one.address)
        except Exception:
            log.debug("metrics: %s was not answered", one.address, exc_info=True)
            self.shutdown_request(wire)


class _Handler(BaseHTTPRequestHandler):
    server_version = "vedette"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(io.BytesIO(cast(_Server, self.server).head))

    def do_GET(self) -> None:
        picture = cast(_Server, self.server).picture
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, CONTENT_TYPE, render(picture()))
        elif path == "/healthz":
            told = picture()
            self._answer(503 if told["fault"] else 200, "text/plain", f"{told['fault'] or told['summary']}\n".encode())
        else:
            self._answer(404, "text/plain", b"there is /metrics and /healthz\n")

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        log.debug("metrics: %s", format % args)
