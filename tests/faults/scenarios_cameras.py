"""What happens to cameras in the field, each as often as asked: twice in a test, for hours in a soak."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.brokers import Mosquitto, Subscriber, until
from tests.rtsp import Cable, RtspServer

ROOT = Path(__file__).parents[2]
OFFLINE_WITHIN, ONLINE_WITHIN = 5.0, 3.0  # seconds, as promised
TOML = """device = "porch"
data = "data"
[mqtt]
port = {port}
[cameras.door]
kind = "rtsp"
url = "{url}"
[cameras.door.objects]
enabled = false
[cameras.door.faces]
enabled = false
[cameras.door.labels]
enabled = false
[cameras.door.moderation]
enabled = false
"""


@dataclass(frozen=True, slots=True)
class Round:
    """One loss and return: seconds until a subscriber heard of each, and what the daemon held when all was well."""

    offline: float
    online: float
    threads: int
    files: int
    memory: int  # KiB


class Daemon:
    """`vedette run` in a process of its own that watches one network camera, and a subscriber to its events."""

    def __init__(self, process: subprocess.Popen[str], subscriber: Subscriber) -> None:
        self._folder = Path(f"/proc/{process.pid}")
        self._subscriber = subscriber

    def heard(self, kind: str) -> int:
        return sum(one.topic.endswith(f"/door/{kind}") for one in list(self._subscriber.messages))

    def status(self) -> dict[str, Any]:
        said = [one.payload for one in list(self._subscriber.messages) if one.topic.endswith("/status")]
        return dict(json.loads(said[-1])) if said else {}

    def wait(self, kind: str, count: int) -> float:
        """Seconds until the subscriber has heard `count` events of this kind."""
        began = time.monotonic()
        until(lambda: self.heard(kind) >= count, f"no {kind} number {count}: {self.status().get('cameras')}")
        return time.monotonic() - began

    def holdings(self) -> tuple[int, int, int]:
        """Its threads, open files and KiB of memory."""
        lines = (self._folder / "status").read_text().splitlines()
        memory = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
        return len(list((self._folder / "task").iterdir())), len(list((self._folder / "fd").iterdir())), memory


@contextmanager
def watching(folder: Path, url: str) -> Iterator[Daemon]:
    """A daemon that has seen its camera's first frame."""
    with Mosquitto(folder) as broker, Subscriber(broker.port) as subscriber:
        (folder / "vedette.toml").write_text(TOML.format(port=broker.port, url=url))
        command = [sys.executable, "-m", "edge.cli", "--config", "vedette.toml", "run"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            daemon = Daemon(process, subscriber)
            daemon.wait("camera_online", 1)
            yield daemon
            process.terminate()
            _, told = process.communicate(timeout=20)
            assert process.returncode == 0, told
            assert "Traceback" not in told, told
        finally:
            process.kill()
            process.communicate()


def lose(daemon: Daemon, times: int, away: Callable[[], object], back: Callable[[], object]) -> Iterator[Round]:
    """Take the camera away and give it back, so many times. `away` and `back` return when it has happened."""
    for number in range(1, times + 1):
        before = daemon.heard("camera_offline"), daemon.heard("camera_online")
        away()
        offline = daemon.wait("camera_offline", before[0] + 1)
        time.sleep(number % 3)  # it comes back at any moment of the wait for it
        back()
        online = daemon.wait("camera_online", before[1] + 1)
        time.sleep(0.5)
        yield Round(offline, online, *daemon.holdings())


def server_stopped_and_started(folder: Path, times: int) -> list[Round]:
    with RtspServer() as server, watching(folder, server.url) as daemon:
        return list(lose(daemon, times, server.kill, server.start))


def server_frozen_and_thawed(folder: Path, times: int) -> list[Round]:
    with RtspServer() as server, watching(folder, server.url) as daemon:
        return list(lose(daemon, times, server.freeze, server.thaw))


def cable_pulled_and_plugged(folder: Path, times: int) -> list[Round]:
    with (
        RtspServer() as server,
        Cable(server.port) as cable,
        watching(folder, f"rtsp://127.0.0.1:{cable.port}/door") as daemon,
    ):
        return list(lose(daemon, times, cable.pull, cable.plug))


SCENARIOS = {
    "RTSP server stopped and started": server_stopped_and_started,
    "RTSP server frozen and thawed": server_frozen_and_thawed,
    "cable pulled and plugged": cable_pulled_and_plugged,
}


def judge(rounds: list[Round]) -> list[str]:
    """What of the promises was not kept, as sentences; the first round's holdings are the measure of the rest."""
    faults = []
    for number, one in enumerate(rounds, 1):
        if one.offline > OFFLINE_WITHIN:
            faults.append(f"round {number}: offline was heard after {one.offline:.1f} s")
        if one.online > ONLINE_WITHIN:
            faults.append(f"round {number}: frames were back after {one.online:.1f} s")
    first, last = rounds[0], rounds[-1]
    if last.threads > first.threads or last.files > first.files:
        faults.append(f"threads {first.threads} → {last.threads}, open files {first.files} → {last.files}")
    return faults
