"""The daemon's threads: one per camera, one for vision, one that publishes, one that brings back accelerators.

One more answers whoever looks at the daemon, one Prometheus, and one the API.

A camera's error backs off and reopens within its own thread, and one that hangs is replaced (`cameras/attendance`);
any other thread that dies ends the run with its reason, and the service manager starts the daemon anew.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any

import cv2
from sqlite_utils import Database

from accel.session import AcceleratorError
from edge import __version__, notify, presence, status
from edge.abilities import Abilities
from edge.board import Board, resident
from edge.cameras import reopen
from edge.cameras.attendance import Attendance, Pulse
from edge.cameras.base import State
from edge.collections import Collections
from edge.config import Config
from edge.database import NAME
from edge.engine import Pending
from edge.errors import CameraError, DiskError, StorageError
from edge.events import rules
from edge.events.held import Held
from edge.events.log import EventLog
from edge.events.publisher import Publisher
from edge.events.schema import NO_CAMERA
from edge.mailbox import Mailbox
from edge.stats import INFERENCES, REQUESTS, Stats
from edge.stills import Stills
from edge.threads import Listener, Threads
from edge.turns import TURNS
from edge.values import Event, Frame, Image
from edge.vision.motion import Motion
from edge.watch import Seen, Watch
from models.outputs import Boxes

log = logging.getLogger(__name__)

STATUS_EVERY = 10.0  # seconds between retained status messages when nothing changes


@dataclass(frozen=True, slots=True)
class Arrived:
    """A frame of a camera, and what starts its inference, if it is shaped for the network already."""

    frame: Frame
    begin: Callable[[], Pending] | None
    pulse: Pulse
    opening: int

    @property
    def stale(self) -> bool:
        """Whether its camera has gone offline since: tracks of it would be open while nobody looks."""
        return self.pulse.abandoned or self.pulse.opening != self.opening


@dataclass(slots=True)
class InFlight:
    """A frame whose objects are being found."""

    frame: Frame
    pending: Pending | None
    stages: dict[str, float]
    lost: bool = False  # no accelerator was left to find them
    found: bool = False  # the device is done with it


@dataclass(slots=True)
class Parts:
    """What a pipeline is made of; the caller opens and closes them."""

    abilities: Abilities
    database: Database
    collections: Collections
    log: EventLog
    publisher: Publisher
    stats: Stats = field(default_factory=Stats)
    listeners: Sequence[Listener] = ()


class Pipeline:
    """The running daemon: `run` until `stop`, a signal, or the end of every finite source."""

    def __init__(self, config: Config, parts: Parts) -> None:
        self._config = config
        self._parts = parts
        self._threads = Threads()
        self._stop = self._threads.stop
        self._told = threading.Event()
        self._held = Held(parts.log, self._tell_status)
        self._live = any(camera.live for camera in config.cameras.values())
        self._mailbox: Mailbox[Arrived] = Mailbox(room=8)  # a file's thread decodes most of it in a row
        self._changed: SimpleQueue[tuple[str, State, str]] = SimpleQueue()
        self._inode = 0
        self._began = time.monotonic()
        self._board = Board(config.data)
        self._saw_at = 0.0  # the vision thread's last sign of life, in monotonic time
        self._given_up: dict[str, CameraError] = {}
        self._attendance = Attendance(config.cameras, self._read, lambda *told: self._changed.put(told))
        self._cameras: dict[str, dict[str, Any]] = {name: {"state": "opening"} for name in config.cameras}
        kept = config.stills
        stills = Stills(kept.folder, kept.keep, clean=kept.clean) if kept.folder else None
        self._watches = {
            name: Watch(name, camera, parts.abilities, parts.collections, stills)
            for name, camera in config.cameras.items()
        }

    def stop(self) -> None:
        """Ask every thread to end."""
        self._stop.set()

    def ask(self, why: str) -> None:
        """As `stop`, for a signal handler."""
        self._threads.ask(why)

    def run(self, seconds: float | None = None) -> None:
        """Block until stopped, done, or `seconds` have passed; raises the error of a thread that died."""
        cv2.setNumThreads(1)  # OpenCV's own threads would fight the inference for the cores
        self._close_left_open()
        for task, model in self._parts.abilities.standing().items():
            log.info("%s: %s on %s %s", task, model["name"], model["backend"], model["device"])
        spawn = self._threads.spawn
        publisher = spawn("publisher", lambda: self._parts.publisher.run(self._told))
        self._saw_at = time.monotonic()
        vision = spawn("vision", self._see)
        accelerators = spawn("accelerators", self._tend)
        self._attendance.begin()
        answering = self._threads.answering(self._parts.listeners, self.picture)
        notify.tell(READY=1)
        try:
            self._supervise(seconds)
        finally:
            notify.tell(STOPPING=1)
            self._stop.set()
            self._attendance.end(within=5.0)
            self._mailbox.close()
            vision.join()
            accelerators.join()
            self._told.set()
            for thread in (publisher, *answering):
                thread.join()
        self._threads.check()
        if self._given_up and len(self._given_up) == len(self._watches):
            raise next(iter(self._given_up.values()))

    def picture(self) -> dict[str, Any]:
        """How everything stands, in full: what metrics, `vedette top` and, made smaller, the status message say."""
        parts, now = self._parts, time.monotonic()
        told = {
            "version": __version__,
            "device": self._config.device,
            "at": time.time(),
            "up": now - self._began,
            "silent": [name for name, at in self._signs().items() if now - at > notify.LIMITS[name]],
            "cameras": {name: {**state, **parts.stats.camera(name)} for name, state in self._cameras.items()},
            "events": parts.stats.camera(NO_CAMERA)["events"],
            "models": parts.abilities.standing(),
            "missing": parts.abilities.missing,
            "skipped": parts.abilities.skipped,
            "stages": parts.stats.stages(),
            "inferences": INFERENCES.state(),
            "requests": REQUESTS.state(),
            "delivery": parts.stats.delivery(),
            "broker": {"connected": parts.publisher.connected, "state": parts.publisher.state},
            "outbox": self._outbox(),
            "disk": self._held.state(),
            "board": self._board.state(),
            "memory": resident(),
        }
        return told | {"fault": status.fault(told), "summary": status.summary(told)}

    def status(self) -> dict[str, Any]:
        """What the retained status message says while the daemon lives."""
        return status.small(self.picture())

    def _signs(self) -> dict[str, float]:
        """The last sign of life of the threads that must not hang, in monotonic time."""
        return {"vision": self._saw_at, "publisher": self._parts.publisher.alive_at}

    def _outbox(self) -> dict[str, Any]:
        try:
            standing = self._parts.log.standing()
        except DiskError:
            return {}  # `disk` says why
        return {"waiting": standing.waiting, "oldest_at": standing.oldest_at, "crowded": standing.crowded}

    def _supervise(self, seconds: float | None) -> None:
        told, until = 0.0, time.monotonic() + seconds if seconds else float("inf")
        watchdog = notify.Watchdog()
        while not self._threads.over(0.2):
            self._attendance.look()
            watchdog.look(self._signs())
            if time.monotonic() - told >= STATUS_EVERY:
                told = time.monotonic()
                self._check_database()
                self._tell_status()
            if time.monotonic() >= until or self._attendance.over:
                return

    def _check_database(self) -> None:
        """A database that was moved or removed still takes commits, which nobody will ever see: stop instead."""
        path = self._config.data / NAME
        try:
            found = path.stat().st_ino
        except OSError:
            found = 0
        self._inode = self._inode or found
        if found != self._inode:
            raise StorageError(f"{path}: was moved or replaced while in use; put it back, then start again")

    def _tell_status(self) -> None:
        told = self.status()
        self._parts.publisher.status(told)
        notify.status(told)

    def _read(self, name: str, pulse: Pulse) -> threading.Thread:
        return self._threads.spawn(f"camera-{name}", partial(self._capture, name, pulse))

    def _capture(self, name: str, pulse: Pulse) -> None:
        changed = partial(self._attendance.changed, name, pulse)
        try:
            self._deliver(name, pulse, reopen(self._config.cameras[name], pulse, changed))
        except Exception as error:
            if pulse.abandoned:
                log.debug("camera %s: a read that hung ended with %r", name, error)
                return
            if not isinstance(error, CameraError):
                raise
            # A source that is not live is not opened again; the other cameras go on.
            self._given_up[name] = error

    def _deliver(self, name: str, pulse: Pulse, frames: Iterator[tuple[Image, float]]) -> None:
        camera = self._config.cameras[name]
        motion, stats = Motion(camera.motion), self._parts.stats
        for index, (image, at) in enumerate(frames):
            if pulse.abandoned:
                return
            stats.captured(name)
            if not motion.look(image, at):
                stats.dropped(name, "idle")
                continue
            frame = Frame(name, image, at, index)
            # Shaped while the picture is in this core's cache, but not if a newer frame may yet take its place.
            behind = camera.live and self._mailbox.holds(name)
            arrived = Arrived(frame, None if behind else self._shaped(frame), pulse, pulse.opening)
            if camera.live:
                if self._mailbox.put(name, arrived):
                    stats.dropped(name, "replaced")
            elif not self._mailbox.offer(name, arrived, pulse.is_set):
                stats.dropped(name, "stopped")
                return

    def _tend(self) -> None:
        while not self._stop.wait(0.2):
            self._parts.abilities.tend()

    def _see(self) -> None:
        """The vision thread. Requests give way to it while it has frames in work."""
        try:
            self._look(deque())
        finally:
            TURNS.leave()

    def _look(self, flying: deque[InFlight]) -> None:
        """While one frame is inferred, the one before it is decoded, tracked and told."""
        while not (self._mailbox.closed and not flying and self._mailbox.empty):
            self._saw_at = time.monotonic()
            if not (flying and flying[0].found):  # once for a row of frames
                self._tell_changes(flying)
            self._held.retry()
            arrived = self._mailbox.take(0.0 if flying else 0.2)
            if arrived is None:
                if flying:
                    self._finish(flying.popleft())
                continue
            if self._cameras[arrived.frame.camera]["state"] != "online":
                self._tell_changes(flying)  # that it is there is told before anything it saw
            if arrived.stale:
                self._parts.stats.dropped(arrived.frame.camera, "abandoned")
                continue
            most = self._most_in_flight()
            while len(flying) > most:  # another accelerator took over, which takes fewer
                self._finish(flying.popleft())
            done = self._done(flying) if len(flying) == most else None
            TURNS.take_up()
            flying.append(self._started(arrived))
            if done:
                self._finish(done)
        self._tell_changes(flying)
        for watch in self._watches.values():
            self._commit(watch.leave(time.time(), "stopped"))
        self._held.close()

    def _most_in_flight(self) -> int:
        """All that the accelerator takes; a third, which keeps it busy, where live frames would grow old in line."""
        streams = self._parts.abilities.streams()
        return -(-streams // 3) if self._live else streams

    def _shaped(self, frame: Frame) -> Callable[[], Pending] | None:
        objects = self._parts.abilities.objects
        if objects is None or not self._config.cameras[frame.camera].objects.enabled:
            return None
        return objects.prepare(frame.image, self._watches[frame.camera].floor)

    def _started(self, arrived: Arrived) -> InFlight:
        frame, waited = arrived.frame, max(time.time() - arrived.frame.at, 0.0) * 1e3
        begin = arrived.begin or self._shaped(frame)
        try:
            return InFlight(frame, begin() if begin else None, {"wait": waited})
        except AcceleratorError:  # told by whoever found out
            return InFlight(frame, None, {"wait": waited}, lost=True)

    def _done(self, flying: deque[InFlight]) -> InFlight:
        """The oldest frame in flight, once half of them are found.

        Who is woken finds the caches full of the network's weights; for several frames in a row they are filled once.
        """
        if not flying[0].found:
            for place in reversed(range((len(flying) + 1) // 2)):  # the others are found when the last is
                self._wait(flying[place])
        return flying.popleft()

    def _wait(self, done: InFlight) -> None:
        """Until the device is free; what it did not finish is not looked for in this frame."""
        try:
            if done.pending:
                done.pending.wait()
        except AcceleratorError:
            done.pending, done.lost = None, True
        done.found = True

    def _finish(self, done: InFlight) -> None:
        found = None
        self._wait(done)
        if done.pending:
            result = done.pending.result()
            assert isinstance(result, Boxes)  # noqa: S101 - the objects model is a detector, open_abilities saw to it
            found = result
            done.stages |= done.pending.stages
        self._commit(self._watches[done.frame.camera].see(done.frame, found, done.stages))
        if done.lost:
            self._parts.stats.dropped(done.frame.camera, "unseen")
        else:
            self._parts.stats.analysed(done.frame.camera, max(time.time() - done.frame.at, 0.0), done.stages)
        TURNS.finish()

    def _commit(self, seen: Seen) -> None:
        if not seen.events:
            return
        with seen.stage("commit"):
            self._held.commit(seen.events, presence.change(seen.opened, seen.closed))
        for event in seen.events:
            self._parts.stats.event(event.camera, event.type, event.captured_at)
        self._parts.publisher.wake()

    def _tell_changes(self, flying: deque[InFlight]) -> None:
        """Cameras and accelerators that came or went since the last look; what was seen before comes before."""
        if changes := self._parts.abilities.changes():
            self._commit(Seen({}, changes))
            self._tell_status()
        while not self._changed.empty():
            while flying:
                self._finish(flying.popleft())
            name, state, reason = self._changed.get_nowait()
            log.log(
                logging.WARNING if reason else logging.INFO,
                "camera %s: %s%s",
                name,
                state,
                f": {reason}" * bool(reason),
            )
            before, self._cameras[name] = self._cameras[name], {"state": state} | ({"reason": reason} if reason else {})
            if state == before["state"]:  # away for another reason than at first
                self._tell_status()
                continue
            if state == "online":
                self._parts.stats.opened(name)
            seen = Seen({}) if state == "online" else self._watches[name].leave(time.time(), "camera_offline")
            seen.events.append(Event(f"camera_{state}", name, time.time(), {"reason": reason} if reason else {}))
            self._commit(seen)
            self._tell_status()

    def _close_left_open(self) -> None:
        database = self._parts.database
        presence.prepare(database)
        seen = Seen({})
        for track in presence.left_open(database):
            values = rules.track_ended(track.track, track.label, track.started_at, track.started_at, "restart")
            seen.events.append(Event("track_ended", track.camera, time.time(), values))
            seen.closed.append((track.camera, track.track))
        self._commit(seen)
        for name, watch in self._watches.items():
            watch.number_from(presence.last_number(database, name))
