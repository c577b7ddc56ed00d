"""Overload: three times as many frames as the machine can look at, and what becomes of them.

`capacity` is how many frames a second are analysed when cameras wait: people who walk and talk (640x360, MPEG-4), with
objects, faces, labels and moderation looked for in every frame. Then as many cameras as it takes deliver 25 frames/s
each, three times that in all, and one more delivers 2. `age` is that of a frame when it has been analysed, the median
and p99 of the last fifth of the time against the first; `share` the frames analysed of the camera that had fewest
against the one that had most, `slow` those of the slow camera against what it captured; `counted` the frames of all
fates against those captured.
"""

from __future__ import annotations

import logging
import math
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks import scenes
from benchmarks.freshness import at
from evaluation.figures import Figure, figure

from edge.abilities import Abilities, open_abilities
from edge.config import Config, parse
from edge.daemon import parts
from edge.pipeline import Pipeline
from edge.stats import FATES, Stats

TIMES = 3.0
WARM = 3.0  # seconds in which files are opened and caches warmed
SLOW = "slow"
TASKS = {"motion": {"area": 0.0}, "faces": {"every": 0.0}, "labels": {"every": 0.0}, "moderation": {"every": 0.0}}


@dataclass
class Told:
    """What the pipeline counted: (seconds since the start, camera, milliseconds of age), and frames by fate."""

    ages: list[tuple[float, str, float]] = field(default_factory=list)
    frames: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: float = 0.0

    def per_second(self, fate: str) -> float:
        return sum(frames[fate] for frames in self.frames.values()) / self.seconds

    def fifth(self, which: int) -> list[float]:
        """Ages in a fifth of the time, 0 the first and 4 the last."""
        length = (self.seconds - WARM) / 5
        start = WARM + which * length
        return [age for when, _, age in self.ages if start <= when < start + length]


def run(quick: bool) -> Iterator[Figure]:
    return _measure(20.0 if quick else 40.0)


def long(_quick: bool) -> Iterator[Figure]:
    """For five minutes."""
    return _measure(300.0)


def _measure(seconds: float) -> Iterator[Figure]:
    logging.getLogger("edge").setLevel(logging.CRITICAL)  # there is no broker here: events stay in the outbox
    with tempfile.TemporaryDirectory(dir=Path.home()) as name:
        folder = Path(name)
        clip = scenes.busy(folder, (640, 360))
        camera = {"kind": "file", "path": str(clip), "loop": True, "fps": 0.0, **TASKS}
        patient = {f"c{number}": camera | {"pace": "fast"} for number in range(3)}
        with _opened(_config(patient, folder / "a")) as (config, abilities):
            capacity = _told(config, abilities, 10.0).per_second("analysed")
        count = math.ceil(TIMES * capacity / scenes.FPS)
        cameras = {f"c{number}": camera for number in range(count)} | {SLOW: camera | {"fps": 2.0}}
        with _opened(_config(cameras, folder / "b")) as (config, abilities):
            told = _told(config, abilities, seconds)
    yield figure("overload.capacity", capacity, "frames/s", 3)
    yield from _figures(told, capacity, count)


def _figures(told: Told, capacity: float, count: int) -> Iterator[Figure]:
    yield figure("overload.captured", told.per_second("captured"), "frames/s", count + 1, capacity)
    yield figure("overload.analysed", told.per_second("analysed"), "frames/s", count + 1, capacity)
    first, last = told.fifth(0), told.fifth(4)
    yield figure("overload.age.p50", at(last, 0.5), "ms", len(last), at(first, 0.5))
    yield figure("overload.age.p99", at(last, 0.99), "ms", len(last), at(first, 0.99))
    analysed = [frames["analysed"] for camera, frames in told.frames.items() if camera != SLOW]
    yield figure("overload.share", min(analysed), "frames", count, max(analysed))
    yield figure("overload.slow", told.frames[SLOW]["analysed"], "frames", 1, told.frames[SLOW]["captured"])
    fates: Counter[str] = Counter()
    for frames in told.frames.values():
        fates.update(frames)
    for fate in FATES:
        if fates[fate]:
            yield figure(f"overload.fate.{fate}", fates[fate], "frames", count + 1)
    yield figure("overload.counted", sum(fates[fate] for fate in FATES), "frames", count + 1, fates["captured"])


def _config(cameras: Mapping[str, Any], data: Path) -> Config:
    return parse({"device": "bench", "data": str(data), "mqtt": {"port": 1}, "cameras": cameras}, data)


@contextmanager
def _opened(config: Config) -> Iterator[tuple[Config, Abilities]]:
    abilities = open_abilities(config, config.tasks)
    try:
        yield config, abilities
    finally:
        abilities.close()


def _told(config: Config, abilities: Abilities, seconds: float) -> Told:
    told, analysed = Told(), Stats.analysed

    def recorded(self: Stats, camera: str, age: float, milliseconds: Mapping[str, float]) -> None:
        told.ages.append((time.perf_counter() - began, camera, 1e3 * age))
        analysed(self, camera, age, milliseconds)

    with patch.object(Stats, "analysed", recorded), parts(config, abilities) as used:
        pipeline = Pipeline(config, used)
        thread = threading.Thread(target=pipeline.run)
        began = time.perf_counter()
        thread.start()
        time.sleep(seconds)
        pipeline.stop()
        thread.join()
        told.seconds = time.perf_counter() - began
        told.frames = {camera: used.stats.frames(camera) for camera in config.cameras}
    return told
