"""A real web server for tests, that can be told to break off, to redirect, or to answer with another file."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Web:
    """What it serves by path, and what was asked of it. `told` comes before `files`: a status and its headers."""

    scheme: str = "http"
    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    told: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)  # after how many bytes each of the next answers ends
    asked: list[tuple[str, str]] = field(default_factory=list)  # paths and ranges

    def url(self, path: str) -> str:
        return f"{self.scheme}://localhost:{self.port}{path}"


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            web.asked.append((self.path, self.headers.get("Range", "")))
            if self.path in web.told:
                status, headers = web.told[self.path]
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
            elif self.path in web.files:
                self._send(web.files[self.path])
            else:
                self.send_error(404)

        def _send(self, data: bytes) -> None:
            first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
            self.send_response(206 if "Range" in self.headers else 200)
            if "Range" in self.headers:
                self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - first))
            self.end_headers()
            sent = data[first:]
            if web.breaks:
                sent = sent[: web.breaks.pop(0)]
                self.close_connection = True
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Web]:
    """Until the end of the block; over TLS with a context."""
    web = Web("https" if context else "http")
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(web)) as server:
        server.daemon_threads = True
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        web.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()
