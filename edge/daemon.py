"""The daemon's life: open the parts, run the pipeline, close them in order."""

from __future__ import annotations

import fcntl
import logging
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from edge import database, notify, stopping
from edge.abilities import Abilities, open_abilities
from edge.collections import Collections
from edge.config import Config
from edge.errors import StorageError
from edge.events.log import EventLog
from edge.events.publisher import Publisher
from edge.live import Live
from edge.pipeline import Parts, Pipeline
from edge.stats import Stats

if TYPE_CHECKING:
    from edge.exporter import Exporter

log = logging.getLogger(__name__)


def watch(config: Config, seconds: float | None = None) -> None:
    """Run until SIGTERM, SIGINT, `seconds`, or the end of every finite source; raises what ended it."""
    with alone(config.data), ExitStack() as opened:
        notify.tell(STATUS="opening the models")
        abilities = open_abilities(config, config.tasks, lasting=True)
        opened.callback(abilities.close)
        _until(Pipeline(config, opened.enter_context(parts(config, abilities))), seconds)


@contextmanager
def parts(config: Config, abilities: Abilities) -> Iterator[Parts]:
    """What a pipeline is made of, closed at the end; `abilities` stay open."""
    with ExitStack() as opened:
        state = database.connect(config.data)
        opened.callback(state.close)
        collections = Collections(database.connect(config.data))
        opened.callback(collections.close)
        for name in {camera.faces.collection for camera in config.cameras.values() if camera.faces.enabled}:
            collections.load(name)
        events = EventLog(database.connect(config.data), config.device, config.events)
        opened.callback(events.close)
        stats = Stats()
        publisher = Publisher(config.mqtt, config.device, events, stats.delivered)
        opened.callback(publisher.close)
        listeners = []
        for listener in _listeners(config):
            opened.callback(listener.close)
            listeners.append(listener)
        yield Parts(abilities, state, collections, events, publisher, stats, listeners)


def _listeners(config: Config) -> Iterator[Live | Exporter]:
    try:
        yield Live(config.data)
    except OSError as error:  # a file system without sockets is no reason to see nothing
        log.warning("data: %s: %s: 'vedette top' will not work", config.data, (error.strerror or str(error)).lower())
    if config.metrics.port:
        from edge.exporter import Exporter

        yield Exporter(config.metrics)


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Hold a data folder for this process: two daemons would close each other's tracks. Raises StorageError."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "lock").open("a")
    except OSError as error:
        raise database.no_folder("data", data, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StorageError(
                f"data: {data} is in use by another 'vedette run'; stop it, or name another folder"
            ) from error
        yield


def _until(pipeline: Pipeline, seconds: float | None) -> None:
    def stop(number: int, _: FrameType | None) -> None:
        log.info("stopping on %s", signal.Signals(number).name)
        pipeline.stop()

    with stopping.handled(stop):
        pipeline.run(seconds)
