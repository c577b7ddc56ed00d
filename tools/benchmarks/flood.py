"""A camera beside clients who never rest: its frames a second, and how soon its events arrive."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import media
from benchmarks import endpoint, scenes
from benchmarks.broker import broker, installed
from benchmarks.clients import Client, clients
from benchmarks.freshness import EACH, at
from evaluation.figures import Figure, figure

from edge.abilities import open_abilities
from edge.config import Config
from edge.daemon import parts
from edge.endpoint import TASKS
from edge.pipeline import Pipeline
from edge.stats import Stats

CAMERA = "yard"
WARM, BETWEEN = 5.0, 2.0  # seconds
OPERATIONS = ("DetectFaces", "DetectLabels")


@dataclass
class Window:
    """A while of the camera's life."""

    seconds: float = 0.0
    analysed: int = 0
    arrived: list[float] = field(default_factory=list)  # milliseconds of each event

    @property
    def rate(self) -> float:
        return self.analysed / self.seconds


def run(quick: bool) -> Iterator[Figure]:
    """Needs mosquitto; without there are no figures."""
    if not installed():
        return
    with tempfile.TemporaryDirectory(dir=Path.home()) as name, broker(Path(name)) as port:
        clip = scenes.slides(Path(name), EACH)
        camera = {"kind": "file", "path": str(clip), "loop": True, "labels": {"every": 0.0}}
        config = endpoint.configured(Path(name), mqtt={"port": port}, cameras={CAMERA: camera})
        quiet, flooded, asked = _watched(config, Path(name), 10.0 if quick else 40.0)
    yield figure("endpoint.flood.rate", flooded.rate, "frames/s", flooded.analysed, quiet.rate)
    for part in (0.5, 0.99):
        there, alone = at(flooded.arrived, part), at(quiet.arrived, part)
        yield figure(f"endpoint.flood.puback.p{part * 100:.0f}", there, "ms", len(flooded.arrived), alone)
    yield figure("endpoint.flood.requests", asked / flooded.seconds, "requests/s", asked)


def _watched(config: Config, folder: Path, seconds: float) -> tuple[Window, Window, int]:
    """The camera alone, flooded, and both once more; and how many requests were answered."""
    quiet, flooded, asked = Window(), Window(), 0
    with _running(config) as (stats, arrived), clients(config.api.port, endpoint.CLIENTS) as asking:
        signer, (photo,) = endpoint.signer(config), media.get(endpoint.PHOTO)
        members = {"Image": {"Bytes": photo.read_bytes()}}
        time.sleep(WARM)
        for _ in range(2):
            with _window(quiet, stats, arrived):
                time.sleep(seconds / 2)
            files = [endpoint.written(folder, signer, operation, members) for operation in OPERATIONS]
            _begin(asking, files, seconds / 2 + BETWEEN)
            time.sleep(BETWEEN)
            with _window(flooded, stats, arrived):
                time.sleep(seconds / 2)
            asked += sum(len(client.end()) for client in asking)
            time.sleep(BETWEEN)
    return quiet, flooded, round(asked * seconds / (seconds + 2 * BETWEEN))


def _begin(asking: list[Client], files: list[str], seconds: float) -> None:
    for number, client in enumerate(asking):
        client.begin(files=[files[number % len(files)]], seconds=seconds)


@contextmanager
def _window(window: Window, stats: Stats, arrived: list[float]) -> Iterator[None]:
    began, frames, events = time.perf_counter(), stats.frames(CAMERA)["analysed"], len(arrived)
    yield
    window.seconds += time.perf_counter() - began
    window.analysed += stats.frames(CAMERA)["analysed"] - frames
    window.arrived += arrived[events:]


@contextmanager
def _running(config: Config) -> Iterator[tuple[Stats, list[float]]]:
    """The daemon in this process; milliseconds are added to the list as its events arrive."""
    arrived: list[float] = []

    def delivered(_: Stats, seconds: float) -> None:
        arrived.append(1e3 * seconds)

    abilities: Any = open_abilities(config, {*config.tasks, *TASKS})
    try:
        with patch.object(Stats, "delivered", delivered), parts(config, abilities) as used:
            pipeline = Pipeline(config, used)
            thread = threading.Thread(target=pipeline.run)
            thread.start()
            try:
                yield used.stats, arrived
            finally:
                pipeline.stop()
                thread.join()
    finally:
        abilities.close()
