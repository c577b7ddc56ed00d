"""The daemon's footprint: memory, processor time and the way to the first event of `vedette run` as it is shipped.

A process of its own with objects, faces, labels and moderation at their default settings, 720p cameras at 25 frames/s
of which 5 are looked at, and a real mosquitto. MB are millions of bytes. `rss` is what the process has in memory, its
share of libraries and mapped models included, `uss` what nobody else has. The reference of memory and of the first
event is what is promised; that of `idle.cpu` is a busy scene: a still picture under a sensor's noise against people who
walk and one who talks. Half of what is left there is decoding video, which a CPU with AMX makes look large: no edge
device infers so fast. `vnni` holds inference to AVX-512 VNNI.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import scenes
from benchmarks.broker import broker, installed, listening, wait
from benchmarks.rtsp import streams
from evaluation.figures import Figure, figure

from edge.errors import UnavailableError

MEMORY, EACH, FIRST = 450.0, 40.0, 5.0  # promised: MB with one camera, MB for each more, seconds
SETTLED = 6.0  # seconds after which models, cameras and caches are all in use
LIMIT = "ONEDNN_MAX_CPU_ISA"
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Resident:
    """Millions of bytes, and seconds of processor time since the start."""

    rss: float
    uss: float
    cpu: float


class Daemon:
    """A running `vedette run`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def look(self) -> Resident:
        if self.process.poll() is not None:
            raise UnavailableError(f"vedette run ended with status {self.process.returncode}; run it by itself to see")
        place = Path("/proc", str(self.process.pid))
        rows = [line.split() for line in (place / "smaps_rollup").read_text("ascii").splitlines()[1:]]
        kib = {row[0].rstrip(":"): int(row[1]) for row in rows}
        ticks = (place / "stat").read_text("utf-8").rpartition(")")[2].split()[11:13]
        uss = kib["Private_Clean"] + kib["Private_Dirty"]
        return Resident(kib["Rss"] * 1.024e-3, uss * 1.024e-3, sum(map(int, ticks)) / TICK)

    def settle(self, seconds: float) -> Resident:
        time.sleep(seconds)
        return self.look()

    def cores(self, seconds: float) -> float:
        """Milliseconds of processor time a second."""
        before, began = self.look().cpu, time.perf_counter()
        time.sleep(seconds)
        return 1e3 * (self.look().cpu - before) / (time.perf_counter() - began)


def run(quick: bool) -> Iterator[Figure]:
    """Needs mosquitto and Linux's /proc; elsewhere there are no figures."""
    if not installed() or not Path("/proc/self/smaps_rollup").exists():
        return
    seconds = 6.0 if quick else 12.0
    with tempfile.TemporaryDirectory() as name, broker(Path(name)) as port:
        folder = Path(name)
        busy, idle = scenes.busy(folder), scenes.idle(folder)
        yield from _first_event(folder, port, busy, 3 if quick else 5)
        yield from _memory(folder, port, [_file(busy)] * 4, "")
        with streams(4) as urls:
            if urls:
                yield from _memory(folder, port, [_rtsp(url) for url in urls], ".rtsp")
        yield from _processor(folder, port, (idle, busy), seconds)


def long(quick: bool) -> Iterator[Figure]:
    """The same, and whether memory still grows after a minute."""
    yield from run(quick)
    if not installed():
        return
    with tempfile.TemporaryDirectory() as name, broker(Path(name)) as port:
        folder = Path(name)
        with _daemon(folder, port, [_file(scenes.busy(folder))]) as daemon:
            early = daemon.settle(60.0).rss
            late = daemon.settle(120.0).rss
        yield figure("footprint.rss.after_3_minutes", late, "MB", 1, early)


def _first_event(folder: Path, port: int, clip: Path, times: int) -> Iterator[Figure]:
    """From the start of the process to what a camera saw, at a subscriber; the longest."""
    _first(folder, port, clip)  # which compiles the models where nobody has yet
    took = [_first(folder, port, clip) for _ in range(times)]
    yield figure("footprint.first_event", max(took), "s", times, FIRST)


def _first(folder: Path, port: int, clip: Path) -> float:
    heard: list[float] = []

    def hear(topic: str, _: bytes) -> None:
        if not topic.endswith(("/status", "/camera_online")):
            heard.append(time.perf_counter())

    with listening(port, hear):
        began = time.perf_counter()
        with _daemon(folder, port, [_file(clip)]):
            wait(lambda: heard, "no event came")
    return heard[0] - began


def _memory(folder: Path, port: int, cameras: Sequence[str], kind: str) -> Iterator[Figure]:
    """With one camera, two and four; the slope is that of the last step."""
    found: dict[int, Resident] = {}
    for count in (1, 2, 4):
        with _daemon(folder, port, cameras[:count]) as daemon:
            found[count] = daemon.settle(SETTLED + count)
        yield figure(f"footprint{kind}.rss.{count}cam", found[count].rss, "MB", 1, MEMORY + EACH * (count - 1))
        if count == 1:
            yield figure(f"footprint{kind}.uss.1cam", found[1].uss, "MB", 1)
    yield figure(f"footprint{kind}.rss.each_further", (found[4].rss - found[1].rss) / 3, "MB", 3, EACH)


def _processor(folder: Path, port: int, clips: tuple[Path, Path], seconds: float) -> Iterator[Figure]:
    limits: dict[str, Mapping[str, str]] = {"": {}}
    if LIMIT not in os.environ and "amx_int8" in Path("/proc/cpuinfo").read_text("utf-8"):
        limits[".vnni"] = {LIMIT: "AVX512_CORE_VNNI"}
    for name, limit in limits.items():
        idle, busy = (_busy_with(folder, port, clip, seconds, limit) for clip in clips)
        yield figure(f"footprint.idle.cpu{name}", idle, "ms/s", round(seconds), busy)


def _busy_with(folder: Path, port: int, clip: Path, seconds: float, limit: Mapping[str, str]) -> float:
    with _daemon(folder, port, [_file(clip)], limit) as daemon:
        daemon.settle(SETTLED)
        return daemon.cores(seconds)


def _file(clip: Path) -> str:
    return f'kind = "file"\npath = "{clip}"\nloop = true\n'


def _rtsp(url: str) -> str:
    return f'kind = "rtsp"\nurl = "{url}"\n'


@contextmanager
def _daemon(folder: Path, port: int, cameras: Sequence[str], more: Mapping[str, str] | None = None) -> Iterator[Daemon]:
    """`vedette run` on a data folder that knows nothing yet."""
    with tempfile.TemporaryDirectory(dir=folder) as data:
        toml = Path(data) / "vedette.toml"
        parts = [f'device = "bench"\ndata = "{data}/data"\n[mqtt]\nport = {port}\n']
        parts += [f"[cameras.c{number}]\n{camera}" for number, camera in enumerate(cameras)]
        toml.write_text("".join(parts), "utf-8")
        command = [str(Path(sys.executable).with_name("vedette")), "--log", "ERROR", "--config", str(toml), "run"]
        process = subprocess.Popen(command, env=os.environ | (more or {}))
        try:
            yield Daemon(process)
        finally:
            process.terminate()
            process.wait(30)
