"""Named buckets: a folder of this device, or a bucket of an S3-compatible server; a key never leads out of either.

A client learns no more than Rekognition would say: that the object cannot be had. Why stands in the log. Who waits for
a server is `away` meanwhile, and keeps nobody from working.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

from edge.api import faults
from edge.api.faults import Fault
from edge.endpoint import BucketSettings
from edge.errors import ConfigError

log = logging.getLogger(__name__)

ASIDE = ("", ".", "..")  # steps that name no file of their own: what is asked for must be written plainly
LONGEST_REASON = 200  # characters: a server may answer a book

Away = Callable[[], AbstractContextManager[None]]


class AwayFault(Fault):
    """The object cannot be had now: its server does not answer as it should, which says nothing of the object."""


class Bucket(Protocol):
    def read(self, key: str, most: int) -> bytes:
        """The object, of at most so many bytes; raises Fault."""

    def write(self, key: str, data: bytes) -> None:
        """Put an object there, in place of one of the same key; raises Fault."""


class Buckets:
    """Every bucket of the configuration by its name."""

    def __init__(self, settings: Mapping[str, BucketSettings], away: Away = nullcontext) -> None:
        """Raises ConfigError for a server whose client is not installed, or whose secret cannot be read."""
        self._buckets = {name: _opened(name, one, away) for name, one in settings.items()}

    def read(self, bucket: str, key: str, most: int) -> bytes:
        """An object of at most so many bytes; raises Fault."""
        found = self._buckets.get(bucket)
        if found is None:
            raise refused(bucket, key, "no such bucket in [api.buckets]")
        return found.read(key, most)

    def write(self, bucket: str, key: str, data: bytes) -> None:
        """Put an object there, in place of one of the same key; raises Fault."""
        found = self._buckets.get(bucket)
        if found is None:
            raise refused(bucket, key, "no such bucket in [api.buckets]")
        found.write(key, data)

    def __contains__(self, bucket: object) -> bool:
        return bucket in self._buckets


def _opened(name: str, settings: BucketSettings, away: Away) -> Bucket:
    if settings.folder:
        return Folder(name, settings.folder)
    try:
        from edge.api.s3 import Server
    except ImportError as error:
        raise ConfigError(
            f"api.buckets.{name}: an endpoint takes the 'minio' client: run pip install 'vedette[s3]'"
        ) from error
    return Server(name, settings, away)


def refused(bucket: str, key: str, reason: object, level: int = logging.INFO) -> Fault:
    """Logged with its reason, answered without."""
    log.log(level, "bucket %s: %r cannot be had: %s", bucket, key, " ".join(str(reason)[:LONGEST_REASON].split()))
    return faults.invalid_s3_object()


class Folder:
    """The files below a folder, whose paths from there are the keys. Links are followed, but not out of the folder."""

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        self._path = path

    def read(self, key: str, most: int) -> bytes:
        if set(key.split("/")) & set(ASIDE):
            raise refused(self._name, key, "not a plain path")
        try:
            return self._read(key, most)
        except (OSError, ValueError) as error:  # a null character, or half a surrogate pair
            raise refused(self._name, key, error) from error

    def write(self, key: str, data: bytes) -> None:
        if set(key.split("/")) & set(ASIDE):
            raise refused(self._name, key, "not a plain path")
        path = self._path / key
        part = path.with_name(f".{path.name}.part")
        try:
            if not path.parent.resolve().is_relative_to(self._path.resolve(strict=True)):
                raise refused(self._name, key, "it lies outside the folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            try:
                with part.open("xb") as stream:  # through no link
                    stream.write(data)
                    stream.flush()
                    os.fsync(stream.fileno())
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links that go round
            raise refused(self._name, key, error, logging.WARNING) from error

    def _read(self, key: str, most: int) -> bytes:
        """The handle that was looked at is the one that is read, so nobody can put another file in its place."""
        with _named(self._path) as folder, _named(key, folder) as file:
            found = os.fstat(file)
            if not _link(file).readlink().is_relative_to(_link(folder).readlink()):
                raise refused(self._name, key, "it lies outside the folder")
            if not stat.S_ISREG(found.st_mode):
                raise refused(self._name, key, "not a regular file")
            if found.st_size > most:
                raise faults.image_too_large()
            with _link(file).open("rb") as stream:
                data = stream.read(most + 1)
        if len(data) > most:  # it has grown
            raise faults.image_too_large()
        return data


@contextmanager
def _named(path: Path | str, folder: int | None = None) -> Iterator[int]:
    """A handle that only names a file: to open a pipe or a device in earnest could wait, or do something."""
    number = os.open(path, os.O_PATH | os.O_CLOEXEC, dir_fd=folder)
    try:
        yield number
    finally:
        os.close(number)


def _link(number: int) -> Path:
    """Opens the same file again; read as a link, it tells where that really lies."""
    return Path(f"/proc/self/fd/{number}")
