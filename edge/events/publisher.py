"""Empties the outbox into the broker: QoS 1, in order, each event until the broker has acknowledged it.

One thread does it all: it reads the outbox in small bites, keeps at most `inflight` events on the wire, and marks
them delivered as their PUBACKs come in. Whatever fails, the connection is dropped and the outbox read again from
its oldest event; so an event may arrive twice, with the same id, but never not at all.

A backlog leaves oldest first. Newest first would be what a door wants, but whoever follows `sequence` could then
not tell an event that is late from one that is lost, and the end of a track would arrive before its beginning. The
price is bounded instead: a backlog of n events is through within n / DRAIN_PER_S seconds of the connection, so
300,000 take 150 s at most; the retained status goes out before it and says how many wait and how old they are.
Who must not act on the past compares `captured_at` with `published_at`.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from edge.errors import EdgeError, StorageError, UnavailableError
from edge.events.inbox import Inbox
from edge.events.log import EventLog, Stored
from edge.events.mqtt import Bell, Connection, MqttSettings
from edge.events.schema import iso

logger = logging.getLogger(__name__)

DRAIN_PER_S = 2000  # the least a backlog leaves with, broker and disk allowing: tests/faults and tools/soak check it
BITE = 200  # events read from the outbox at once
MARK_ROWS = 100  # deliveries marked in one commit, unless the wire falls silent before
MARK_S = 0.05  # a delivery waits no longer than this for its mark
POLL_S = 1.0  # how soon an event is noticed that another process has put into the outbox
CHECKPOINT_S = 10.0  # the write-ahead log is emptied so often: it costs two fsyncs, which an event may have to await
IDLE_S = 0.5  # how soon `stop` is noticed when nothing else happens
STEADY_S = 10.0  # a connection that lived so long was a good one: the next attempt follows at once
BACKOFF_S = (0.5, 10.0)  # first and longest pause between two attempts
HOLD_S = 60.0  # how long a topic rests that the broker does not let us write to
TOGETHER_S = 1.0  # a loss so soon after a refusal comes of it, and is not told beside it
FAREWELL_S = 2.0  # what may still be sent after `stop`

# PUBACK reason codes about one topic or payload. All others from 0x80 up are about the broker's own condition.
ABOUT_TOPIC = {0x87: "not authorised", 0x90: "topic name invalid", 0x99: "payload format invalid"}


@dataclass(slots=True)
class _Flight:
    """What one connection has read, sent and seen acknowledged: at most a bite and a window of events."""

    cursor: int = 0  # the last sequence read
    ahead: deque[Stored] = field(default_factory=deque)
    window: int = 1  # doubles with each PUBACK: if one event makes the broker hang up, its refusal is read first
    sent: dict[int, Stored | None] = field(default_factory=dict)  # by message id; None is the status
    acked: list[int] = field(default_factory=list)
    acked_at: float = 0.0  # when the first of `acked` came in
    heard_at: float = 0.0  # when the broker last acknowledged anything, or had nothing to acknowledge
    look_at: float = 0.0  # when the outbox is read again if nobody rings; 0 if its end was not reached
    again_at: float = 0.0  # when it is read from its start again: replays come in behind the cursor
    mark_at: float = 0.0  # when marking is tried again after the disk refused it

    @property
    def room(self) -> bool:
        return len(self.sent) < self.window

    def known(self) -> set[int]:
        """Sequences that are on their way already."""
        return {one.sequence for one in self.sent.values() if one} | set(self.acked)


class Publisher:
    """The publisher's side of the outbox; `run` is the body of its thread, all else may be called from any.

    `delivered` hears of each acknowledged event how many seconds after its capture that was.
    """

    def __init__(
        self, settings: MqttSettings, device: str, log: EventLog, delivered: Callable[[float], None] = lambda _: None
    ) -> None:
        self._settings = settings
        self._delivered = delivered
        self._device = device
        self._log = log
        self._client_id = settings.client_id or f"vedette-{device}"
        self._inbox: Inbox | None = None
        self._bell = Bell()
        self._lock = threading.Lock()
        self._status: dict[str, Any] = {}
        self._status_due = True
        self._tidy_at = self._checkpoint_at = 0.0
        self._state = f"mqtt {settings.place}: connecting"
        self._connected = False
        self.alive_at = time.monotonic()  # the thread's last sign of life
        # Topics the broker refuses, and until when they rest. It outlives a connection: mosquitto 2.0 ends the
        # connection after such a refusal.
        self._held: dict[str, float] = {}
        self._refused_at = 0.0
        self._since = 0.0  # when the broker accepted the connection
        self._doubtful = False  # the last connection broke at once: this one must prove itself before it is told

    @property
    def state(self) -> str:
        """One sentence: connected, or what is wrong and the remedy."""
        return self._state

    @property
    def connected(self) -> bool:
        return self._connected

    def listen(self, inbox: Inbox) -> None:
        """Have the broker's messages handed over, from the next connection on."""
        self._inbox = inbox

    def wake(self) -> None:
        """Say that events were appended; they leave now instead of at the next look."""
        self._bell.ring()

    def status(self, mapping: Mapping[str, Any]) -> None:
        """Set what the retained message on <prefix>/<device>/status says beside the state."""
        with self._lock:
            self._status = dict(mapping)
            self._status_due = True
        self._bell.ring()

    def close(self) -> None:
        """Give the bell's sockets back, after `run` has returned."""
        self._bell.close()

    def run(self, stop: threading.Event) -> None:
        """Publish until `stop` is set; no failure of broker, network or disk ends it."""
        while not stop.is_set():
            try:
                with closing(self._log.beside()) as log:
                    self._serve(log, stop)
            except StorageError as error:
                self.alive_at = time.monotonic()
                self._tell(str(error), logging.WARNING)
                stop.wait(POLL_S)

    def _serve(self, log: EventLog, stop: threading.Event) -> None:
        """One connection after the other, with growing pauses as long as they do not last."""
        pause = BACKOFF_S[0]
        while not stop.is_set():
            try:
                self._session(log, stop)
            except EdgeError as error:
                if stop.is_set():
                    break
                if time.monotonic() - self._refused_at > TOGETHER_S:
                    self._tell(str(error), logging.WARNING)
            lived = time.monotonic() - self._since if self._connected else 0.0
            self._doubtful = self._connected and lived < STEADY_S
            self._connected = False
            pause = BACKOFF_S[0] if lived > STEADY_S else pause
            self._rest(log, stop, pause * random.uniform(0.8, 1.2))  # noqa: S311 (spreads a fleet, hides nothing)
            pause = min(2 * pause, BACKOFF_S[1])
        self._connected = False

    def _session(self, log: EventLog, stop: threading.Event) -> None:
        """One connection, from its CONNACK to `stop` or to its loss, which is raised."""
        will = (self._topic("status"), self._words("offline", {"reason": "lost"}))
        with Connection(self._settings, self._client_id, will, self._bell, stop.is_set) as link:
            self._since = time.monotonic()
            self._connected = self._status_due = True
            flight = _Flight(heard_at=self._since)
            if self._inbox:
                link.listen(self._inbox)
            try:
                while not stop.is_set():
                    self._turn(link, flight, log, IDLE_S)
                    self._tell_health(flight)
                self._farewell(link, flight, log)
            except EdgeError:
                self._settle(link, flight)  # what came in with the loss counts; a refusal there explains it better
                self._mark(flight, log, at_once=True)
                raise

    def _tell_health(self, flight: _Flight) -> None:
        now = time.monotonic()
        proven = not self._doubtful or now - self._since > STEADY_S
        if proven and not self._held and flight.mark_at <= now:
            self._tell(f"mqtt {self._settings.place}: connected", logging.INFO)

    def _turn(self, link: Connection, flight: _Flight, log: EventLog, longest: float) -> None:
        """Send what may be sent, wait for bytes, take the acknowledgements, mark them."""
        self.alive_at = time.monotonic()
        self._send_status(link, flight)
        self._fill(link, flight, log)
        more = not flight.look_at and flight.room
        if link.step(0.0 if more else min(longest, MARK_S) if flight.acked else longest):
            flight.look_at = 0.0
        self._settle(link, flight)
        self._mark(flight, log)
        self._tidy(log)

    def _send_status(self, link: Connection, flight: _Flight) -> None:
        with self._lock:
            if not self._status_due or not flight.room or self._topic("status") in self._held:
                return
            self._status_due = False
            words = self._words("online", self._status)
        self._send(link, flight, None, self._topic("status"), words)

    def _fill(self, link: Connection, flight: _Flight, log: EventLog) -> None:
        if not flight.ahead and flight.room and len(flight.acked) < BITE:
            self._read(flight, log)
        while flight.ahead and flight.room:
            event = flight.ahead.popleft()
            topic = self._topic(event.camera, event.type)
            if topic in self._held:
                continue
            payload = event.payload(time.time())
            if len(payload.encode()) + len(topic.encode()) + 16 > link.largest:
                self._hold(topic, "larger than the broker's maximum packet size")
                continue
            self._send(link, flight, event, topic, payload)

    def _send(self, link: Connection, flight: _Flight, event: Stored | None, topic: str, payload: str) -> None:
        if not flight.sent:
            flight.heard_at = time.monotonic()
        flight.sent[link.publish(topic, payload, retain=event is None)] = event

    def _read(self, flight: _Flight, log: EventLog) -> None:
        """Take the next bite from the outbox, and begin at its start now and then: replays come in behind."""
        now = time.monotonic()
        if now < flight.look_at:
            return
        if min(self._held.values(), default=flight.again_at) <= now:
            self._held.clear()
            flight.cursor, flight.again_at = 0, now + POLL_S
        found = log.pending(flight.cursor, BITE)
        known = flight.known()
        flight.ahead.extend(event for event in found if event.sequence not in known)
        flight.cursor = found[-1].sequence if found else flight.cursor
        flight.look_at = 0.0 if len(found) == BITE else now + POLL_S

    def _settle(self, link: Connection, flight: _Flight) -> None:
        now = time.monotonic()
        if link.acks or not flight.sent:
            flight.heard_at = now
        while link.acks:
            mid, code = link.acks.popleft()
            event = flight.sent.pop(mid, None)
            flight.window = min(2 * flight.window, link.window)
            if code >= 0x80:
                self._refused(self._topic(event.camera, event.type) if event else self._topic("status"), code)
            elif event is not None:
                flight.acked_at = flight.acked_at if flight.acked else now
                flight.acked.append(event.sequence)
                self._delivered(time.time() - event.captured_at)
        if now - flight.heard_at > self._settings.timeout:
            raise UnavailableError(
                f"mqtt {self._settings.place}: takes events but acknowledges none; look into the broker's log"
            )

    def _refused(self, topic: str, code: int) -> None:
        if code not in ABOUT_TOPIC:
            raise UnavailableError(
                f"mqtt {self._settings.place}: refuses events (reason code 0x{code:02x}); look into the broker's quota"
                " and its log"
            )
        self._hold(topic, ABOUT_TOPIC[code])

    def _hold(self, topic: str, reason: str) -> None:
        """Let a topic rest, so that the others go on; its events stay in the outbox."""
        self._refused_at = time.monotonic()
        self._held[topic] = self._refused_at + HOLD_S
        self._tell(
            f"mqtt {self._settings.place}: refuses '{topic}' ({reason}); let {self._client_id!r} publish there",
            logging.WARNING,
        )

    def _mark(self, flight: _Flight, log: EventLog, *, at_once: bool = False) -> None:
        now = time.monotonic()
        due = at_once or not flight.sent or now - flight.acked_at > MARK_S or len(flight.acked) >= MARK_ROWS
        if not flight.acked or not due or (now < flight.mark_at and not at_once):
            return
        try:
            log.delivered(flight.acked)
            flight.acked.clear()
        except StorageError as error:  # they stay in mind, and few: nothing new is read while they wait
            flight.mark_at = now + POLL_S
            self._tell(str(error), logging.WARNING)

    def _farewell(self, link: Connection, flight: _Flight, log: EventLog) -> None:
        """After `stop`: what is left, as far as a moment allows, and the word that this end was meant."""
        deadline = time.monotonic() + FAREWELL_S
        flight.look_at = 0.0
        while (flight.sent or flight.ahead or not flight.look_at) and time.monotonic() < deadline:
            self._turn(link, flight, log, 0.1)
        if flight.room:
            words = self._words("offline", {"reason": "stopped"})
            self._send(link, flight, None, self._topic("status"), words)
        while flight.sent and time.monotonic() < deadline + 1.0:
            link.step(0.1)
            self._settle(link, flight)
        self._mark(flight, log, at_once=True)

    def _rest(self, log: EventLog, stop: threading.Event, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not stop.wait(min(left, POLL_S)):
            self.alive_at = time.monotonic()
            self._tidy(log)

    def _tidy(self, log: EventLog) -> None:
        """Keep the log within its cap and its write-ahead log short, a small batch at a time."""
        now = time.monotonic()
        if now < self._tidy_at:
            return
        try:
            if log.trim():
                return  # and again at the next turn
            self._tidy_at = now + POLL_S
            if now >= self._checkpoint_at:
                self._checkpoint_at = now + CHECKPOINT_S
                log.checkpoint()
        except StorageError as error:
            self._tidy_at = now + POLL_S
            self._tell(str(error), logging.WARNING)

    def _tell(self, state: str, level: int) -> None:
        """Remember the state, and log it when it changes, not at each attempt."""
        if state != self._state:
            logger.log(level, "%s", state)
        self._state = state

    def _topic(self, *levels: str) -> str:
        return "/".join([self._settings.prefix, self._device, *levels])

    def _words(self, state: str, more: Mapping[str, Any]) -> str:
        said = {"state": state, "device": self._device, "at": iso(time.time())}
        return json.dumps(said | dict(more) | said, ensure_ascii=False, separators=(",", ":"), default=str)
