"""The pipeline's efficiency: frames a second from file to event, over raw inference of the same compiled model.

Every frame of a clip (640x272, H.264) goes through the detector, the tracker, the rules and the log. The reference is
the same session fed with a ready tensor, as many in flight as it takes, before and after. `latency` is one frame on all
cores, `streams` two frames on a core each. A CPU with AMX, which no edge device has, infers so fast (4 to 6 ms) that
decoding, resizing and tracking a frame on the same cores weigh a quarter as much; there, `vnni` measures once more with
inference held to AVX-512 VNNI.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import media
import numpy as np
from evaluation.figures import Figure, figure

from accel.session import Session
from edge.abilities import Abilities, open_abilities
from edge.config import Config, parse
from edge.daemon import parts
from edge.pipeline import Pipeline

CAMERAS = (1, 4, 8)
SETUPS = {"latency": 1, "streams": 2}  # how many frames are in flight: one on all cores, or one a core
OFF = {"enabled": False}
LIMIT = "ONEDNN_MAX_CPU_ISA"  # read once, when the library loads


def run(quick: bool) -> Iterator[Figure]:
    """With one camera, four and eight, and once more as on a CPU without AMX."""
    (clip,) = media.get("bikes.mp4")
    seconds = 3.0 if quick else 9.0
    logging.getLogger("edge").setLevel(logging.CRITICAL)  # there is no broker here: events stay in the outbox
    for setup, streams in SETUPS.items():
        for cameras in CAMERAS:
            with tempfile.TemporaryDirectory() as folder:
                config = _config(clip, cameras, streams, Path(folder))
                yield from _measure(config, f"pipeline.{cameras}cam.{setup}", seconds)

    if LIMIT not in os.environ and "amx_int8" in Path("/proc/cpuinfo").read_text("utf-8"):
        yield from _without_amx(quick)


def _without_amx(quick: bool) -> Iterator[Figure]:
    """The same in a process of its own, whose inference may use nothing newer than AVX-512 VNNI."""
    command = [sys.executable, "-m", "benchmarks", "--only", "pipeline", "--json", *(["--quick"] if quick else [])]
    limited = os.environ | {LIMIT: "AVX512_CORE_VNNI"}
    done = subprocess.run(command, env=limited, stdout=subprocess.PIPE, text=True, check=True)
    for line in done.stdout.splitlines():
        found: Figure = json.loads(line)
        yield {**found, "name": found["name"] + ".vnni"}


def _config(clip: Path, cameras: int, streams: int, folder: Path) -> Config:
    camera: dict[str, Any] = {"kind": "file", "path": str(clip), "pace": "fast", "fps": 0.0, "loop": True}
    camera |= {"motion": {"area": 0.0}, "faces": OFF, "labels": OFF, "moderation": OFF}
    raw = {
        "device": "bench",
        "data": str(folder),
        "mqtt": {"port": 1},
        "accel": {"order": ["openvino"], "openvino": {"streams": streams}},
        "cameras": {f"c{number}": camera for number in range(cameras)},
    }
    return parse(raw, folder / "bench.toml")


def _measure(config: Config, name: str, seconds: float) -> Iterator[Figure]:
    """Raw, pipeline, raw: the machine's moods fall on both."""
    abilities = open_abilities(config, frozenset({"objects"}))
    try:
        session = abilities.models()[0].session
        before = _raw(session, seconds / 2)
        fps, frames = _piped(config, abilities, seconds)
        raw = (before + _raw(session, seconds / 2)) / 2
    finally:
        abilities.close()
    yield figure(name, fps, "frames/s", frames, raw)


def _raw(session: Session, seconds: float) -> float:
    """Inferences a second of the same session, as many in flight as it takes, on an input made beforehand."""
    (spec,) = session.inputs
    feeds = {spec.name: np.random.default_rng(0).integers(0, 255, spec.shape).astype(spec.dtype)}
    flying: deque[Callable[[], Any]] = deque()
    count, started = 0, time.perf_counter()
    while (now := time.perf_counter()) - started < seconds:
        if len(flying) >= session.streams:
            flying.popleft()()
            count += 1
        flying.append(session.submit(feeds))
    for pending in flying:
        pending()
    return count / (now - started)


def _piped(config: Config, abilities: Abilities, seconds: float) -> tuple[float, int]:
    with parts(config, abilities) as used:
        pipeline = Pipeline(config, used)
        thread = threading.Thread(target=pipeline.run)
        thread.start()
        time.sleep(1.0)  # the first frames open files and warm caches

        def analysed() -> int:
            return sum(used.stats.frames(camera)["analysed"] for camera in config.cameras)

        first, started = analysed(), time.perf_counter()
        time.sleep(seconds)
        frames, took = analysed() - first, time.perf_counter() - started
        pipeline.stop()
        thread.join()
    return frames / took, frames
