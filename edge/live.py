"""The daemon's live picture on a Unix socket in its data folder: served by the daemon, read by `vedette top`.

Who connects is sent one JSON document and hung up on. The folder's owner and mode say who may; nothing is to be
configured, and it works without a broker and over ssh.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from edge.errors import DeniedError, UnavailableError

NAME = "live.sock"
GROUP = 0o660  # as `vedette` in the group of that name may look, not only the daemon's own user
POLL_S = 0.2  # how soon `stop` is noticed
PATIENCE_S = 2.0  # a reader that takes longer is hung up on: it holds up the next one, nobody else
START = "start it with 'vedette run' or 'systemctl start vedette'"

Picture = Callable[[], Mapping[str, Any]]


class Live:
    """The daemon's side; raises OSError where the folder's file system holds no sockets."""

    name = "live"

    def __init__(self, data: Path) -> None:
        self._server = socket.socket(socket.AF_UNIX)
        try:
            with _short(data) as place:
                Path(place).unlink(missing_ok=True)  # of a daemon that was killed; the data folder's lock is ours
                self._server.bind(place)
                os.chmod(place, GROUP)  # noqa: PTH101 - no other name of it is short enough
            self._server.listen(4)
            self._server.settimeout(POLL_S)
        except BaseException:
            self._server.close()
            raise
        self._path = data / NAME

    def serve(self, picture: Picture, stop: threading.Event) -> None:
        """Answer one reader after the other until `stop` is set."""
        while not stop.is_set():
            try:
                reader, _ = self._server.accept()
            except TimeoutError:
                continue
            with reader, suppress(OSError):  # a reader that leaves or sleeps is its own affair
                reader.settimeout(PATIENCE_S)
                reader.sendall(json.dumps(picture(), ensure_ascii=False).encode())

    def close(self) -> None:
        self._server.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def ask(data: Path) -> dict[str, Any]:
    """The picture of the daemon that works in a folder; raises UnavailableError or DeniedError."""
    words = bytearray()
    try:
        with socket.socket(socket.AF_UNIX) as wire, _short(data) as place:
            wire.settimeout(2 * PATIENCE_S)
            wire.connect(place)
            while some := wire.recv(1 << 16):
                words += some
        found: dict[str, Any] = json.loads(words)
    except PermissionError as error:
        raise DeniedError(
            f"data: {data}: this user may not look at the daemon there; run this as its user, with 'sudo -u vedette'"
        ) from error
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
        raise UnavailableError(f"data: no daemon is running in {data}; {START}") from error
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"data: the daemon in {data} does not answer ({error}); try again, or restart it"
        ) from error
    return found


@contextmanager
def _short(data: Path) -> Iterator[str]:
    """A name for the socket that fits into the 108 bytes that an address may take, however long the folder's is."""
    folder = os.open(data, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{NAME}"
    finally:
        os.close(folder)
