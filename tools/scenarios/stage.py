"""What the scenarios share: a daemon to torment, a subscriber that forgets nothing, and the comparison of both."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np

from edge.database import NAME, connect
from edge.events.log import EventLog, EventSettings, Stored
from tests.brokers import Mosquitto

ROOT = Path(__file__).resolve().parents[2]
DEVICE = "porch"
Figures = dict[str, float]
# A scenario raises AssertionError for a promise that was broken, UnavailableError for what this machine lacks.
Progress = Callable[[float, str], None]  # the share that is done, and what is being done


def silent(_share: float, _what: str) -> None:
    """No progress is shown."""


def wait(met: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """Wait for something that must happen, and give it back; raises AssertionError with `what` if it does not."""
    deadline = time.monotonic() + seconds
    while not (found := met()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)
    return found


def lasting(folder: Path, port: int = 0) -> Mosquitto:
    """A broker as docs/EVENTS.md asks for: it keeps what it has acknowledged, without a limit, over a restart."""
    kept = folder / "broker"
    kept.mkdir(exist_ok=True)
    return Mosquitto(folder, "persistence true", f"persistence_location {kept}/", port=port)


class Sentry:
    """A daemon in a process of its own, `cameras` of which tell together `rate` events a second."""

    module, command = "tools.scenarios.sentry", "run"

    def __init__(self, folder: Path, port: int, rate: float = 50.0, cameras: int = 5, data: Path | None = None) -> None:
        self.folder = folder
        self.data = data or folder / "data"
        self._clock = folder / "clock"
        self._log = folder / "sentry.log"
        self.toml = folder / "sentry.toml"
        self.toml.write_text(self._configuration(port, rate / cameras, cameras), "utf-8")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        words = [sys.executable, "-m", self.module, "--config", str(self.toml), self.command]
        environment = os.environ | {"VEDETTE_SHIFT": str(self._clock)}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(words, cwd=ROOT, env=environment, stderr=log)
        return self

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    @property
    def said(self) -> str:
        """All that the daemons wrote so far."""
        return self._log.read_text("utf-8", "replace")

    def kill(self) -> None:
        """`kill -9`, and nothing else."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; gives the exit status."""
        return self._end(signal.SIGTERM)

    def limit(self, size: int) -> None:
        """Have the system refuse it every write past `size` bytes of a file; -1 lifts that."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def set_clock(self, seconds: float) -> None:
        """Have its clock be wrong by so many seconds, from now on."""
        new = self._clock.with_suffix(".new")
        new.write_text(str(seconds), "ascii")
        new.replace(self._clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.alive:
            self.kill()
        if kind:  # a promise was broken: the daemon's own last words say more than the wait that ran out
            sys.stderr.write(f"the daemon said last:\n{self.said[-3000:]}\n")

    def _end(self, number: int) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(30)

    def _configuration(self, port: int, rate: float, cameras: int) -> str:
        """The TOML of cameras that show one black picture `rate` times a second each."""
        pictures = self.folder / "pictures"
        pictures.mkdir(exist_ok=True)
        cv2.imwrite(str(pictures / "0.png"), np.zeros((32, 32, 3), np.uint8))
        off = "".join(f"{task} = {{ enabled = false }}\n" for task in ("objects", "faces", "moderation"))
        camera = (
            f'kind = "images"\npath = "{pictures}"\nseconds = {1 / rate}\nfps = 0\nloop = true\n'
            f"motion = {{ area = 0 }}\nlabels = {{ every = 0 }}\n{off}"
        )
        head = f'device = "{DEVICE}"\ndata = "{self.data}"\n[mqtt]\nport = {port}\n[events]\ncap_mb = 4096\n'
        return head + "".join(f"[cameras.c{number}]\n{camera}" for number in range(cameras))


@dataclass
class Witness:
    """A persistent subscriber that keeps of each event what the comparison needs; of the status, the newest."""

    port: int
    ids: dict[int, str] = field(default_factory=dict)  # by sequence
    at: dict[int, float] = field(default_factory=dict)  # when each came first, in monotonic time
    twice: int = 0
    others: set[str] = field(default_factory=set)  # ids under a sequence that had another one before
    faults: list[str] = field(default_factory=list)
    status: dict[str, Any] = field(default_factory=dict)
    connections: int = 0
    _last: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> Self:
        from paho.mqtt.client import Client, MQTTv311
        from paho.mqtt.enums import CallbackAPIVersion

        subscribed = threading.Event()
        client = Client(CallbackAPIVersion.VERSION2, client_id="witness", protocol=MQTTv311, clean_session=False)
        client.reconnect_delay_set(1, 1)
        client.on_connect = lambda client, *_: client.subscribe(f"vedette/{DEVICE}/#", qos=1)
        client.on_subscribe = lambda *_: subscribed.set()
        client.on_message = lambda _client, _data, message: self._hear(message.topic, bytes(message.payload))
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        self._client = client
        assert subscribed.wait(10), "the broker does not accept the subscriber"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def disk(self) -> dict[str, Any]:
        """What the newest status says of the disk."""
        said: dict[str, Any] = self.status.get("disk", {})
        return said

    def _hear(self, topic: str, payload: bytes) -> None:
        if topic.endswith("/status"):
            self.status = json.loads(payload)
            return
        identity, sequence = payload[7:43].decode(), int(payload[56:76].split(b",", 1)[0])
        camera = topic.split("/")[2]
        if sequence in self.ids:
            self.twice += 1
            if self.ids[sequence] != identity:
                self.others.add(identity)
            return
        if sequence < self._last.get(camera, 0):
            self.faults.append(f"camera {camera}: {sequence} came after {self._last[camera]}")
        self._last[camera] = sequence
        self.ids[sequence] = identity
        self.at[sequence] = time.monotonic()


@contextmanager
def opened(data: Path) -> Iterator[EventLog]:
    """The log of a data folder, beside whoever else has it open."""
    with closing(EventLog(connect(data), DEVICE, EventSettings(cap_mb=4096))) as log:
        yield log


def every(log: EventLog) -> Iterator[Stored]:
    """All events of a log, in order."""
    last = 0
    while found := log.tail(last):
        yield from found
        last = found[-1].sequence


def nothing_lost(log: EventLog, witness: Witness, seconds: float = 60.0, undone: int = 0) -> int:
    """Wait until all is delivered, then compare; gives the number of events, raises AssertionError for a loss.

    `undone` commits at most may have been taken back by a disk that had promised them.
    """
    wait(lambda: log.standing().waiting == 0, "the outbox drains", seconds)
    last = log.standing().last
    wait(lambda: len(witness.ids) >= last, f"the subscriber has all {last} events", seconds)
    kept = {event.sequence: event.id for event in every(log)}
    assert list(kept) == list(range(1, last + 1)), "the log's sequence has a gap"
    missing = set(kept.values()) - set(witness.ids.values()) - witness.others
    assert not missing, f"{len(missing)} events did not arrive"
    assert witness.ids.keys() == kept.keys(), "events arrived that the log does not have"
    assert len(witness.others) <= undone, f"{len(witness.others)} sequences have two ids"
    assert not witness.faults, "; ".join(witness.faults[:3])
    return last


def sound(data: Path) -> None:
    """Raises AssertionError if SQLite finds any fault in the file."""
    with closing(connect(data)) as database:
        found = [row[0] for row in database.execute("PRAGMA integrity_check")]
    assert found == ["ok"], f"{data / NAME}: {found[0]}"


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
