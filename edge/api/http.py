"""HTTP as uvicorn reads it, and what uvicorn does not look after: clients that are slow, many, endless or rude.

A request must have arrived in full some seconds after it began; so must the first one after its connection. Where
there are too many connections, the one that has been silent or arriving for longest gives way, never one whose
request is being answered. A body that was refused is read and thrown away, so that the client hears why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from edge.api.faults import Fault
from edge.api.messages import Answer

HEAD_BYTES = 64 << 10  # of a request line and headers
PIPELINED = 8  # requests that a client may send before the first is answered
IDLE_S = 60  # a connection is kept so long between two requests
FAREWELL_S = 1.0  # when we stop, a client has so long to read its answer and say goodbye, as TLS asks; most never do


@dataclass(slots=True)
class Manners:
    """What all connections keep to. `refusal` makes the answer for one that does not, given the client's address."""

    patience: float
    most: int
    refusal: Callable[[Fault, str], Answer]
    waited_for: dict[Protocol, None] = field(default_factory=dict)  # those that are to say something, longest first


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, config: Config, state: ServerState, manners: Manners) -> None:
        super().__init__(config, state, {})
        self._manners = manners
        self._begun = False  # a request is arriving, which was not there in full
        self._head = 0  # bytes that came since and belong to no body
        self._ended = False  # another one did so in the bytes that are being read
        self._stopping = False
        self._said_all = False  # it has closed its own side, and waits for answers
        self._deadline: asyncio.TimerHandle | None = None
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if (secured := transport.get_extra_info("ssl_object")) is not None:
            self.app_state = {"tls": {"version": secured.version() or "", "cipher": (secured.cipher() or [""])[0]}}
        self._wait()
        if len(self.connections) > self._manners.most:
            next(iter(self._manners.waited_for)).hang_up()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._unset_keepalive_if_required()
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._deadline is None and not self._busy:
            self._wait()
        self._ended = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # it is answered as if it had not asked for one, see on_headers_complete
        except httptools.HttpParserError as error:
            ours = error.__context__  # what on_headers_complete raised
            self._refuse(ours if isinstance(ours, Fault) else _no_request("This is no request of HTTP/1.1"))
            return
        if self._in_head and not self._ended:
            self._head += len(data)
            if self._head > HEAD_BYTES:
                self._refuse(_too_much())

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio heeds it
        """Who closes its side after its request still hears the answer; over TLS there is no such half."""
        self._said_all = self._busy and not self.transport.get_extra_info("ssl_object")
        return self._said_all

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun, self._head = True, 0
        if self._deadline is None:
            self._wait()

    def on_headers_complete(self) -> None:
        size = sum(len(name) + len(value) for name, value in self.headers) + len(self.url)
        if size > HEAD_BYTES or len(self.pipeline) >= PIPELINED:
            raise _too_much()
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() != "1.0"):
            raise _no_request("A request of HTTP/1.1 has one header Host")
        super().on_headers_complete()
        if self.parser.should_upgrade() or self.expect_100_continue:
            # What follows an upgrade cannot be read; and who was not told to continue may or may not send its body.
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._begun, self._ended, self._head = False, True, 0
        self._stop_waiting()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._said_all and not self._busy:
            self.transport.close()
        if self.transport.is_closing():
            self._abort_later(FAREWELL_S if self._stopping else None)
        elif self._deadline is None and self.cycle.response_complete:
            self._manners.waited_for[self] = None

    def shutdown(self) -> None:
        self._stopping = True
        super().shutdown()
        if self.transport.is_closing():
            self._abort_later(FAREWELL_S)

    def timeout_keep_alive_handler(self) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """Close; soon even if the client does not read what it was sent."""
        self._stop_waiting()
        self.transport.close()
        self._abort_later()

    @property
    def _in_head(self) -> bool:
        """Or before one, where nothing but line breaks may stand."""
        return not self._begun or self.cycle is None or self.cycle.scope is not self.scope

    @property
    def _busy(self) -> bool:
        """A request has come in full and is not answered yet."""
        return bool(self.pipeline) or not (self.cycle is None or self.cycle.more_body or self.cycle.response_complete)

    def _wait(self) -> None:
        """It has so long to send a request, or the rest of one."""
        self._stop_waiting()
        self._manners.waited_for[self] = None
        self._deadline = self.loop.call_later(self._manners.patience, self._too_slow)

    def _stop_waiting(self) -> None:
        self._manners.waited_for.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        if self._busy:
            self._wait()  # with its next request, which we do not read meanwhile
        elif self._begun and (self._in_head or not self.cycle.response_started):
            self._refuse(Fault("RequestTimeoutException", "The request did not arrive in time", 408))
        else:
            self.hang_up()  # it has not said a word, or was refused and goes on all the same

    def _refuse(self, fault: Fault) -> None:
        """Answer past the application, and hang up; but if a request is in work, once that is answered."""
        if self.transport.is_closing():
            return
        if self._busy:
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        answer = self._manners.refusal(fault, self.client[0] if self.client else "")
        told = [*answer.headers, ("content-length", str(len(answer.body))), ("connection", "close")]
        headers = [*self.server_state.default_headers, *((name.encode(), value.encode()) for name, value in told)]
        lines = [STATUS_LINE[answer.status], *(b"%s: %s\r\n" % header for header in headers), b"\r\n", answer.body]
        self.transport.write(b"".join(lines))
        self.hang_up()

    def _abort_later(self, seconds: float | None = None) -> None:
        if self._end is None:
            self._end = self.loop.call_later(seconds or self._manners.patience, self.transport.abort)


def _no_request(message: str) -> Fault:
    return Fault("SerializationException", message)


def _too_much() -> Fault:
    return Fault("RequestEntityTooLargeException", "The head of the request is too large", 431)
