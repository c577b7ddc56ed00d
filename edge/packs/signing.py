"""Ed25519 keys and signatures (RFC 8032): who made a file. A key goes by the SHA-256 of its public half."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from edge.errors import InputError, MissingError, StorageError

PUBLIC, SIGNATURE = 32, 64  # bytes


class SigningKey:
    """The secret half of a key. `public` is its other half, which every signed file carries."""

    def __init__(self, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


def fingerprint(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()


def verified(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the owner of this key signed these very bytes."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def open_key(file: Path) -> tuple[SigningKey, bool]:
    """The key in a file, and whether it was made now because there was no such file; only its owner may read it.

    The file holds the 32 bytes of the secret half in hexadecimal. Raises InputError, MissingError or StorageError.
    """
    try:
        return _read(file), False
    except FileNotFoundError:
        pass
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}; name a key file that this user may read") from error
    if not file.parent.is_dir():
        raise MissingError(f"{file}: there is no folder {file.parent}; make it, or name a file elsewhere")
    seed = os.urandom(PUBLIC)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(f"{seed.hex()}\n")
            out.flush()
            os.fsync(out.fileno())
        os.link(part, file)  # never in the place of another
    except FileExistsError:
        return _read(file), False
    except OSError as error:
        raise StorageError(f"{file}: {error.strerror}; name a file elsewhere, or make room") from error
    finally:
        part.unlink(missing_ok=True)
    return SigningKey(seed), True


def _read(file: Path) -> SigningKey:
    with file.open("rb") as stream:
        text = stream.read(4 * PUBLIC)
    try:
        seed = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        seed = b""
    if len(seed) != PUBLIC:
        raise InputError(f"{file}: no signing key; name another file, and a new key is made there")
    return SigningKey(seed)
