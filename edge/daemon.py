"""The daemon's life: open the parts, run the pipeline, close them in order."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import closing
from types import FrameType

from edge import database
from edge.abilities import Abilities, open_abilities
from edge.collections import Collections
from edge.config import Config
from edge.events.log import EventLog
from edge.events.mqtt import Publisher
from edge.pipeline import Parts, Pipeline

log = logging.getLogger(__name__)

TASKS = ("objects", "faces", "labels", "moderation")


def wanted(config: Config) -> frozenset[str]:
    """The tasks that any camera has enabled."""
    return frozenset(task for task in TASKS for camera in config.cameras.values() if getattr(camera, task).enabled)


def watch(config: Config, seconds: float | None = None) -> None:
    """Run until SIGTERM, SIGINT, `seconds`, or the end of every finite source; raises what ended it."""
    with closing(database.connect(config.data).conn) as connection:
        db = database.Database(connection)
        collections = Collections(db)
        events = EventLog(db, config.device, config.events)
        abilities: Abilities = open_abilities(config, wanted(config))
        try:
            publisher = Publisher(config.mqtt, config.device, events)
            pipeline = Pipeline(config, Parts(abilities, collections, events, publisher))
            _until(pipeline, seconds)
        finally:
            abilities.close()


def _until(pipeline: Pipeline, seconds: float | None) -> None:
    def stop(number: int, _: FrameType | None) -> None:
        log.info("stopping on %s", signal.Signals(number).name)
        pipeline.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    timer = threading.Timer(seconds, pipeline.stop) if seconds else None
    if timer:
        timer.daemon = True
        timer.start()
    try:
        pipeline.run()
    finally:
        if timer:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
