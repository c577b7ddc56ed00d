"""Somebody between a client and the server, who may change a word of what was signed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SAID, HEARD = b"people", b"robots"


@contextmanager
def meddling(url: str, heard: bytes = HEARD) -> Iterator[str]:
    """An endpoint that passes everything on, but `people` in a body as that; a header that stands twice but once."""

    class Meddler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert SAID in body
            onward = HTTPConnection(urlsplit(url).netloc, timeout=30)
            onward.request("POST", self.path, body.replace(SAID, heard), dict(self.headers))
            answer = onward.getresponse()
            told = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told)
            onward.close()

        def log_message(self, *_: object) -> None:
            """It keeps quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Meddler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
