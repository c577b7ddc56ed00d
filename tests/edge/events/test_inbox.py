"""What a real broker tells a device that listens, beside all that the device tells it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.database import connect
from edge.events import publisher as module
from edge.events.inbox import LARGEST, Inbox, Message
from edge.events.log import EventLog, EventSettings
from edge.events.mqtt import Connection, MqttSettings
from edge.events.publisher import Publisher
from tests.brokers import Mosquitto, until
from tests.edge.events.examples import online


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF_S", (0.02, 0.1))
    monkeypatch.setattr(module, "POLL_S", 0.05)


@contextmanager
def listening(folder: Path, heard: list[Message], port: int, **more: Any) -> Iterator[tuple[EventLog, Publisher]]:
    with closing(EventLog(connect(folder), "porch", EventSettings())) as log:
        publisher, stop = Publisher(MqttSettings(port=port, **more), "porch", log), threading.Event()
        publisher.listen(Inbox(("vedette/porch/custom/+", "vedette/custom/+"), heard.append))
        thread = threading.Thread(target=publisher.run, args=(stop,))
        thread.start()
        try:
            yield log, publisher
        finally:
            stop.set()
            publisher.wake()
            thread.join()
            publisher.close()


def tell(port: int, topic: str, payload: str, *, retain: bool) -> None:
    with Connection(MqttSettings(port=port), "teller") as link:
        link.publish(topic, payload, retain=retain)
        until(lambda: link.step(0.05) or link.acks)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_was_kept_and_what_is_said_now_are_told_apart(tmp_path: Path, protocol: Any) -> None:
    heard: list[Message] = []
    with Mosquitto(tmp_path) as broker:
        tell(broker.port, "vedette/porch/custom/raccoons", "before", retain=True)
        tell(broker.port, "vedette/yard/custom/raccoons", "for another device", retain=True)
        with listening(tmp_path, heard, broker.port, protocol=protocol) as (log, publisher):
            until(lambda: heard)
            tell(broker.port, "vedette/custom/raccoons", "now", retain=True)
            until(lambda: len(heard) == 2)
            log.append([online()])
            publisher.wake()
            until(lambda: log.standing().waiting == 0)
    assert heard == [
        Message("vedette/porch/custom/raccoons", b"before", retained=True),
        Message("vedette/custom/raccoons", b"now", retained=False),
    ]


def test_a_broker_that_comes_back_is_listened_to_again(tmp_path: Path) -> None:
    heard: list[Message] = []
    with Mosquitto(tmp_path) as broker, listening(tmp_path, heard, broker.port) as (_, publisher):
        until(lambda: publisher.connected)
        broker.stop()
        until(lambda: not publisher.connected)
        broker.start()
        tell(broker.port, "vedette/custom/raccoons", "again", retain=True)
        until(lambda: heard)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_message_without_measure_is_not_taken(tmp_path: Path, protocol: Any) -> None:
    heard: list[Message] = []
    with Mosquitto(tmp_path) as broker, listening(tmp_path, heard, broker.port, protocol=protocol) as (_, publisher):
        until(lambda: publisher.connected)
        tell(broker.port, "vedette/custom/a", "x" * (3 * LARGEST), retain=False)
        tell(broker.port, "vedette/custom/a", "x" * (LARGEST + 1), retain=False)
        tell(broker.port, "vedette/custom/b", "small", retain=False)
        until(lambda: heard)
    assert [message.payload for message in heard] == [b"small"]


def test_a_broker_that_refuses_to_tell_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    inbox, reasons = Inbox(("vedette/custom/+",), print), [Refused()]
    inbox._answered(None, None, 1, reasons, None)  # type: ignore[arg-type]
    inbox._answered(None, None, 2, reasons, None)  # type: ignore[arg-type]
    assert [record.getMessage() for record in caplog.records] == [
        "mqtt: refuses to tell of vedette/custom/+; let this device's user read there"
    ]


class Refused:
    is_failure = True
