"""A network camera stops, freezes, loses its cable or hangs in a read, and comes back: told, and shown, in time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.brokers import Mosquitto, Subscriber
from tests.rtsp import Cable, RtspServer
from tools.scenarios.stage import ROOT, Figures, Progress, silent, wait

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

    def wait(self, kind: str, count: int) -> float:
        """Seconds until the subscriber has heard `count` events of this kind."""
        began = time.monotonic()
        wait(lambda: self.heard(kind) >= count, f"{kind}, number {count}", 15.0)
        return time.monotonic() - began

    def holdings(self) -> tuple[int, int, int]:
        """Its threads, open files and KiB of memory."""
        lines = (self._folder / "status").read_text().splitlines()
        memory = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
        return len(list((self._folder / "task").iterdir())), len(list((self._folder / "fd").iterdir())), memory

    def settled(self) -> tuple[int, int, int]:
        """The same a moment after all is well: the broker's and the camera's old connections are closed by then."""
        time.sleep(0.5)
        return self.holdings()


@contextmanager
def watching(folder: Path, url: str, module: str = "edge.cli") -> Iterator[Daemon]:
    """A daemon that has seen its camera's first frame; it must end well and soon when it is told to."""
    with Mosquitto(folder) as broker, Subscriber(broker.port) as subscriber:
        (folder / "vedette.toml").write_text(TOML.format(port=broker.port, url=url))
        command = [sys.executable, "-m", module, "--config", "vedette.toml", "run"]
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
        except AssertionError as broken:
            process.kill()
            raise AssertionError(f"{broken}; it said: {process.communicate()[1][-500:]}") from broken
        finally:
            process.kill()
            process.communicate()


def lose(
    daemon: Daemon, times: int, away: Callable[[], object], back: Callable[[], object], progress: Progress
) -> Figures:
    """Take the camera away and give it back, so many times. `away` and `back` return when it has happened."""
    rounds: list[Round] = []
    for number in range(times):
        progress(number / times, f"{number} times")
        offline, online = daemon.heard("camera_offline"), daemon.heard("camera_online")
        away()
        told = daemon.wait("camera_offline", offline + 1)
        time.sleep(number % 3)  # it comes back at any moment of the wait for it
        back()
        rounds.append(Round(told, daemon.wait("camera_online", online + 1), *daemon.settled()))
    return judged(rounds)


def judged(rounds: list[Round]) -> Figures:
    """The figures; raises AssertionError if a promise was broken. The first round's holdings measure the rest."""
    first, last = rounds[0], rounds[-1]
    offline, online = max(one.offline for one in rounds), max(one.online for one in rounds)
    assert offline <= OFFLINE_WITHIN, f"offline was heard after {offline:.1f} s"
    assert online <= ONLINE_WITHIN, f"frames were back after {online:.1f} s"
    assert last.threads <= first.threads, f"{first.threads} threads became {last.threads}"
    assert last.files <= first.files, f"{first.files} open files became {last.files}"
    return {
        "times": len(rounds),
        "offline_most_s": round(offline, 2),
        "online_most_s": round(online, 2),
        "threads_first": first.threads,
        "threads_last": last.threads,
        "files_first": first.files,
        "files_last": last.files,
        "memory_first_mib": round(first.memory / 1024, 1),
        "memory_last_mib": round(last.memory / 1024, 1),
    }


def stopped(folder: Path, times: int = 10, progress: Progress = silent) -> Figures:
    """The server is killed and started."""
    with RtspServer() as server, watching(folder, server.url) as daemon:
        return lose(daemon, times, server.kill, server.start, progress)


def frozen(folder: Path, times: int = 10, progress: Progress = silent) -> Figures:
    """The server stops in the middle of its work, keeps its connections, and goes on."""
    with RtspServer() as server, watching(folder, server.url) as daemon:
        return lose(daemon, times, server.freeze, server.thaw, progress)


def unplugged(folder: Path, times: int = 10, progress: Progress = silent) -> Figures:
    """Nothing is heard any more, not even the end of a connection, until the cable is plugged in again."""
    with (
        RtspServer() as server,
        Cable(server.port) as cable,
        watching(folder, f"rtsp://127.0.0.1:{cable.port}/door") as daemon,
    ):
        return lose(daemon, times, cable.pull, cable.plug, progress)


def hanging(folder: Path, times: int = 10, progress: Progress = silent) -> Figures:
    """A read does not return, as of a driver that hangs, until the device comes to itself."""
    stuck = folder / "stuck"
    with RtspServer() as server, watching(folder, server.url, "tools.scenarios.stuck") as daemon:
        return lose(daemon, times, stuck.touch, stuck.unlink, progress)
