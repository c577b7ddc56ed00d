"""Packs on their way in, in pieces: what has arrived stays, whatever happens to who sends it or to us."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from threading import Lock

from edge.database import no_folder
from edge.errors import DiskError, InputError, UnavailableError

MOST = 1 << 30  # bytes of a pack


class Uploads:
    """Files `<version's key>-<digest>.part` in a folder that is made when it is needed. Safe to share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()

    def received(self, version: int, digest: str) -> int:
        """How many bytes of it are here."""
        with suppress(FileNotFoundError):
            return self._path(version, digest).stat().st_size
        return 0

    def newest(self, version: int) -> int:
        """How many bytes of any pack of this version are here."""
        return max((path.stat().st_size for path in self._folder.glob(f"{version}-*.part")), default=0)

    def add(self, version: int, digest: str, offset: int, data: bytes) -> int:
        """How many bytes are here then; a piece that does not follow on these is left out. Raises DiskError."""
        path = self._path(version, digest)
        try:
            with self._lock:
                self._folder.mkdir(parents=True, exist_ok=True)
                there = self.received(version, digest)
                if offset > there or offset + len(data) <= there:
                    return there
                if there + len(data) > MOST:
                    raise InputError(f"The pack is larger than {MOST >> 20} MiB; make a smaller one")
                with path.open("r+b" if there else "wb") as file:
                    file.seek(offset)
                    file.write(data)
                    file.truncate()
                    file.flush()
                    os.fsync(file.fileno())
                return offset + len(data)
        except OSError as error:
            raise DiskError(str(no_folder("data", self._folder, error))) from error

    def whole(self, version: int, digest: str) -> Path:
        """The file, once all of it is here.

        Raises InputError, and forgets it, if it is not what was announced; UnavailableError if another request has just
        taken it away.
        """
        path = self._path(version, digest)
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError as error:
            raise UnavailableError("The pack has been taken in by another request; ask again") from error
        if found != digest:
            self.forget(version)
            raise InputError("The pack did not arrive as it was sent; send it again")
        return path

    def forget(self, version: int) -> None:
        """All of a version."""
        for path in self._folder.glob(f"{version}-*.part"):
            path.unlink(missing_ok=True)

    def sweep(self, keep: Collection[int]) -> None:
        """Remove what belongs to no version of these."""
        for path in self._folder.glob("*-*.part"):
            if path.name.partition("-")[0] not in {str(key) for key in keep}:
                path.unlink(missing_ok=True)

    def _path(self, version: int, digest: str) -> Path:
        return self._folder / f"{version}-{digest}.part"
