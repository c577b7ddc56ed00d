"""The service on HTTP: uvicorn, and Starlette for what is not POST /, in one event loop that never waits for anything.

Whatever takes time, from the hash of a body to an inference, is done by a few worker threads.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import resource
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from edge import status
from edge.api import capabilities, faults
from edge.api.faults import Fault
from edge.api.http import IDLE_S, Manners, Protocol
from edge.api.messages import Answer, Head
from edge.api.service import Asked, Service
from edge.endpoint import MB, ApiSettings
from edge.errors import UnavailableError

GRACE_S = 5  # when we stop, requests in work have so long to be finished
PICTURE_S = 3.0  # in which it must be told
FRESH_S = 1.0  # so old the picture may be that /healthz tells
BACKLOG = 512
TICKS = 10  # of uvicorn's, which last a tenth of a second
SPARE = 512  # file descriptors for all that is no client
THERE_IS = "There is POST /, GET /healthz and GET /capabilities"

Picture = Callable[[], Mapping[str, Any]]


class Door:
    """Where clients come in: a port that is listened at already, and the certificate that is shown there.

    Raises UnavailableError if the port cannot be had, ConfigError for a certificate that is none.
    """

    def __init__(self, settings: ApiSettings) -> None:
        self.tls = settings.tls()
        self.socket = _bound(settings)

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def close(self) -> None:
        self.socket.close()


class Server:
    """The service at a door, which it closes; it opens its own unless it is given one."""

    name = "api"

    def __init__(self, service: Service, door: Door | None = None) -> None:
        self._service = service
        self._door = door or Door(service.settings)
        _allow_files(2 * service.settings.connections + SPARE)

    @property
    def port(self) -> int:
        return self._door.port

    def serve(self, picture: Picture, stop: threading.Event) -> None:
        """Answer requests until `stop` is set, and then those that are in work."""
        with (
            ThreadPoolExecutor(self._service.line.threads, thread_name_prefix="api") as workers,
            ThreadPoolExecutor(1, thread_name_prefix="api-health") as aside,
        ):
            front = _Front(self._service, workers, aside, picture)
            asyncio.run(_Uvicorn(front, self._service, self._door, stop).serve())

    def close(self) -> None:
        self._door.close()


class _Uvicorn(uvicorn.Server):
    """Uvicorn on our socket, with our protocol, until our event; it handles no signals and configures no logs."""

    def __init__(self, front: _Front, service: Service, door: Door, stop: threading.Event) -> None:
        super().__init__(
            uvicorn.Config(
                front,
                http=Protocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level=logging.WARNING,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=IDLE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        settings = service.settings

        def refusal(fault: Fault, host: str) -> Answer:
            return service.refuse(service.begin(Head("", "", "", (), _address(host))), fault)  # it could not be read

        self._manners = Manners(settings.patience, settings.connections, refusal)
        self._front = front
        self._door = door
        self._stop = stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - ours is open already
        await self.lifespan.startup()
        patience = self._manners.patience if self._door.tls else None
        self.servers = [
            await asyncio.get_running_loop().create_server(
                lambda: Protocol(self.config, self.server_state, self._manners),
                sock=self._door.socket,
                ssl=self._door.tls,
                backlog=BACKLOG,
                ssl_handshake_timeout=patience,
                ssl_shutdown_timeout=patience,
            )
        ]
        self.started = True

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS == 0:
            self._front.tend()
        return await super().on_tick(counter) or self._stop.is_set()


class _Post:
    """POST /, past the layers of Starlette, which are a hundred more calls for each request."""

    def __init__(self, service: Service, workers: Executor) -> None:
        self._service = service
        self._workers = workers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = self._service.begin(_head(scope))
        try:
            answer = await self._answered(asked, receive)
        except asyncio.CancelledError:  # we stop, and have waited long enough
            answer = self._service.refuse(asked, faults.service_unavailable())
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            answer = self._service.refuse(asked, error)
        await _response(answer)(scope, receive, send)

    async def _answered(self, asked: Asked, receive: Receive) -> Answer:
        service = self._service
        self._check_size(asked.head.get("content-length"))
        admitted = service.admit(asked)
        if isinstance(admitted, Answer):
            return admitted
        with _Body(service) as body:
            data = await body.read(receive)
            with service.line.joined():
                return await asyncio.get_running_loop().run_in_executor(self._workers, service.answer, admitted, data)

    def _check_size(self, declared: str) -> None:
        if declared.isdecimal() and int(declared) > self._service.settings.body_mb * MB:
            raise _too_large(self._service.settings)


class _Front:
    """The application."""

    def __init__(self, service: Service, workers: Executor, aside: Executor, picture: Picture) -> None:
        self._service = service
        self._post = _Post(service, workers)
        self._rest = self._app()
        self._aside = aside
        self._picture = picture
        self._tended: Future[None] | None = None
        self._told: asyncio.Future[Mapping[str, Any]] | None = None
        self._told_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        post = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == "/"
        await (self._post if post else self._rest)(scope, receive, send)

    def _app(self) -> Starlette:
        routes = [
            Route("/", self._post, methods=["POST"]),
            Route("/healthz", self._health),
            Route("/capabilities", self._capabilities),
        ]
        app = Starlette(routes=routes, exception_handlers={HTTPException: self._elsewhere, Exception: self._defect})
        app.router.redirect_slashes = False
        return app

    def tend(self) -> None:
        if self._tended is None or self._tended.done():
            self._tended = self._aside.submit(self._service.tend)

    async def _health(self, _: Request) -> Response:
        loop = asyncio.get_running_loop()
        if self._told is None or loop.time() - self._told_at > FRESH_S:
            self._told, self._told_at = loop.run_in_executor(self._aside, self._picture), loop.time()
        try:
            picture = await asyncio.wait_for(asyncio.shield(self._told), PICTURE_S)
        except TimeoutError:
            return PlainTextResponse("the disk or a device keeps everybody waiting\n", 503)
        fault = self._service.fault or status.unfit(picture)
        works = sum(bool(model["name"]) for model in picture["models"].values())
        return PlainTextResponse(f"{fault or f'{works} models work'}\n", 503 if fault else 200)

    async def _capabilities(self, _: Request) -> Response:
        return JSONResponse(capabilities.document(self._service.desk.abilities, self._service.settings))

    async def _elsewhere(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for nothing else
        fault = Fault("UnknownOperationException", THERE_IS, error.status_code)
        response = _response(self._service.refuse(self._service.begin(_head(request.scope)), fault))
        response.headers.update(error.headers or {})
        return response

    async def _defect(self, request: Request, error: Exception) -> Response:
        return _response(self._service.refuse(self._service.begin(_head(request.scope)), error))


class _Body:
    """The body of a request, whose bytes are counted against all that bodies may hold as long as this is open."""

    def __init__(self, service: Service) -> None:
        self._settings = service.settings
        self._room = service.bodies
        self._held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._room.give_back(self._held)

    async def read(self, receive: Receive) -> bytes:
        """Raises Fault if it is too large, or if all bodies together are; or if the client leaves."""
        parts, more = [], True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Fault("RequestAbortedException", "The client has left", 400)
            part, more = message["body"], message["more_body"]
            if self._held + len(part) > self._settings.body_mb * MB:
                raise _too_large(self._settings)
            if not self._room.take(len(part)):
                raise faults.throttling()
            self._held += len(part)
            parts.append(part)
        return b"".join(parts)


def _head(scope: Scope) -> Head:
    raw: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    address = _address(scope["client"][0]) if scope["client"] else ""
    tls = scope["state"].get("tls", {})
    return Head(scope["method"], raw.decode("latin-1"), query.decode("latin-1"), headers, address, tls)


@lru_cache(maxsize=1024)
def _address(host: str) -> str:
    """An IPv4 address as such, also where it came through a socket of IPv6."""
    try:
        return str(getattr(ipaddress.ip_address(host), "ipv4_mapped", None) or host)
    except ValueError:
        return host


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers))


def _too_large(settings: ApiSettings) -> Fault:
    return Fault("RequestEntityTooLargeException", f"The request is larger than {settings.body_mb * MB} bytes", 413)


def _bound(settings: ApiSettings) -> socket.socket:
    """Listening already, so that who comes before the loop runs is answered then."""
    with ExitStack() as undone:
        try:
            family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
            door = undone.enter_context(socket.socket(family))
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(address)
            door.listen(BACKLOG)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            place = f"{settings.host}:{settings.port}"
            raise UnavailableError(f"api: {place}: {reason}; set another host or port in [api]") from error
        # Every connection has this from it. Without, the body waits till the client has acknowledged the head: 40 ms.
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        undone.pop_all()
    return door


def _allow_files(wanted: int) -> None:
    """Have at least so many file descriptors, as far as this process may: without one, no camera can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
