"""Taking single files out of wheels and npm tarballs that nobody vouches for.

Nothing is unpacked: members are found by their exact name and handed out as streams, so no path, link or
mode in an archive ever reaches the disk. Who reads a stream stops at the size the manifest declares.
"""

from __future__ import annotations

import errno
import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISLNK
from typing import IO

from edge.errors import InputError

CHUNK = 1 << 20
# What zipfile, tarfile, gzip and zlib raise over damaged bytes, odd compression, encryption and odd numbers.
DAMAGE: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    OSError,
)
# The largest package we name unfolds to 0.2 GB.
MOST_UNFOLDED = 4 << 30


def members(archive: Path, paths: Collection[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Each of `paths` that the archive holds as a plain file, open for reading until the next is asked for.

    Damage may show at any step and in any read, so the caller's loop stands in `damage_reported`. A path
    that is not there is simply not yielded.
    """
    opener = _wheel if zipfile.is_zipfile(archive) else _tarball
    yield from opener(archive, paths)


@contextmanager
def damage_reported(archive: Path) -> Iterator[None]:
    """Damage as one InputError."""
    try:
        yield
    except DAMAGE as error:
        # A member that claims to lie before the file's beginning is damage; a full disk is not.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise InputError(f"{archive}: damaged or cut short ({error}); remove it and pull again") from error


def _wheel(archive: Path, paths: Collection[str]) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as wheel:
        for entry in wheel.infolist():
            if entry.filename in paths and not entry.is_dir() and not S_ISLNK(entry.external_attr >> 16):
                with wheel.open(entry) as stream:
                    yield entry.filename, stream


def _tarball(archive: Path, paths: Collection[str]) -> Iterator[tuple[str, IO[bytes]]]:
    with gzip.open(archive) as unfolded, tarfile.open(fileobj=_Bounded(unfolded), mode="r:") as tarball:
        for entry in tarball:
            if entry.name in paths and entry.isreg():
                stream = tarball.extractfile(entry)
                if stream is not None:
                    yield entry.name, stream


class _Bounded(io.RawIOBase):
    """A stream that refuses to be read in huge pieces or far ahead: tarfile believes what headers claim."""

    def __init__(self, inner: gzip.GzipFile) -> None:
        super().__init__()
        self._inner = inner

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= CHUNK:
            raise tarfile.ReadError("a header claims more than a header can hold")
        return self._inner.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if offset > MOST_UNFOLDED:
            raise tarfile.ReadError("it unfolds to more than any package holds")
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()
