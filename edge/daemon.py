"""The daemon's life: open the parts, run the pipeline, close them in order; or the API alone, without cameras."""

from __future__ import annotations

import fcntl
import logging
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from sqlite3 import Connection
from types import FrameType
from typing import TYPE_CHECKING, Any

import cv2

from edge import database, notify, stopping
from edge.abilities import Abilities, open_abilities
from edge.collections import Collections
from edge.config import Config
from edge.custom import Projects, manifests
from edge.custom.following import Follower, Hands
from edge.custom.manifests import Followed
from edge.endpoint import TASKS
from edge.errors import StorageError
from edge.events.inbox import Inbox
from edge.events.log import EventLog
from edge.events.publisher import Publisher
from edge.events.schema import NO_CAMERA
from edge.explain import cautions, exposures
from edge.futile import absent_collections, futile
from edge.live import Live
from edge.pipeline import Parts, Pipeline
from edge.stats import Stats
from edge.threads import Listener, Threads
from edge.values import Event

if TYPE_CHECKING:
    from edge.api.server import Door, Server
    from edge.exporter import Exporter

log = logging.getLogger(__name__)


def watch(config: Config, seconds: float | None = None) -> None:
    """Run until SIGTERM, SIGINT, `seconds`, or the end of every finite source; raises what ended it."""
    with alone(config.data), ExitStack() as opened:
        door = opened.enter_context(_door(config)) if config.api.port else None
        notify.tell(STATUS="opening the models")
        abilities = open_abilities(config, config.tasks, lasting=True)
        opened.callback(abilities.close)
        _until(Pipeline(config, opened.enter_context(parts(config, abilities, door))), seconds)
    log.info("stopped")


@contextmanager
def parts(config: Config, abilities: Abilities, door: Door | None = None) -> Iterator[Parts]:
    """What a pipeline is made of, closed at the end; `abilities` stay open. The API opens its own door without one."""
    with ExitStack() as opened:
        state = database.connect(config.data)
        opened.callback(state.close)
        collections = Collections(database.connect(config.data))
        opened.callback(collections.close)
        for name in {camera.faces.collection for camera in config.cameras.values() if camera.faces.enabled}:
            collections.load(name)
        for sentence in (*absent_collections(config, collections.list_collections()), *futile(config)):
            log.warning(sentence)
        events = EventLog(database.connect(config.data), config.device, config.events)
        opened.callback(events.close)
        stats = Stats()
        publisher = Publisher(config.mqtt, config.device, events, stats.delivered)
        opened.callback(publisher.close)
        listeners: list[Listener] = []
        for listener in _listeners(config):
            opened.callback(listener.close)
            listeners.append(listener)
        if config.custom.manifests:
            listeners.append(opened.enter_context(_follower(config, events, publisher)))
        if config.api.port:
            listeners.append(opened.enter_context(_api(config, abilities, collections, door)))
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
def _follower(config: Config, events: EventLog, publisher: Publisher) -> Iterator[Follower]:
    """Has the publisher listen to where model packs are announced, and hand it what it hears."""

    def tell(values: Mapping[str, str], also: Callable[[Connection], None]) -> None:
        events.append([Event("custom_pack", NO_CAMERA, time.time(), values)], also)
        publisher.wake()

    with ExitStack() as opened:
        projects = Projects(database.connect(config.data))
        opened.callback(projects.close)
        followed = Followed(database.connect(config.data))
        opened.callback(followed.close)
        store = config.models.open_store()
        shared, own = manifests.topics(config.mqtt.prefix, config.device)
        follower = Follower(config.custom, Hands(store, projects, followed, tell, config.data / "custom"), own)
        publisher.listen(
            Inbox(
                (f"{shared}/+", f"{own}/+"),
                lambda message: follower.hear(message.topic, message.payload, message.retained),
            )
        )
        yield follower


@contextmanager
def _door(config: Config) -> Iterator[Door]:
    """Opened before the models, which take their time: what keeps clients out is told at once."""
    from edge.api.server import Door

    with closing(Door(config.api)) as door:
        for sentence in (*exposures(config), *cautions(config)):
            log.warning(sentence)
        yield door


@contextmanager
def _api(config: Config, abilities: Abilities, collections: Collections, door: Door | None) -> Iterator[Server]:
    from edge.api.opening import opened

    with opened(config, abilities, collections, door) as server:
        log.info("api: %s", config.api.place)
        yield server


def serve(config: Config, seconds: float | None = None) -> None:
    """Serve the API alone until SIGTERM, SIGINT or `seconds`; raises what ended it.

    Others may work in the same data folder meanwhile, a daemon with cameras among them.
    """
    with ExitStack() as opened:
        door = opened.enter_context(_door(config))
        notify.tell(STATUS="opening the models")
        abilities = open_abilities(config, TASKS, lasting=True)
        opened.callback(abilities.close)
        collections = Collections(database.connect(config.data))
        opened.callback(collections.close)
        server = opened.enter_context(_api(config, abilities, collections, door))
        _until(Serving(abilities, server, config.data), seconds)
    log.info("stopped")


class Serving:
    """The API without cameras: `run` until `stop` or a signal."""

    def __init__(self, abilities: Abilities, server: Listener, data: Path) -> None:
        self._abilities = abilities
        self._server = server
        self._data = data
        self._threads = Threads()

    def ask(self, why: str) -> None:
        """Ask for the end; safe in a signal handler."""
        self._threads.ask(why)

    def run(self, seconds: float | None = None) -> None:
        """Block until stopped, or until `seconds` have passed; raises the error of a thread that died."""
        cv2.setNumThreads(1)  # as in the pipeline
        (answering,) = self._threads.answering([self._server], self.picture)
        notify.tell(READY=1, STATUS="serving the API")
        watchdog, until = notify.Watchdog(), time.monotonic() + (seconds or float("inf"))
        while not self._threads.over(0.2) and time.monotonic() < until:
            self._abilities.tend()
            self._abilities.changes()  # which the models have logged; nobody else is told
            watchdog.look({})
        notify.tell(STOPPING=1)
        self._threads.stop.set()
        answering.join()
        self._threads.check()

    def picture(self) -> dict[str, Any]:
        """What /healthz looks at."""
        return {"models": self._abilities.standing(), "disk": {"fault": database.room(self._data)}}


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


def _until(pipeline: Pipeline | Serving, seconds: float | None) -> None:
    def stop(number: int, _: FrameType | None) -> None:
        pipeline.ask(signal.Signals(number).name)

    with stopping.handled(stop):
        pipeline.run(seconds)
