"""Freshness: milliseconds from a frame's capture to the broker's PUBACK of the event it caused.

One camera of 720p at 5 frames/s shows another photo each time; objects, faces and moderation are looked for at their
default settings, labels in each frame: each photo is an event at once. `beyond_inference` leaves out the time of the
models, which the event itself tells: its stages `infer`, `faces`, `labels` and `moderation`. What remains is
converting, waiting, shaping, decoding, tracking, the rules, the commit to disk, and both ways to a real mosquitto. The
reference of its p99 is what is promised on a machine with nothing else to do.
"""

from __future__ import annotations

import json
import logging
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks import scenes
from benchmarks.broker import broker, installed
from evaluation.figures import Figure, figure

from edge.abilities import open_abilities
from edge.config import Config, parse
from edge.daemon import parts
from edge.events.log import EventLog
from edge.pipeline import Parts, Pipeline
from edge.stats import Stats

PROMISED = 25.0  # milliseconds, p99
INFERENCE = ("infer", "faces", "labels", "moderation")
EACH = 0.2  # seconds a photo is shown: one frame
WARM = 5  # events after which caches are warm


def run(quick: bool) -> Iterator[Figure]:
    """Needs mosquitto; without there are no figures."""
    if not installed():
        return
    logging.getLogger("edge").setLevel(logging.ERROR)
    # Not in /tmp, which may be memory: a commit is worth its fsync.
    with tempfile.TemporaryDirectory(dir=Path.home()) as name, broker(Path(name)) as port:
        config = _config(scenes.slides(Path(name), EACH), Path(name), port)
        whole, beyond = _delivered(config, 10.0 if quick else 70.0)
    yield figure("freshness.puback.p50", at(whole, 0.5), "ms", len(whole))
    yield figure("freshness.puback.p99", at(whole, 0.99), "ms", len(whole))
    yield figure("freshness.beyond_inference.p50", at(beyond, 0.5), "ms", len(beyond))
    yield figure("freshness.beyond_inference.p99", at(beyond, 0.99), "ms", len(beyond), PROMISED)


def at(values: Sequence[float], share: float) -> float:
    """The value that `share` (0..1) of all do not exceed."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def _config(clip: Path, folder: Path, port: int) -> Config:
    camera = {"kind": "file", "path": str(clip), "loop": True, "labels": {"every": 0.0}}
    raw = {"device": "bench", "data": str(folder / "data"), "mqtt": {"port": port}, "cameras": {"yard": camera}}
    return parse(raw, folder / "bench.toml")


def _delivered(config: Config, seconds: float) -> tuple[list[float], list[float]]:
    """Of each event that came of a frame: capture to PUBACK, all of it and beyond inference, in milliseconds."""
    took: list[float] = []
    abilities = open_abilities(config, config.tasks)
    try:
        with (
            patch.object(Stats, "delivered", lambda _self, seconds: took.append(1e3 * seconds)),
            parts(config, abilities) as used,
        ):
            _watch(config, used, seconds)
            stages = [event["stages"] for event in _events(used.log)]
    finally:
        abilities.close()
    # One connection acknowledges in the order of the log.
    of_frames = [(ms, spent) for ms, spent in zip(took, stages, strict=True) if "wait" in spent][WARM:]
    return [ms for ms, _ in of_frames], [ms - sum(spent.get(k, 0.0) for k in INFERENCE) for ms, spent in of_frames]


def _watch(config: Config, used: Parts, seconds: float) -> None:
    pipeline = Pipeline(config, used)
    thread = threading.Thread(target=pipeline.run)
    thread.start()
    time.sleep(seconds)
    pipeline.stop()
    thread.join()
    if used.log.standing().waiting:
        raise AssertionError("events stay in the outbox")


def _events(log: EventLog) -> Iterator[dict[str, Any]]:
    last = 0
    while found := log.tail(last):
        yield from (json.loads(event.body) for event in found)
        last = found[-1].sequence
