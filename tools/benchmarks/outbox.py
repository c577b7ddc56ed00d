"""The outbox: how fast events are committed, drained into a real mosquitto, and acknowledged.

Reference of the drain is paho alone, publishing the same payloads with QoS 1 and the same window to the same broker.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.broker import broker, installed, wait
from evaluation.figures import Figure, figure

from edge.database import connect
from edge.events.log import EventLog, EventSettings
from edge.events.mqtt import Connection, MqttSettings
from edge.events.pages import examples
from edge.events.publisher import Publisher

EVENT = examples()["face_matched"]
BATCH = 100


def run(quick: bool) -> Iterator[Figure]:
    """One line a figure."""
    if not installed():
        return
    # Not in /tmp, which may be memory: a commit is worth its fsync.
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder, broker(Path(folder)) as port:
        settings = MqttSettings(port=port)
        with closing(EventLog(connect(Path(folder)), "bench", EventSettings(cap_mb=4096))) as log:
            yield from _appends(log, 300 if quick else 2000)
            yield from _drain(log, settings, 10_000 if quick else 300_000)
            yield from _fresh(log, settings, 300 if quick else 3000)


def _appends(log: EventLog, count: int) -> Iterator[Figure]:
    """One event a commit, each with its fsync; the reference is the bare fsync of as many bytes."""
    took = [_timed(lambda: log.append([EVENT])) for _ in range(count)]
    with tempfile.NamedTemporaryFile(dir=Path.home(), buffering=0) as file:

        def sync() -> None:
            file.write(bytes(4096 * 4))
            os.fdatasync(file.fileno())

        bare = [_timed(sync) for _ in range(count)]
    yield figure("outbox.append.p50", _at(took, 0.5) * 1e3, "ms", count, _at(bare, 0.5) * 1e3)
    yield figure("outbox.append.p99", _at(took, 0.99) * 1e3, "ms", count, _at(bare, 0.99) * 1e3)


def _drain(log: EventLog, settings: MqttSettings, count: int) -> Iterator[Figure]:
    """A backlog, from the publisher's start to its last mark, against paho alone."""
    began = time.perf_counter()
    for _ in range(count // BATCH):
        log.append([EVENT] * BATCH)
    yield figure(f"outbox.append.batch{BATCH}", count / (time.perf_counter() - began), "events/s", count)
    waiting = log.standing().waiting
    before = most = _resident_mb()

    def drained() -> bool:
        nonlocal most
        most = max(most, _resident_mb())
        return log.standing().waiting == 0

    with _publishing(log, settings):
        took = _timed(lambda: wait(drained, "the outbox does not drain"))
    sample = [event.body for event in log.tail(0, min(count, 20_000))]
    bare = len(sample) / _timed(lambda: _paho_alone(settings, sample))
    yield figure("outbox.drain", waiting / took, "events/s", waiting, bare)
    yield figure("outbox.drain.memory", most - before, "MB", waiting)


def _fresh(log: EventLog, settings: MqttSettings, count: int) -> Iterator[Figure]:
    """From the return of the commit to the PUBACK, one event at a time at 100 a second."""
    arrived = threading.Event()
    acknowledged: list[float] = []
    settle = Publisher._settle  # noqa: SLF001 - the only place that knows when a PUBACK came

    def settled(self: Publisher, link: Connection, flight: Any) -> None:
        before = len(flight.acked)
        settle(self, link, flight)
        if len(flight.acked) > before:
            acknowledged.append(time.perf_counter())
            arrived.set()

    took = []
    Publisher._settle = settled  # type: ignore[method-assign] # noqa: SLF001
    try:
        with _publishing(log, settings) as publisher:
            for _ in range(count):
                arrived.clear()
                log.append([EVENT])
                committed = time.perf_counter()
                publisher.wake()
                arrived.wait(5)
                took.append(acknowledged[-1] - committed)
                time.sleep(0.01)
    finally:
        Publisher._settle = settle  # type: ignore[method-assign] # noqa: SLF001
    yield figure("outbox.fresh.p50", _at(took, 0.5) * 1e3, "ms", count)
    yield figure("outbox.fresh.p99", _at(took, 0.99) * 1e3, "ms", count)


def _paho_alone(settings: MqttSettings, payloads: Sequence[str]) -> None:
    from paho.mqtt.client import Client, MQTTv5
    from paho.mqtt.enums import CallbackAPIVersion

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.max_inflight_messages_set(settings.inflight)
    client.connect(settings.host, settings.port)
    client.loop_start()
    wait(client.is_connected, "paho does not connect")
    for info in [client.publish("bench/door/face_matched", payload, qos=1) for payload in payloads]:
        info.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


@contextmanager
def _publishing(log: EventLog, settings: MqttSettings) -> Iterator[Publisher]:
    publisher, stop = Publisher(settings, "bench", log), threading.Event()
    thread = threading.Thread(target=publisher.run, args=(stop,))
    thread.start()
    try:
        wait(lambda: publisher.connected, "the publisher does not connect")
        yield publisher
    finally:
        stop.set()
        publisher.wake()
        thread.join()
        publisher.close()


def _timed(call: Any) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _at(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
