"""The front of a signed pack: whose it is, and the index of what follows; and whose packs a device takes.

::

    magic, format, public key, signature, length    16, 4, 32, 64 and 4 bytes
    index                                           of that length; it names the digests of what follows

The signature (Ed25519) covers magic, format, public key, length and index. Nothing is read out of an index before the
signature is found good.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from edge.errors import DeniedError, InputError, MissingError
from edge.packs.signing import PUBLIC, SIGNATURE, SigningKey, fingerprint, verified
from edge.packs.store import reported

HEADER = struct.Struct(f">16sI{PUBLIC}s{SIGNATURE}sI")
TRUSTED = "trusted"  # the file that lists the fingerprints of whom a device trusts


@dataclass(frozen=True, slots=True)
class Front:
    """What a pack begins with, its signature found good. `signer` is a fingerprint, `data` all of it as it came."""

    signer: str
    data: bytes

    @property
    def index(self) -> bytes:
        return self.data[HEADER.size :]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of pack: how it begins and is called, who makes it, and what installs it."""

    magic: bytes
    format: int
    most_index: int
    name: str
    maker: str
    install: str

    def seal(self, key: SigningKey, index: bytes) -> bytes:
        """The front of a pack with this index."""
        signature = key.sign(self.signed(self.format, key.public, index))
        return HEADER.pack(self.magic, self.format, key.public, signature, len(index)) + index

    def signed(self, version: int, public: bytes, index: bytes) -> bytes:
        """The bytes that a signature covers."""
        return HEADER.pack(self.magic, version, public, bytes(SIGNATURE), len(index)) + index

    def open(self, stream: BinaryIO, file: Path) -> Front:
        """Read the front, and leave `stream` at what follows. Raises InputError with the reason and the remedy."""
        head = stream.read(HEADER.size)
        damaged = InputError(f"{file}: no {self.name}, or cut short; copy it again")
        if len(head) < HEADER.size:
            raise damaged
        magic, version, public, signature, length = HEADER.unpack(head)
        if magic != self.magic.ljust(len(magic), b"\0"):
            raise damaged
        if version > self.format:
            raise InputError(
                f"{file}: of format {version}, made by a newer Vedette; "
                "upgrade this one, or have it packed by this release"
            )
        if length > self.most_index:
            raise damaged
        index = stream.read(length)
        if len(index) < length:
            raise damaged
        if not verified(public, signature, self.signed(version, public, index)):
            raise InputError(f"{file}: the signature is wrong: it was altered after it was made; copy it again")
        return Front(fingerprint(public), head + index)

    def begins(self, file: Path) -> bool:
        """Whether a file looks like one at its beginning; raises InputError if it may not be read."""
        try:
            with file.open("rb") as stream:
                return stream.read(len(self.magic)) == self.magic
        except OSError as error:
            raise InputError(f"{file}: {(error.strerror or str(error)).lower()}; name another file") from error

    def check_signer(self, front: Front, trusted: Collection[str], file: Path) -> None:
        """Raises DeniedError unless who signed it is trusted."""
        if front.signer not in trusted:
            raise DeniedError(
                f"{file}: signed by {front.signer}, whom this device does not trust; if its maker told you this "
                f"fingerprint, run '{self.install} {file} --trust {front.signer}'"
            )

    def check_claim(self, front: Front, trusted: Collection[str], trust: str, file: Path) -> None:
        """Raises DeniedError where `trust`, not trusted yet, is not who signed it, and as `check_signer` does."""
        if trust and trust not in trusted and front.signer != trust:
            raise DeniedError(
                f"{file}: signed by {front.signer}, not by {trust}; compare the fingerprint with its maker's"
            )
        self.check_signer(front, {*trusted, trust}, file)

    def open_file(self, file: Path, most: int) -> BinaryIO:
        """A pack to read from; raises MissingError or InputError if it is none at first sight."""
        try:
            if not file.is_file() and file.exists():
                raise InputError(f"{file}: not a file; name a pack that {self.maker} made")
            if file.stat().st_size > most:
                raise InputError(f"{file}: larger than {most >> 20} MiB; make a smaller pack")
            return file.open("rb")
        except FileNotFoundError as error:
            raise MissingError(f"{file}: no such file; {self.maker} makes one") from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"{file}: {reason}; name a pack that {self.maker} made and this user may read") from error


def trusted(folder: Path) -> frozenset[str]:
    """The fingerprints of the keys whose packs may be installed in `folder`."""
    file = folder / TRUSTED
    with reported(file):
        return frozenset(file.read_text("ascii", "replace").split()) if file.is_file() else frozenset()


def trust_list(fingerprints: Collection[str]) -> bytes:
    """The file that `trusted` reads."""
    return "".join(f"{one}\n" for one in sorted(fingerprints)).encode()


def first_fault(error: ValidationError) -> str:
    """What is wrong with an index, at the first place where anything is."""
    fault = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}".removeprefix(": ")
