"""A bucket of an S3-compatible server (Garage, Ceph, MinIO…), read with the `minio` client: the extra `vedette[s3]`.

However slowly it answers, an object is there after a few seconds, or refused: the time is that of all of it, from the
connection to the last byte, since a server that sends a byte now and then would outlast any patience between two.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPResponse
from io import BufferedReader, BytesIO, RawIOBase
from socket import socket
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.error import MinioException
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import Retry

from edge.api import faults
from edge.api.buckets import Away, AwayFault, refused
from edge.api.faults import Fault
from edge.endpoint import BucketSettings
from edge.errors import ConfigError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

CONNECT, WHOLE = 2.0, 5.0  # seconds: to be let in, for all of an object
PART = 1 << 18
SPARE = 1 << 20  # bytes beside those of an object
# No name for a bucket or an object, a server that is away, and answers that make no sense.
FAILURES = (MinioException, HTTPError, OSError, ValueError, ParseError)
ABSENT = (403, 404)  # statuses of who asks for what is not there, or not for them


class Server:
    """May be shared between threads."""

    def __init__(self, name: str, settings: BucketSettings, away: Away) -> None:
        """Connects to nobody yet; raises ConfigError."""
        self._name = name
        self._away = away
        self._bucket = settings.bucket or name
        url = urlsplit(settings.endpoint)
        http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT, read=WHOLE),
            retries=_Retry(connect=0, read=1, redirect=False),
            maxsize=8,
            ca_certs=str(settings.ca_file) if settings.ca_file else None,
        )
        http.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        try:
            self._client = Minio(
                url.netloc,
                settings.key_id or None,
                settings.secret_key() or None,
                secure=url.scheme == "https",
                region=settings.region,
                http_client=http,
            )
        except ValueError as error:
            raise ConfigError(f"api.buckets.{name}.endpoint: {error}") from error

    def read(self, key: str, most: int) -> bytes:
        """Raises Fault for an object that cannot be had, and AwayFault where its server is to blame."""
        try:
            with self._away(), _limited(most + SPARE):
                response = self._client.get_object(self._bucket, key)
                try:
                    return _taken(response, most)
                finally:
                    response.close()
                    response.release_conn()
        except FAILURES as error:
            raise self._refused(key, error) from error

    def write(self, key: str, data: bytes) -> None:
        """Raises Fault where it cannot be put there, whoever is to blame."""
        try:
            with self._away(), _limited(SPARE):
                self._client.put_object(self._bucket, key, BytesIO(data), len(data))
        except FAILURES as error:
            raise self._refused(key, error) from error

    def _refused(self, key: str, error: Exception) -> Fault:
        absent = isinstance(error, ValueError) or _status(error) in ABSENT
        reason = getattr(error, "reason", error)  # that of all tries together, if there were several
        fault = refused(self._name, key, reason, logging.INFO if absent else logging.WARNING)
        return fault if absent else AwayFault(fault.code, fault.message, fault.status)


def _taken(response: BaseHTTPResponse, most: int) -> bytes:
    """In parts, so that no more of a large object is read."""
    if int(response.headers.get("content-length", 0)) > most:
        raise faults.image_too_large()
    data = bytearray()
    while part := response.read1(PART, decode_content=False):
        data += part
        if len(data) > most:
            raise faults.image_too_large()
    return bytes(data)


def _status(error: Exception) -> int | None:
    """Of an answer that minio understood, or did not."""
    return getattr(getattr(error, "response", None), "status", None) or getattr(error, "_code", None)


# Each thread has so long, and takes so many bytes.


class _Limit:
    def __init__(self, seconds: float, size: int) -> None:
        self._end = time.monotonic() + seconds
        self._size = size

    def seconds(self) -> float:
        """How many are left. Raises TimeoutError."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def count(self, size: int) -> None:
        self._size -= size
        if self._size < 0:
            raise OSError("the server sends more than it was asked for")


_LIMIT = ContextVar[_Limit]("limit")


@contextmanager
def _limited(size: int) -> Iterator[None]:
    before = _LIMIT.set(_Limit(WHOLE, size))
    try:
        yield
    finally:
        _LIMIT.reset(before)


class _Received(RawIOBase):
    """What comes through a socket, within the limit of who reads."""

    def __init__(self, wire: socket) -> None:
        self._wire = wire
        self._raw = wire.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        limit = _LIMIT.get()
        self._wire.settimeout(limit.seconds())
        size = self._raw.readinto(buffer)
        limit.count(size or 0)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket, *given: Any, **named: Any) -> None:
        super().__init__(sock, *given, **named)
        self.fp.close()
        self.fp = BufferedReader(_Received(sock))


class _Retry(Retry):
    """Once more after a kept connection that has been closed; not after a server that was too slow."""

    def increment(self, *given: Any, **named: Any) -> Self:
        if isinstance(error := named.get("error"), ReadTimeoutError):
            raise error
        return super().increment(*given, **named)


class _Connection(HTTPConnection):
    response_class = _Response

    def connect(self) -> None:
        self.timeout = min(CONNECT, _LIMIT.get().seconds())
        super().connect()


class _SecureConnection(HTTPSConnection):
    response_class = _Response

    def connect(self) -> None:
        self.timeout = min(CONNECT, _LIMIT.get().seconds())
        super().connect()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
