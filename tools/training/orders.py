"""A device's orders, as a workstation asks for them: signed requests, which are sent again while they cannot arrive."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from signing import Signer
from training.trouble import Say, Trouble, why

from edge.errors import DeniedError, InputError, MissingError, UnavailableError

SERVICE = "VedetteTraining"
TIMEOUT = 60.0  # seconds for an answer
PATIENCE = 600.0  # seconds for a device that is away, before the order is let go
PAUSES = (1.0, 2.0, 5.0, 10.0, 20.0)  # seconds between tries; the last one again and again
CHUNK = 4 << 20  # bytes of a pack that go at once
PAGE = 500
STRANGE = "not as a device answers; check the address"
KEYS = "see 'vedette keys list' on the device"


class LostError(InputError):
    """The order is not ours any more: it was taken over, or withdrawn."""


class TakenError(InputError):
    """Another workstation is at it."""


@dataclass(frozen=True, slots=True)
class Order:
    arn: str
    project: str
    version: str
    feature: str
    task: str
    worker: str
    """Who is at it; empty if nobody is."""

    @property
    def stamp(self) -> str:
        """Which of all versions of this name: the end of its ARN."""
        return self.arn.rpartition("/")[2]

    @property
    def place(self) -> str:
        return f"{self.project}/{self.version}"


@dataclass(frozen=True, slots=True)
class Entry:
    id: int
    test: bool | None
    source: str
    line: str


class Device:
    """What a device offers to who trains for it. May be shared between threads."""

    def __init__(
        self,
        url: str,
        key_id: str,
        secret: str,
        say: Say = lambda _: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`say` is told why the device does not answer, as long as it does not."""
        self.url, host = _address(url)
        if not key_id or not secret:
            raise InputError("an access key is needed: --key-id, and its secret in VEDETTE_SECRET")
        if not (key_id.isascii() and key_id.isprintable()):
            raise InputError(f"--key-id {key_id!r}: no id of an access key; {KEYS}")
        self.trouble = Trouble(say)
        self._signer = Signer(host, key_id, secret, SERVICE)
        self._open = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_trust())
        ).open
        self._pause = pause

    def orders(self) -> list[Order]:
        told = self._ask("ListOrders")
        with self.understood("ListOrders"):
            return [_order(one) for one in told["Orders"]]

    def claim(self, order: Order, worker: str, signer: str) -> Claim:
        """Raises TakenError, LostError, and InputError if the device would not take what is signed so."""
        told = self._ask("ClaimOrder", ProjectVersionArn=order.arn, Worker=worker, Signer=signer)
        with self.understood("ClaimOrder"):
            return Claim(self, order, str(told["Claim"]), float(told["LeaseSeconds"]))

    def ask(self, operation: str, patience: float = PATIENCE, **members: Any) -> dict[str, Any]:
        return self._ask(operation, patience, **members)

    @contextmanager
    def understood(self, operation: str) -> Iterator[None]:
        """Raises UnavailableError for an answer that no device gives."""
        try:
            yield
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise UnavailableError(f"{self.url}: {operation}: answered {STRANGE}") from error

    def _ask(self, operation: str, patience: float = PATIENCE, **members: Any) -> dict[str, Any]:
        """Asked again until `patience` seconds are over; raises UnavailableError then, and what a refusal means."""
        body = json.dumps(members).encode()
        until, pauses = time.monotonic() + patience, _pauses()
        while True:
            try:
                told = self._once(operation, body)
            except _Passing as error:
                trouble, cause = f"{self.url}: {error}", error
            except (OSError, http.client.HTTPException) as error:
                trouble, cause = f"{self.url} does not answer: {why(error)}", error
            else:
                self.trouble.over()
                return told
            if time.monotonic() >= until:
                raise UnavailableError(trouble) from cause
            self.trouble(trouble)
            self._pause(next(pauses))

    def _once(self, operation: str, body: bytes) -> dict[str, Any]:
        request = urllib.request.Request(self.url, body, self._signer.headers(operation, body))  # noqa: S310 - checked
        try:
            with self._open(request, timeout=TIMEOUT) as answer, self.understood(operation):
                return dict(json.loads(answer.read() or b"{}").items())
        except urllib.error.HTTPError as error:
            with error:
                raise _meaning(operation, error.code, error.read()) from error


@dataclass(frozen=True, slots=True)
class Claim:
    """An order that is ours. Every call raises LostError once it is not."""

    device: Device
    order: Order
    claim: str
    lease: float

    def entries(self) -> Iterator[Entry]:
        after = 0
        while part := self._part(after):
            yield from part
            after = part[-1].id

    def _part(self, after: int) -> list[Entry]:
        told = self._ask("GetEntries", After=after, MaxResults=PAGE)
        with self.device.understood("GetEntries"):
            found = [_entry(one) for one in told["Entries"]]
            if any(one.id <= after for one in found):
                raise ValueError("these were asked for before")
            return found

    def picture(self, entry: Entry) -> bytes:
        """Raises MissingError for one that the device cannot get itself."""
        told = self._ask("GetImage", Id=entry.id)
        with self.device.understood("GetImage"):
            return b64decode(told["Bytes"], validate=True)

    def report(self, stage: str, done: float) -> None:
        """Tried once: what matters is that the next one arrives. Raises UnavailableError."""
        self._ask("ReportProgress", patience=0.0, Stage=stage[:256], Done=min(max(done, 0.0), 1.0))

    def fail(self, message: str) -> None:
        self._ask("FailOrder", Message=message[:1024] or "no reason given")

    def send(self, pack: Path, tell: Callable[[float], None] = lambda _: None) -> str:
        """The pack in pieces, from where the device has it; gives the version's status then."""
        data = pack.read_bytes()
        digest, offset, status = sha256(data).hexdigest(), 0, ""
        while offset < len(data):
            piece = data[offset : offset + CHUNK]
            told = self._ask("PutPack", Offset=offset, Size=len(data), Sha256=digest, Bytes=b64encode(piece).decode())
            with self.device.understood("PutPack"):
                offset, status = int(told["Received"]), str(told["Status"])
            tell(offset / len(data))
        return status

    def _ask(self, operation: str, patience: float = PATIENCE, **members: Any) -> dict[str, Any]:
        return self.device.ask(operation, patience, ProjectVersionArn=self.order.arn, Claim=self.claim, **members)


class _Passing(Exception):  # noqa: N818 - a refusal for now
    pass


def _address(url: str) -> tuple[str, str]:
    """The URL of an API, and its host as requests name it."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.path.strip("/")
    except ValueError:  # no port has this number
        sound = None
    if not sound:
        raise InputError(f"{url}: no address of a device; write such as http://porch.lan:8432")
    return f"{parts.scheme}://{parts.netloc}/", parts.netloc


def _trust() -> ssl.SSLContext:
    file = os.environ.get("AWS_CA_BUNDLE")
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:  # ssl.SSLError among them
        raise InputError(
            f"AWS_CA_BUNDLE: {file}: {error.strerror or error}; name a PEM file of certificates"
        ) from error


def _order(told: dict[str, Any]) -> Order:
    names = ("ProjectVersionArn", "ProjectName", "VersionName", "Feature", "Task")
    return Order(*(_text(told[name]) for name in names), _text(told.get("Worker", "")))


def _entry(told: dict[str, Any]) -> Entry:
    return Entry(int(told["Id"]), told.get("Test"), _text(told["SourceRef"]), _text(told["Line"]))


def _text(told: object) -> str:
    if not isinstance(told, str):
        raise TypeError(f"{type(told).__name__} is no text")
    return told


def _pauses() -> Iterator[float]:
    yield from PAUSES
    while True:
        yield PAUSES[-1]


def _meaning(operation: str, status: int, body: bytes) -> Exception:
    try:
        told = json.loads(body)
        code, message = str(told["Code"]), str(told["Message"])
    except (ValueError, KeyError, TypeError):
        return UnavailableError(f"{operation}: answered {status}, and {STRANGE}")
    kind, remedy = MEANINGS.get(code, (InputError, ""))
    return kind(f"{operation}: {message or code}{remedy and f'; {remedy}'}")


MEANINGS: dict[str, tuple[type[Exception], str]] = {
    **dict.fromkeys(("ThrottlingException", "ProvisionedThroughputExceededException"), (_Passing, "")),
    "InternalServerError": (_Passing, ""),
    **dict.fromkeys(("AccessDeniedException", "UnrecognizedClientException"), (DeniedError, KEYS)),
    "InvalidSignatureException": (DeniedError, KEYS),
    "UnknownOperationException": (UnavailableError, "the device is older than this; upgrade it"),
    **dict.fromkeys(("ConflictException", "ResourceNotFoundException"), (LostError, "")),
    "ResourceInUseException": (TakenError, ""),
    **dict.fromkeys(("InvalidS3ObjectException", "ImageTooLargeException"), (MissingError, "")),
}
