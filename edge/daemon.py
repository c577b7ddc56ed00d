"""The daemon's life: open the parts, run the pipeline, close them in order."""

from __future__ import annotations

import logging
import signal
from contextlib import ExitStack
from types import FrameType

from edge import database
from edge.abilities import open_abilities
from edge.collections import Collections
from edge.config import Config
from edge.events.log import EventLog
from edge.events.publisher import Publisher
from edge.pipeline import Parts, Pipeline

log = logging.getLogger(__name__)

TASKS = ("objects", "faces", "labels", "moderation")


def wanted(config: Config) -> frozenset[str]:
    """The tasks that any camera has enabled."""
    return frozenset(task for task in TASKS for camera in config.cameras.values() if getattr(camera, task).enabled)


def watch(config: Config, seconds: float | None = None) -> None:
    """Run until SIGTERM, SIGINT, `seconds`, or the end of every finite source; raises what ended it."""
    with ExitStack() as opened:
        state = database.connect(config.data)
        opened.callback(state.close)
        collections = Collections(database.connect(config.data))
        opened.callback(collections.close)
        events = EventLog(database.connect(config.data), config.device, config.events)
        opened.callback(events.close)
        abilities = open_abilities(config, wanted(config))
        opened.callback(abilities.close)
        publisher = Publisher(config.mqtt, config.device, events)
        opened.callback(publisher.close)
        _until(Pipeline(config, Parts(abilities, state, collections, events, publisher)), seconds)


def _until(pipeline: Pipeline, seconds: float | None) -> None:
    def stop(number: int, _: FrameType | None) -> None:
        log.info("stopping on %s", signal.Signals(number).name)
        pipeline.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        pipeline.run(seconds)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
