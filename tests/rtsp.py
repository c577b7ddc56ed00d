"""A real RTSP server for tests: Debian's gst-rtsp-server in a process of its own, and a cable that can be pulled."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

from tests.brokers import free_port

PYTHON = "/usr/bin/python3"  # the one that finds Debian's python3-gi
SERVER = Path(__file__).parent / "edge" / "cameras" / "rtsp_server.py"


class RtspServer:
    """Serves rtsp://127.0.0.1:`port`/door while it runs; skips the test where Debian's packages for it are missing."""

    def __init__(
        self, port: int | None = None, pattern: str = "blue", transport: str = "tcp", login: tuple[str, ...] = ()
    ) -> None:
        if not shutil.which(PYTHON):
            pytest.skip("no /usr/bin/python3 to run an RTSP server")
        self.port = port or free_port()
        self._command = [PYTHON, str(SERVER), str(self.port), pattern, transport, *login]
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/door"

    def start(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            _, told = self._process.communicate()
            fault = (told.splitlines() or ["nothing"])[-1]
            assert fault.startswith("missing:"), fault
            pytest.skip(f"needs apt's gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-good and -ugly: {fault}")
        return self

    def kill(self) -> None:
        """The power is cut; the kernel still says goodbye for its connections."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def freeze(self) -> None:
        """It hangs: connections stay, the port accepts new ones, nothing is ever said on them."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


class Cable:
    """Carries TCP from `port` to another port until it is pulled: then both sides hear nothing, not even an end."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._plugged = threading.Event()
        self._plugged.set()
        self._over = False
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._begin(self._accept)

    def pull(self) -> None:
        self._plugged.clear()

    def plug(self) -> None:
        self._plugged.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._plugged.set()
        for end in (self._server, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join()

    def _begin(self, work: object, *given: socket.socket) -> None:
        thread = threading.Thread(target=work, args=given)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._over:
            try:
                near, _ = self._server.accept()
                self._plugged.wait()
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                continue
            self._ends += [near, far]
            self._begin(self._carry, near, far)
            self._begin(self._carry, far, near)

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                self._plugged.wait()
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
