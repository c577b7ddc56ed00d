"""A service with made-up operations and real keys, requests that botocore signs, and a server on a port of its own."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from edge import database
from edge.abilities import Abilities
from edge.api.audit import Audit
from edge.api.desk import Desk
from edge.api.limits import Line
from edge.api.messages import Answer, Head
from edge.api.server import Server
from edge.api.service import Service
from edge.api.tokens import Tokens
from edge.endpoint import ApiSettings
from edge.keys import Keys, open_master
from edge.keys.policy import Policy

SECONDS = 10.0  # that no test waits longer for an answer

Operate = Callable[[Desk, Mapping[str, Any]], Mapping[str, Any]]
Headers = tuple[tuple[str, str], ...]


def count_faces(_: Desk, members: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"StatusCode": len(members["CollectionId"]), "CollectionArn": "arn", "FaceModelVersion": "1"}


@dataclass
class Door:
    """`operations` may be changed at any time."""

    service: Service
    keys: Keys
    key_id: str
    secret: str
    folder: Path
    operations: dict[str, Operate] = field(default_factory=dict)

    def sign(self, operation: str, body: bytes = b"{}", **more: Any) -> Headers:
        return sign(self.key_id, self.secret, operation, body, **more)

    def ask(self, operation: str, body: bytes = b"{}", headers: Headers | None = None, **head: Any) -> Answer:
        """As a transport does."""
        told = self.sign(operation, body) if headers is None else headers
        return through(self.service, replace(Head("POST", "/", "", told, "192.0.2.7"), **head), body)

    def told(self) -> list[dict[str, Any]]:
        """The audit's records."""
        texts = [file.read_text("utf-8") for file in sorted((self.folder / "audit").glob("*.jsonl"))]
        return [json.loads(line) for text in texts for line in text.splitlines()]


def through(service: Service, head: Head, body: bytes) -> Answer:
    admitted = service.admit(service.begin(head))
    return admitted if isinstance(admitted, Answer) else service.answer(admitted, body)


def code(answer: Answer) -> str:
    """The name of the exception, or "ok"."""
    return "ok" if answer.status == 200 else str(json.loads(answer.body)["Code"])


def message(answer: Answer) -> str:
    return str(json.loads(answer.body)["Message"])


def sign(  # noqa: PLR0917 - what a client may choose
    key_id: str,
    secret: str,
    operation: str,
    body: bytes = b"{}",
    host: str = "device:8432",
    query: str = "",
    kind: str | None = "application/x-amz-json-1.1",
) -> Headers:
    request = AWSRequest(method="POST", url=f"http://{host}/{query}", data=body)
    request.headers["X-Amz-Target"] = f"RekognitionService.{operation}"
    if kind is not None:
        request.headers["Content-Type"] = kind
    SigV4Auth(Credentials(key_id, secret), "rekognition", "eu-west-1").add_auth(request)
    return (("Host", host), *request.headers.items())


@contextmanager
def door(folder: Path, *, policies: list[Policy] | None = None, quota: float = 0.0, **settings: Any) -> Iterator[Door]:
    operations: dict[str, Operate] = {"CreateCollection": count_faces}
    master = open_master(folder)
    audit = Audit(folder / "audit", master.derive(b"audit"))
    with closing(Keys(database.connect(folder), master)) as keys, closing(audit):
        key, secret = keys.create("tester", policies, quota)
        desk = Desk(Abilities(), None, None, Tokens(b"secret"), None, "us-east-1", "123456789012")  # type: ignore[arg-type]
        api = ApiSettings(**settings)
        service = Service(desk, keys, audit, api, operations, Line(api.workers, api.queue))
        yield Door(service, keys, key.id, secret, folder, operations)


@dataclass
class Running:
    """A served door. `host` is where clients find it."""

    door: Door
    port: int
    stop: threading.Event
    thread: threading.Thread

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), SECONDS)

    def request(self, operation: str = "CreateCollection", body: bytes = b'{"CollectionId":"people"}') -> bytes:
        """As it goes over the wire."""
        headers = [*self.door.sign(operation, body, host=self.host), ("Content-Length", str(len(body)))]
        lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
        return "\r\n".join(lines).encode() + body


@contextmanager
def running(folder: Path, picture: Callable[[], Mapping[str, Any]] | None = None, **settings: Any) -> Iterator[Running]:
    with door(folder, **settings) as opened, closing(Server(opened.service)) as server:
        stop = threading.Event()
        told = picture or (lambda: {"models": {}})
        thread = threading.Thread(target=server.serve, args=(told, stop))
        port = server.port
        thread.start()
        try:
            yield Running(opened, port, stop, thread)
        finally:
            stop.set()
            thread.join()
            logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)
