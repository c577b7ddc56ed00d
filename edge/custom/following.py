"""Follows the manifests that a broker tells: each once, to the version that it announces, or to why not.

The publisher's thread hears them, a thread of its own fetches, installs and starts. How it ended is an event, and is
remembered in the same commit: a manifest that the broker keeps is told again at each connection, but not followed
again. One that somebody sends anew is.
"""

from __future__ import annotations

import logging
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.custom import fetching, manifests
from edge.custom.installing import install
from edge.custom.manifests import CustomSettings, Followed, Manifest, State, Trace
from edge.custom.records import InUseError, Status
from edge.custom.store import Projects
from edge.errors import DeniedError, EdgeError, InputError, MissingError, StorageError
from edge.packs import custom as packs
from edge.packs.drafts import NAME
from edge.packs.store import Store
from models.manifest import ModelError

log = logging.getLogger(__name__)

TICK = 0.5  # seconds between two looks at what was heard
PAUSE = (5.0, 600.0)  # first and longest wait before a manifest is tried again
UNTRUSTED = "if its maker told you this fingerprint, run 'vedette custom trust' with it, then announce the pack again"
WAITING = 100  # manifests that may wait at once

Also = Callable[[sqlite3.Connection], None]


@dataclass(frozen=True, slots=True)
class Hands:
    """What the follower works with. `tell` commits an event of these values, and what the other writes, together."""

    store: Store
    projects: Projects
    followed: Followed
    tell: Callable[[Mapping[str, str], Also], None]
    folder: Path


@dataclass(slots=True)
class _Task:
    """A manifest that is being followed."""

    topic: str
    payload: bytes
    due: float = 0.0
    pause: float = field(default_factory=lambda: PAUSE[0])
    told: str = ""

    @property
    def project(self) -> str:
        return self.topic.rpartition("/")[2]


class Follower:
    """`hear` from any thread, `serve` as the body of one."""

    name = "custom"

    def __init__(self, settings: CustomSettings, hands: Hands, own: str) -> None:
        """`own` begins the topics that are told to this device alone: they are followed last, so that they count."""
        self._settings = settings
        self._hands = hands
        self._own = own
        self._lock = threading.Lock()
        self._heard: dict[str, tuple[bytes, bool]] = {}
        self._tasks: dict[str, _Task] = {}
        self._complaint = ""

    def hear(self, topic: str, payload: bytes, retained: bool) -> None:
        """Take a message in; it is read by `serve`. Of those on one topic, the newest counts."""
        with self._lock:
            if topic in self._heard or len(self._heard) < WAITING:
                self._heard[topic] = (payload, retained)

    def serve(self, _picture: Callable[[], Mapping[str, Any]], stop: threading.Event) -> None:
        """Follow until `stop`; no manifest, network or disk ends it."""
        while not stop.wait(TICK):
            try:
                self._turn(stop)
            except StorageError as error:
                self._complain(str(error))

    def _turn(self, stop: threading.Event) -> None:
        self._take()
        self._watch()
        now = time.monotonic()
        for task in sorted(self._tasks.values(), key=lambda task: task.topic.startswith(self._own)):
            if task.due <= now and not stop.is_set():
                self._follow(task, stop)

    def _take(self) -> None:
        with self._lock:
            heard, self._heard = self._heard, {}
        for topic, (payload, retained) in heard.items():
            self._tasks.pop(topic, None)
            if not payload or not NAME.fullmatch(topic.rpartition("/")[2]):
                continue  # withdrawn; or on a topic where no manifest can be
            if (not retained or not self._hands.followed.knows(topic, payload)) and len(self._tasks) < WAITING:
                self._tasks[topic] = _Task(topic, payload)

    def _follow(self, task: _Task, stop: threading.Event) -> None:
        """Once; what may pass is tried again, with growing pauses."""
        version = ""
        try:
            manifest = manifests.read(task.project, task.payload)
            version = manifest.version
            self._install(manifest, lambda: stop.is_set() or task.topic in self._heard)
            state: State = self._start(manifest)
            reason = ""
        except InUseError as error:
            self._delay(task, version, error)
            return
        except (DeniedError, InputError) as error:
            state, reason = "refused", str(error)
        except EdgeError as error:
            if not stop.is_set():
                self._delay(task, version, error)
            return
        self._end(task, version, state, reason)

    def _install(self, manifest: Manifest, given_up: Callable[[], bool]) -> None:
        """Nothing is fetched that is installed already."""
        hands = self._hands
        with suppress(MissingError, ModelError):
            if hands.projects.version(manifest.project, manifest.version).digest == manifest.sha256:
                packs.find(hands.store, manifest.sha256)
                return
        file = fetching.fetch(manifest, self._settings, hands.folder, given_up)
        try:
            install(hands.projects, hands.store, file, only=f"{manifest.project}/{manifest.version}")
        except (DeniedError, InputError) as error:
            told = str(error).replace(str(file), manifest.url or str(file))
            if isinstance(error, DeniedError):
                told = f"{told.partition('; ')[0]}; {UNTRUSTED}"
            raise DeniedError(told) from error
        finally:
            if manifest.url:
                with suppress(OSError):
                    file.unlink()

    def _start(self, manifest: Manifest) -> State:
        """One that runs already is the one that serves from now on."""
        if not manifest.start:
            return "installed"
        projects = self._hands.projects
        version = projects.version(manifest.project, manifest.version)
        if version.status == Status.RUNNING:
            projects.started(version, replacing=True)
        elif version.status != Status.STARTING:
            projects.begin(manifest.project, manifest.version, replacing=True)
        return "starting"

    def _end(self, task: _Task, version: str, state: State, reason: str) -> None:
        trace = Trace(task.topic, manifests.seal(task.payload), task.project, version, state)
        self._tell(trace, "installed" if state == "starting" else state, reason)
        self._tasks.pop(task.topic, None)
        level = logging.WARNING if state == "refused" else logging.INFO
        log.log(level, "%s: %s%s", task.topic, state, f": {reason}" * bool(reason))

    def _delay(self, task: _Task, version: str, error: EdgeError) -> None:
        """It is told once, and logged when the reason changes."""
        task.due = time.monotonic() + task.pause * random.uniform(0.8, 1.2)  # noqa: S311 (spreads a fleet)
        task.pause = min(2 * task.pause, PAUSE[1])
        if str(error) != task.told:
            log.warning("%s: %s", task.topic, error)
        if not task.told:
            values = {"project": task.project, "version": version, "state": "delayed", "reason": str(error)}
            self._hands.tell(values, lambda _: None)
        task.told = str(error)

    def _watch(self) -> None:
        """Tell of versions that were to be started what came of it."""
        for trace in self._hands.followed.starting():
            try:
                version = self._hands.projects.version(trace.project, trace.version)
            except MissingError:
                version = None
            if version and version.status == Status.STARTING:
                continue
            state: State = "installed"  # somebody has stopped or deleted it meanwhile, which is no news
            if version and version.status in (Status.RUNNING, Status.FAILED):
                state = "running" if version.status == Status.RUNNING else "failed"
            self._tell(
                Trace(trace.topic, trace.seal, trace.project, trace.version, state),
                state,
                version.message if version else "",
            )

    def _tell(self, trace: Trace, state: str, reason: str) -> None:
        values = {"project": trace.project, "version": trace.version, "state": state, "reason": reason}
        self._hands.tell(values, lambda connection: manifests.remember(connection, trace))

    def _complain(self, reason: str) -> None:
        """Once, not at each look."""
        if reason != self._complaint:
            log.warning("%s", reason)
        self._complaint = reason
