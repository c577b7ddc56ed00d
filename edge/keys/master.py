"""The one secret of a device, in a file beside the database: all that is sealed or signed here stands on it."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from pathlib import Path
from tempfile import NamedTemporaryFile

from edge.database import NAME as DATABASE
from edge.database import no_folder
from edge.errors import MasterKeyError, StorageError
from edge.keys import counting

NAME = "master.key"
SIZE = 32  # bytes
GROUP_AND_OTHERS = 0o077
ANEW = "restore a copy; with another one in its place, the secrets of all access keys are unreadable and must be remade"


class Master:
    """Keys for each purpose, made from the secret, so that no purpose sees another's."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def derive(self, label: bytes) -> bytes:
        """32 bytes: HKDF-SHA256 (RFC 5869) without salt, which its output of one block makes two hashes."""
        inner = hmac.digest(bytes(hashlib.sha256().digest_size), self._secret, "sha256")
        return hmac.digest(inner, label + b"\x01", "sha256")


def open_master(data: Path) -> Master:
    """The secret in `data`/master.key, made now if there is none; only its owner may read it.

    Raises StorageError with the remedy; MasterKeyError if it is gone while secrets are stored, which no other opens.
    """
    file = data / NAME
    try:
        return _read(file)
    except FileNotFoundError as error:
        if counting.stored(data):
            raise MasterKeyError(
                f"{file}: missing, and the access keys in {DATABASE} are sealed under it: put it back, or delete each"
                " with 'vedette keys delete NAME' and make new ones"
            ) from error
        _make(file)
    try:
        return _read(file)
    except FileNotFoundError as error:
        raise StorageError(f"{file}: was taken away the moment it was made; see what cleans {data}") from error


def _make(file: Path) -> None:
    """Whole or not at all; where two processes make it, the first wins."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=file.parent, prefix=".master-") as part:  # which has mode 0600
            part.write(f"{os.urandom(SIZE).hex()}\n")
            part.flush()
            if os.geteuid() == 0:  # an administrator makes it for the daemon, whose folder this is
                owner = file.parent.stat()
                os.fchown(part.fileno(), owner.st_uid, owner.st_gid)
            os.fsync(part.fileno())
            try:
                os.link(part.name, file)
            except FileExistsError:
                return
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise no_folder("data", file.parent, error) from error


def _read(file: Path) -> Master:
    try:
        with open(
            file, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
        ) as stream:
            _check_owner(file, os.fstat(stream.fileno()))
            text = stream.read(4 * SIZE)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(
            f"{file}: {error.strerror}; it must be a file that the user who runs Vedette owns: run this as that user"
        ) from error
    try:
        secret = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        secret = b""
    if len(secret) != SIZE:
        raise StorageError(f"{file}: damaged: it does not hold {SIZE} bytes in hexadecimal; {ANEW}")
    return Master(secret)


def _check_owner(file: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise StorageError(f"{file}: is no file; {ANEW}")
    # Root reads the daemon's; a file of anybody else was put here by somebody else.
    if found.st_uid not in (os.geteuid(), file.parent.stat().st_uid):
        raise StorageError(f"{file}: belongs to user {found.st_uid}; give it to the one who runs Vedette, with chown")
    if found.st_mode & GROUP_AND_OTHERS:
        raise StorageError(f"{file}: others may read or write it; take that away with 'chmod 600 {file}'")
