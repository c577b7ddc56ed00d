"""A model in a process of its own, which may hang or crash there without harm to anybody else.

Tensors lie in memory that both processes share; each of the session's streams has a socket on which one byte asks
and one message answers. Who does not answer in time is killed. Nothing here has a name in the file system, so
nothing is left behind, and the worker (`accel.serve`) ends with this process, however that ends.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np

from accel import shared
from accel.places import Places
from accel.session import AcceleratorError, Options, Tensors, check_feeds, version

# The first touch of a USB accelerator loads its firmware, and the first of a GPU compiles: that takes some seconds.
OPEN_SECONDS = 30.0
# What a killed process may take to go. One that a driver holds in the kernel stays, and is not waited for.
GOING = 0.5
MESSAGE = 1 << 16
MOST_LANES = 64
OK = b"\0"

logger = logging.getLogger(__name__)


class Process:
    """The worker process from outside. `name` says in messages what failed."""

    def __init__(self, backend: str, weights: Path | None, options: Options) -> None:
        self.name, self.backend = options.library or backend, backend
        self.channel, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        self._stderr = os.memfd_create("stderr")
        settings = asdict(replace(options, isolate=False)) | {"cache": str(options.cache) if options.cache else None}
        wanted = json.dumps({"backend": backend, "weights": str(weights or ""), "options": settings})
        # The child must find this package even if it lies in no place that Python looks in by itself.
        paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "accel.serve", str(theirs.fileno()), wanted],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C is for us
        )
        theirs.close()

    def end(self, seconds: float = 0.0) -> int | None:
        """Wait for its end, and bring it about after `seconds`; gives the exit status, None if it would not go."""
        try:
            status: int | None = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GOING)
            status = None
        self.channel.close()
        assert self._process.stdin  # noqa: S101 - it was made with one
        self._process.stdin.close()
        return status

    def hung(self, seconds: float) -> AcceleratorError:
        """Kill it, and say that it gave no answer."""
        self.end()
        self.forget()
        return AcceleratorError(
            f"{self.name}: no answer within {seconds:g} s; unplug the device and plug it in again, or restart"
        )

    def died(self) -> AcceleratorError:
        """Say how it ended."""
        status = self.end(GOING)
        reason = self.forget()
        if status is not None and status < 0:
            how = signal.Signals(-status).name
            return AcceleratorError(
                f"{self.name}: crashed with {how}; install a driver that was built for {version(self.backend)}"
            )
        return AcceleratorError(f"{self.name}: the worker process failed ({reason}); see 'vedette doctor'")

    def forget(self) -> str:
        """Drop what it printed, and give the last line."""
        if self._stderr < 0:
            return ""
        with os.fdopen(self._stderr, "rb") as file:
            self._stderr = -1
            file.seek(0)
            lines = file.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no message"


class Opening:
    """A model that is being opened in a worker process. `poll` never waits, so that nobody has to."""

    def __init__(self, backend: str, weights: Path | None, options: Options) -> None:
        self._options = options
        self._until = monotonic() + OPEN_SECONDS
        self._process = Process(backend, weights, options)

    def poll(self, seconds: float = 0.0) -> WorkerSession | None:
        """The session once it is open and has inferred once; raises AcceleratorError if it never will."""
        if (answer := self.answer(seconds)) is None:
            return None
        said, fds = answer
        for line in said["said"]:
            logger.warning("%s", line)
        return WorkerSession(self._process, said, fds, self._options.deadline)

    def answer(self, seconds: float) -> tuple[dict[str, Any], list[int]] | None:
        """The first message and its file descriptors; raises AcceleratorError if it is a refusal, or will not come."""
        channel = self._process.channel
        if not _readable(channel, seconds):
            if monotonic() < self._until:
                return None
            raise self._process.hung(OPEN_SECONDS)
        try:
            message, fds, _, _ = socket.recv_fds(channel, MESSAGE, MOST_LANES)
        except ConnectionError:
            message, fds = b"", []
        if not message:
            raise self._process.died()
        said: dict[str, Any] = json.loads(message)
        if "refused" in said:
            self.close()
            raise AcceleratorError(said["refused"])
        return said, fds

    def close(self) -> None:
        """Give it up."""
        self._process.end()
        self._process.forget()


def open_model(backend: str, weights: Path, options: Options) -> WorkerSession:
    """Open a model of any back end in a worker process."""
    opening = Opening(backend, weights, options)
    try:
        while (session := opening.poll(1.0)) is None:
            pass
    except BaseException:
        opening.close()
        raise
    return session


def check(backend: str, options: Options) -> None:
    """Raise AcceleratorError unless the back end works on this machine with these options."""
    opening = Opening(backend, None, options)
    try:
        while opening.answer(1.0) is None:
            pass
    finally:
        opening.close()


@dataclass(slots=True)
class Lane:
    """A stream of the session: where its tensors lie, and the socket that says whose turn it is."""

    inputs: Tensors
    outputs: Tensors
    socket: socket.socket


class WorkerSession:
    """The session of a worker process, as if it were here."""

    def __init__(self, process: Process, said: dict[str, Any], fds: list[int], deadline: float) -> None:
        self.backend, self.device, self.streams = process.backend, str(said["device"]), int(said["streams"])
        self.inputs, self.outputs = shared.specs(said["inputs"]), shared.specs(said["outputs"])
        self._process, self._deadline = process, deadline
        memory, *sockets = fds
        arrays = shared.lanes(memory, self.inputs, self.outputs, self.streams)
        os.close(memory)
        self._lanes = [Lane(*one, socket.socket(fileno=fd)) for one, fd in zip(arrays, sockets, strict=True)]
        self._places = Places(self._lanes)
        self._ending = Lock()
        self._lost = ""
        self._closed = False

    def run(self, feeds: Tensors) -> Tensors:
        return self.submit(feeds)()

    def submit(self, feeds: Tensors) -> Callable[[], Tensors]:
        check_feeds(self.inputs, feeds)
        lane = self._places.take()
        for name, array in lane.inputs.items():
            np.copyto(array, feeds[name])
        with suppress(OSError):  # it is gone; taking the outputs will say how
            lane.socket.send(OK)
        return _Pending(self, lane)

    def close(self) -> None:
        with self._ending:
            if self._closed:
                return
            self._closed = True
            for lane in self._places.close():
                lane.socket.close()
            for lane in self._lanes:
                with suppress(OSError):  # closed, or gone
                    lane.socket.shutdown(socket.SHUT_WR)
            if not self._lost:
                self._process.end(self._deadline)
                self._process.forget()

    def answer(self, lane: Lane, until: float) -> Tensors:
        """Wait for a lane's outputs; raises AcceleratorError after killing a process that gives none."""
        if not _readable(lane.socket, until - monotonic()):
            raise self._lose(hung=True)
        try:
            said = lane.socket.recv(MESSAGE)
        except ConnectionError:
            said = b""
        if not said:
            raise self._lose(hung=False)
        if said != OK:
            raise AcceleratorError(said.decode(errors="replace"))
        return {name: array.copy() for name, array in lane.outputs.items()}

    def give_back(self, lane: Lane) -> None:
        if not self._places.give(lane):
            lane.socket.close()

    def deadline(self) -> float:
        """When an inference that starts now is given up."""
        return monotonic() + self._deadline

    def _lose(self, *, hung: bool) -> AcceleratorError:
        with self._ending:
            if not self._lost:
                error = self._process.hung(self._deadline) if hung else self._process.died()
                self._lost = str(error)
                for lane in self._places.close(self._lost):
                    lane.socket.close()
            return AcceleratorError(self._lost)


class _Pending:
    """An inference under way. Its lane goes back once the outputs are taken, or nobody can ask for them."""

    def __init__(self, session: WorkerSession, lane: Lane) -> None:
        self._session = session
        self._lane: Lane | None = lane
        self._until = session.deadline()

    def __call__(self) -> Tensors:
        lane, self._lane = self._lane, None
        if lane is None:
            raise AcceleratorError("these outputs were taken already; submit once more")
        try:
            return self._session.answer(lane, self._until)
        finally:
            self._session.give_back(lane)

    def __del__(self) -> None:
        if self._lane is not None:
            with suppress(AcceleratorError):
                self()


def _readable(channel: socket.socket, seconds: float) -> bool:
    """Whether something can be read, or the other side is gone, within `seconds`."""
    waiting = select.poll()  # unlike select.select, it takes any file descriptor
    waiting.register(channel, select.POLLIN)
    return bool(waiting.poll(max(seconds, 0.0) * 1e3))
