"""The audit: a record of every request, appended to files that cannot be altered unseen (see `chain`).

Each record goes to the operating system at once, and so does the word that it must be there (`ends`): a killed process
loses none. It is forced to disk by `sync`, which the server calls once a second, so that no request waits for the disk:
a power cut may lose the last second.

While nothing can be written (a full disk), records wait in memory and are written first when it can be done again;
those beyond OWED are counted as lost. Meanwhile a `required` audit refuses requests, so that nothing is done or told
unseen; the few that were at work when it began are refused their answer as well. Otherwise requests are answered.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from edge.api import chain, ends, mending, trail
from edge.api.chain import Link
from edge.api.ends import Head
from edge.database import no_folder
from edge.endpoint import MB
from edge.errors import DiskError, UnavailableError

log = logging.getLogger(__name__)

SETTING = "api.audit.folder"
OWED = 256  # records that wait
REMEDIES = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room there",
    errno.ENOENT: "its file was taken away; start this anew",
}


class Audit:
    """Appends records. Safe to share between threads; one process at a time writes to a folder.

    `key` is that of `chain.key_of`. Files have at most `size` bytes, and the newest `keep` are kept.
    """

    def __init__(self, folder: Path, key: bytes, *, size: int = 16 * MB, keep: int = 10, required: bool = True) -> None:
        """Raises StorageError for a folder that cannot be used, UnavailableError if another process writes there."""
        self.folder, self._key = folder, key
        self._limit, self._keep, self._required = size, keep, required
        self._lock = Lock()
        self._owed: deque[Mapping[str, Any]] = deque()
        self._lost = 0
        self._fault = ""  # why nothing can be written now; the log told so
        self._unsafe = False  # what was written could not be forced to disk; the log told so
        self._ruined = False  # a part of a record that could not be written stands at the end
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._held = _hold(folder)
            stopped = mending.mend(folder, key)
            self._head, self._last = stopped.head, stopped.last
            self._out = self._begin(stopped.file)
            self._newest, self._shown = ends.open_newest(folder), -1  # the number that stands there
            self._size = os.fstat(self._out).st_size
            _sync_folder(folder)
        except OSError as error:
            raise no_folder(SETTING, folder, error) from error
        if stopped.repairs:
            self._owed.append(self._repair(stopped.repairs))
        try:
            self._start()
        except OSError as error:  # requests will be refused, or their records wait
            self._note(error)

    @property
    def number(self) -> int:
        """Of the last record."""
        return self._last.number

    @property
    def fault(self) -> str:
        """Why requests are refused, in one sentence; empty if they are not."""
        return self._fault if self._required else ""

    def close(self) -> None:
        """All that was written is safe on disk then."""
        with self._lock:
            try:
                self._settle()
            except OSError as error:
                log.error("audit: the last records may not be safe on disk: %s", self._refused(error))  # noqa: TRY400
            for handle in (self._out, self._newest, self._held):
                os.close(handle)

    def check(self) -> None:
        """Whether requests may be served now: raises DiskError while records wait that a required audit must have."""
        if self._owed or self._fault:
            self._attempt(self._pay)

    def write(self, record: Mapping[str, Any]) -> None:
        """Append a record (see `trail.record`). Raises DiskError if the audit is required and cannot be written."""
        self._attempt(lambda: self._take(record))

    def tell(self, sentences: Sequence[str]) -> None:
        """Record what was found amiss, if anything; as soon as it can be done."""
        if sentences:
            with suppress(DiskError):  # requests will be refused
                self.write(self._repair(sentences))

    def sync(self) -> None:
        """Have all that was written be safe on disk, and the head tell so. Raises DiskError as `check` does."""
        self.check()
        with self._lock:
            if self._last == self._head.last:
                return
            last, out = self._last, os.dup(self._out)
        try:
            os.fsync(out)  # others write meanwhile
            with self._lock:
                self._tell(last)
            self._unsafe = False
        except OSError as error:
            if not self._unsafe:
                log.error("audit: the last records may not be safe on disk: %s", self._refused(error))  # noqa: TRY400
            self._unsafe = True
        finally:
            os.close(out)

    def _repair(self, sentences: Sequence[str]) -> Mapping[str, Any]:
        log.warning("audit: %s: %s", self.folder, "; ".join(sentences))
        return trail.own("AuditRepair", sentences, time.time())

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            with self._lock:
                step()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self._note(error)
        if self._required:
            raise self._refused(error) from error

    def _note(self, error: OSError) -> None:
        if not self._fault:
            log.error("audit: %s", self._refused(error))
        self._fault = str(self._refused(error))

    def _refused(self, error: OSError) -> DiskError:
        remedy = REMEDIES.get(error.errno or 0, "see what 'dmesg' says of the disk, and who owns the folder")
        return DiskError(f"{self.folder}: the audit cannot be written: {error.strerror}; {remedy}")

    def _take(self, record: Mapping[str, Any]) -> None:
        if len(self._owed) < OWED:
            self._owed.append(record)
        else:
            self._lost += 1
        self._pay()

    def _pay(self) -> None:
        """Write all that waits, oldest first. Raises OSError."""
        while self._owed:
            self._append(self._owed[0])
            self._owed.popleft()
        if self._lost:
            told = f"{self._lost} records were lost while the audit could not be written"
            self._append(trail.own("AuditLost", [told], time.time()))
            self._lost = 0
        if self._shown != self._last.number:
            ends.write_newest(self._newest, self._last, self._key)
            self._shown = self._last.number
        if self._fault:
            log.warning("audit: %s: it can be written again", self.folder)
        self._fault = ""

    def _append(self, record: Mapping[str, Any]) -> None:
        if self._ruined:
            os.ftruncate(self._out, self._size)
            self._ruined = False
        line, link = chain.seal(record, self._last, self._key)
        if self._size and self._size + len(line) > self._limit:
            self._rotate()
        if not os.fstat(self._out).st_nlink:  # what is written there is gone with this process
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.folder))
        try:
            written = os.write(self._out, line)
        except OSError:
            self._ruined = True
            raise
        if written < len(line):
            self._ruined = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))
        self._size += len(line)
        self._last = link

    def _rotate(self) -> None:
        """Go on in a new file, and let the oldest go, which the head tells before they do."""
        self._settle()
        fresh = self._begin(self._last.number + 1)
        os.close(self._out)
        self._out, self._size = fresh, 0
        kept = chain.files(self.folder)[-self._keep :]
        self._head = Head(max(self._head.first, chain.first_of(kept[0])), self._head.last)
        ends.write_head(self.folder, self._head, self._key)
        _sync_folder(self.folder)
        for file in chain.files(self.folder)[: -self._keep]:
            file.unlink()

    def _start(self) -> None:
        """There is a head from the first moment on, and what was repaired stands before it."""
        self._pay()
        os.fsync(self._out)
        self._head = Head(self._head.first, self._last)
        ends.write_head(self.folder, self._head, self._key)

    def _settle(self) -> None:
        os.fsync(self._out)
        self._tell(self._last)

    def _tell(self, last: Link) -> None:
        """The head tells of `last`, which is safe on disk by now."""
        if last.number > self._head.last.number:
            ends.write_head(self.folder, head := Head(self._head.first, last), self._key)
            self._head = head

    def _begin(self, number: int) -> int:
        return os.open(chain.file_for(self.folder, number), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _hold(folder: Path) -> int:
    """A lock that goes with the process."""
    held = os.open(folder / ".lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(held)
        raise UnavailableError(
            f"{SETTING}: {folder}: another process writes its audit there; stop it, or name another folder"
        ) from error
    return held


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
