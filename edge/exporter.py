"""Serves `/metrics`, and `/healthz` for whoever asks only whether the daemon is well.

One thread answers one request after the other; a client gets a few seconds in all, so that a slow one wedges nothing.
"""

from __future__ import annotations

import io
import logging
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any, cast

from edge.errors import UnavailableError
from edge.metrics import CONTENT_TYPE, MetricsSettings, render

log = logging.getLogger(__name__)

POLL_S = 0.2  # how soon `stop` is noticed
PATIENCE_S = 3.0  # for a whole request, and as long again for its answer

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
        """Answer one request after the other until `stop` is set."""
        self._server.picture = picture
        while not stop.is_set():
            self._server.handle_request()

    def close(self) -> None:
        self._server.server_close()


class _Server(socketserver.TCPServer):
    allow_reuse_address = True
    timeout = POLL_S
    picture: Picture

    def __init__(self, family: int, address: Any) -> None:
        self.address_family = family
        super().__init__(address, _Handler)

    def handle_error(self, _request: Any, client_address: Any) -> None:
        """Called inside an `except`; the base class would print a traceback."""
        log.debug("metrics: %s was not answered: %r", client_address, sys.exc_info()[1])


class _Hurried(io.RawIOBase):
    """What a client sends, as long as it sends it before the deadline."""

    def __init__(self, wire: socket.socket, deadline: float) -> None:
        self._wire = wire
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._wire.settimeout(left)
        return self._wire.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    server_version = "vedette"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_Hurried(self.connection, time.monotonic() + PATIENCE_S))

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

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.connection.settimeout(PATIENCE_S)  # of a sendall this is the limit as a whole
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        log.debug("metrics: %s", format % args)
