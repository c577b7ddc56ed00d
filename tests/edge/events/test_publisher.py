"""Nothing that was appended fails to reach a real broker, whatever happens to the broker, the link or the process."""

from __future__ import annotations

import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.database import connect
from edge.errors import StorageError
from edge.events import publisher as module
from edge.events.log import EventLog, EventSettings, Selection
from edge.events.mqtt import Connection, MqttSettings
from edge.events.publisher import Publisher
from tests.brokers import Mosquitto, Subscriber, free_port, mute, until
from tests.edge.events.examples import matched, online

ROOT = Path(__file__).parents[3]
CAMERAS = ("door", "yard", "hall")


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF_S", (0.02, 0.1))
    monkeypatch.setattr(module, "POLL_S", 0.05)
    monkeypatch.setattr(module, "STEADY_S", 0.2)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    with closing(EventLog(connect(tmp_path), "porch", EventSettings())) as opened:
        yield opened


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that keeps what it has acknowledged when it is stopped."""
    (tmp_path / "kept").mkdir()
    with Mosquitto(tmp_path, "persistence true", f"persistence_location {tmp_path}/kept/") as running:
        yield running


@contextmanager
def publishing(log: EventLog, port: int, **more: Any) -> Iterator[Publisher]:
    """A publisher in a thread of its own."""
    publisher, stop = Publisher(MqttSettings(port=port, **more), "porch", log), threading.Event()
    thread = threading.Thread(target=publisher.run, args=(stop,))
    thread.start()
    try:
        yield publisher
    finally:
        stop.set()
        publisher.wake()
        thread.join()
        publisher.close()


def drained(log: EventLog) -> Callable[[], bool]:
    return lambda: log.standing().waiting == 0


def events(subscriber: Subscriber) -> list[dict[str, Any]]:
    return [json.loads(m.payload) for m in subscriber.messages if not m.topic.endswith("/status")]


def in_order(subscriber: Subscriber) -> None:
    """Each camera's events came first in the order of their sequences."""
    for camera in CAMERAS:
        seen = [event["sequence"] for event in events(subscriber) if event["camera"] == camera]
        assert list(dict.fromkeys(seen)) == sorted(set(seen))


def first_arrivals(subscriber: Subscriber) -> list[int]:
    """Sequences in the order in which each came first."""
    return list(dict.fromkeys(event["sequence"] for event in events(subscriber)))


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_an_event_goes_out_on_its_topic_and_is_marked_at_its_puback(
    log: EventLog, broker: Mosquitto, protocol: str
) -> None:
    with Subscriber(broker.port, "vedette/porch/door/#") as subscriber, publishing(log, broker.port, protocol=protocol):
        stored = log.append([matched()])[0]
        until(drained(log))
        until(lambda: subscriber.messages)
        message = subscriber.messages[0]
        said = json.loads(message.payload)
        assert (message.topic, message.qos, message.retain) == ("vedette/porch/door/face_matched", 1, False)
        assert (said["id"], said["sequence"], said["values"]["person"]) == (stored.id, 1, "ann")
        assert said["published_at"] >= said["captured_at"]


def test_each_acknowledgement_is_told_with_the_age_of_its_event(log: EventLog, broker: Mosquitto) -> None:
    ages: list[float] = []
    publisher, stop = Publisher(MqttSettings(port=broker.port), "porch", log, ages.append), threading.Event()
    log.append([online("door", time.time() - 100), online("yard", time.time())])
    thread = threading.Thread(target=publisher.run, args=(stop,))
    thread.start()
    until(drained(log))
    stop.set()
    thread.join()
    publisher.close()
    assert len(ages) == 2
    assert 100 <= ages[0] < 200 > ages[1] >= 0


def test_a_wake_sends_at_once_what_a_look_would_send_later(
    log: EventLog, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_S", 3600.0)
    monkeypatch.setattr(module, "IDLE_S", 3600.0)
    with publishing(log, broker.port) as publisher:
        until(lambda: publisher.connected)
        for _ in range(3):
            log.append([online()])
            publisher.wake()
            until(drained(log))


def test_the_broker_goes_and_comes_back_and_no_event_is_missing(log: EventLog, lasting: Mosquitto) -> None:
    with Subscriber(lasting.port) as subscriber, publishing(log, lasting.port) as publisher:
        until(lambda: publisher.connected)
        log.append([matched(camera=camera) for camera in CAMERAS * 50])
        publisher.wake()
        lasting.stop()
        for _ in range(100):
            log.append([matched(camera=camera) for camera in CAMERAS])
            publisher.wake()
        lasting.start()
        subscriber.again()
        until(drained(log))
        until(lambda: set(first_arrivals(subscriber)) == set(range(1, 451)))
        assert {event["id"] for event in events(subscriber)} == {event.id for event in log.tail(0)}
        in_order(subscriber)


def test_a_backlog_from_before_the_start_is_drained_in_order(log: EventLog, broker: Mosquitto) -> None:
    log.append([online()] * 1000)
    with Subscriber(broker.port) as subscriber, publishing(log, broker.port, inflight=7):
        until(drained(log))
        until(lambda: len(events(subscriber)) == 1000)
        assert [event["sequence"] for event in events(subscriber)] == list(range(1, 1001))


def test_the_wire_holds_no_more_than_the_window(
    log: EventLog, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    widest = 0
    send = Publisher._send

    def watched(self: Publisher, link: Any, flight: Any, *rest: Any) -> None:
        nonlocal widest
        send(self, link, flight, *rest)
        widest = max(widest, len(flight.sent))

    monkeypatch.setattr(Publisher, "_send", watched)
    log.append([online()] * 300)
    with publishing(log, broker.port, inflight=5):
        until(drained(log))
    assert widest == 5


def test_a_replay_by_another_process_is_noticed(log: EventLog, broker: Mosquitto) -> None:
    log.append([online()] * 3)
    with Subscriber(broker.port) as subscriber, publishing(log, broker.port):
        until(drained(log))
        with closing(log.beside()) as other:
            other.replay(Selection(limit=2))
        until(lambda: len(events(subscriber)) == 5)
        assert [event["sequence"] for event in events(subscriber)] == [1, 2, 3, 2, 3]


PUBLISHER = """
import os, signal, sys, threading
from pathlib import Path
from edge.database import connect
from edge.events.log import EventLog, EventSettings
from edge.events.mqtt import MqttSettings
from edge.events.publisher import Publisher
if sys.argv[3] == "die":
    EventLog.delivered = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
log = EventLog(connect(Path(sys.argv[1])), "porch", EventSettings())
Publisher(MqttSettings(port=int(sys.argv[2])), "porch", log).run(threading.Event())
"""


def run_apart(folder: Path, port: int, how: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PUBLISHER, str(folder), str(port), how], cwd=ROOT)


def test_a_kill_between_puback_and_mark_sends_the_same_events_again(
    log: EventLog, broker: Mosquitto, tmp_path: Path
) -> None:
    stored = log.append([online(), matched()])
    with Subscriber(broker.port) as subscriber:
        assert run_apart(tmp_path, broker.port, "die").wait() == -signal.SIGKILL
        until(lambda: len(events(subscriber)) == 2)
        assert log.standing().waiting == 2
        with publishing(log, broker.port):
            until(drained(log))
        until(lambda: len(events(subscriber)) == 4)
        ids = [event["id"] for event in events(subscriber)]
        assert ids == [event.id for event in stored] * 2


def test_a_killed_publisher_is_called_offline_by_the_broker(log: EventLog, broker: Mosquitto, tmp_path: Path) -> None:
    log.append([online()])
    with Subscriber(broker.port, "vedette/porch/status") as subscriber:
        process = run_apart(tmp_path, broker.port, "live")
        until(drained(log))
        until(lambda: subscriber.messages)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        until(lambda: len(subscriber.messages) == 2)
        states = [json.loads(message.payload) for message in subscriber.messages]
        assert [state["state"] for state in states] == ["online", "offline"]
        assert states[1]["reason"] == "lost"


def test_the_status_is_retained_follows_changes_and_ends_offline(log: EventLog, broker: Mosquitto) -> None:
    def last() -> dict[str, Any]:
        with Subscriber(broker.port, "vedette/porch/status", name=secrets.token_hex(8)) as late:
            message = until(lambda: late.messages)[0]
            assert message.retain
            return dict(json.loads(message.payload))

    with (
        Subscriber(broker.port, "vedette/porch/status", name="witness") as witness,
        publishing(log, broker.port) as publisher,
    ):
        for state in ("online", "offline"):
            publisher.status({"cameras": {"door": state}})
            told = f'"door":"{state}"'.encode()
            until(lambda told=told: any(told in message.payload for message in witness.messages))
            assert last()["cameras"] == {"door": state}
            assert (last()["state"], last()["device"]) == ("online", "porch")
    assert (last()["state"], last()["reason"]) == ("offline", "stopped")


def test_what_is_appended_just_before_the_stop_still_leaves(log: EventLog, broker: Mosquitto) -> None:
    log.append([online()] * 150)
    with publishing(log, broker.port) as publisher:
        until(lambda: publisher.connected)
    assert log.standing().waiting == 0


def test_a_broker_that_never_answers_is_noticed_and_left(log: EventLog, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with mute() as port, publishing(log, port, timeout=0.1) as publisher:
        until(lambda: "does not answer" in publisher.state)
    assert not publisher.connected


def test_a_broker_that_takes_and_never_acknowledges_is_left(
    log: EventLog, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = threading.Event()
    deaf.set()
    hear = module.Connection._on_publish

    def hears(self: Any, *rest: Any) -> None:
        if not deaf.is_set():
            hear(self, *rest)

    monkeypatch.setattr(module.Connection, "_on_publish", hears)
    log.append([online()] * 3)
    with Subscriber(broker.port) as subscriber, publishing(log, broker.port, timeout=0.2) as publisher:
        until(lambda: "acknowledges none" in publisher.state)
        assert log.standing().waiting == 3
        deaf.clear()
        until(drained(log))
        assert first_arrivals(subscriber) == [1, 2, 3]


def test_a_state_is_logged_when_it_changes_not_at_each_attempt(
    log: EventLog, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    attempts: list[object] = []
    start = module.Connection.__init__

    def counted(*given: Any) -> None:
        attempts.append(given)
        start(*given)

    monkeypatch.setattr(module.Connection, "__init__", counted)
    with publishing(log, free_port()) as publisher:
        until(lambda: len(attempts) >= 4)
    assert "refused; start the broker" in publisher.state
    assert [record.message for record in caplog.records if record.name == module.__name__] == [publisher.state]


def test_a_client_with_the_same_id_is_named_and_costs_no_event(log: EventLog, broker: Mosquitto) -> None:
    with Subscriber(broker.port) as subscriber, publishing(log, broker.port) as publisher:
        until(lambda: publisher.connected)
        with Connection(MqttSettings(port=broker.port), "vedette-porch"):
            until(lambda: "another client may use the id 'vedette-porch'" in publisher.state)
            log.append([online()] * 20)
        until(drained(log))
        until(lambda: first_arrivals(subscriber) == list(range(1, 21)))


def test_a_refused_topic_rests_and_the_others_go_on(
    log: EventLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HOLD_S", 0.3)
    rights = tmp_path / "acl"
    rights.write_text("topic readwrite vedette/porch/status\ntopic readwrite vedette/porch/door/#\n")
    with Mosquitto(tmp_path, f"acl_file {rights}") as broker, publishing(log, broker.port) as publisher:
        log.append([online("door")] * 299 + [online("yard")] + [online("door")] * 300 + [online("yard")])
        until(lambda: log.standing().waiting == 2)
        assert [event.camera for event in log.pending(0, 10)] == ["yard", "yard"]
        assert "refuses 'vedette/porch/yard/camera_online' (not authorised)" in publisher.state
        rights.write_text("topic readwrite vedette/porch/#\n")
        assert broker._process
        broker._process.send_signal(signal.SIGHUP)
        until(drained(log))
        until(lambda: publisher.state.endswith("connected"))


def test_an_event_too_large_for_the_broker_does_not_block_the_others(log: EventLog, tmp_path: Path) -> None:
    with Mosquitto(tmp_path, "max_packet_size 1000") as broker, publishing(log, broker.port) as publisher:
        log.append([matched("x" * 2000), online()])
        until(lambda: log.standing().waiting == 1)
        until(lambda: "maximum packet size" in publisher.state)


def test_marks_that_the_disk_refuses_are_made_later_and_nothing_is_sent_twice(
    log: EventLog, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = threading.Event()
    full.set()
    mark = EventLog.delivered

    def delivered(self: EventLog, sequences: Any) -> None:
        if full.is_set():
            raise StorageError("the disk is full")
        mark(self, sequences)

    monkeypatch.setattr(EventLog, "delivered", delivered)
    log.append([online()] * 500)
    with Subscriber(broker.port) as subscriber, publishing(log, broker.port) as publisher:
        until(lambda: publisher.state == "the disk is full")
        until(lambda: len(events(subscriber)) >= module.BITE)
        full.clear()
        until(drained(log))
        until(lambda: publisher.state.endswith("connected"))
        until(lambda: len(events(subscriber)) == 500)
        assert first_arrivals(subscriber) == list(range(1, 501))


def test_a_mark_that_the_disk_refused_just_before_the_end_is_made_at_the_end(
    log: EventLog, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = threading.Event()
    mark = EventLog.delivered

    def delivered(self: EventLog, sequences: Any) -> None:
        if not refused.is_set():
            refused.set()
            raise StorageError("the disk is full")
        mark(self, sequences)

    monkeypatch.setattr(EventLog, "delivered", delivered)
    monkeypatch.setattr(module, "POLL_S", 60.0)  # that it rests after a refusal
    log.append([online()])
    with publishing(log, broker.port):
        assert refused.wait(10)
    assert log.standing().waiting == 0


DAEMON = """
import itertools, sys, threading, time
from pathlib import Path
from edge.database import connect
from edge.events.log import EventLog, EventSettings
from edge.events import publisher as module
from edge.events.mqtt import MqttSettings
from tests.edge.events.examples import matched
module.BACKOFF_S = (0.02, 0.1)
log = EventLog(connect(Path(sys.argv[1])), "porch", EventSettings())
publisher = module.Publisher(MqttSettings(port=int(sys.argv[2])), "porch", log)
threading.Thread(target=publisher.run, args=(threading.Event(),), daemon=True).start()
for camera in itertools.cycle(("door", "yard", "hall")):
    for event in log.append([matched(camera=camera)]):
        print(event.sequence, flush=True)
    publisher.wake()
    time.sleep(0.002)
"""


def test_outages_and_kills_together_lose_nothing_and_keep_each_camera_in_order(
    log: EventLog, lasting: Mosquitto, tmp_path: Path
) -> None:
    told = 0
    with Subscriber(lasting.port) as subscriber:
        for round_ in range(3):
            words = [sys.executable, "-c", DAEMON, str(tmp_path), str(lasting.port)]
            process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            assert process.stdout
            for step in range(3):
                told = int([process.stdout.readline() for _ in range(40 + 13 * round_)][-1])
                if (round_ + step) % 2:
                    lasting.stop()
                elif step:
                    lasting.start()
            process.kill()
            with process.stdout:
                told = max([told, *(int(line) for line in process.stdout if line.endswith("\n"))])
            process.wait()
            if not lasting.running:
                lasting.start()
        subscriber.again()
        with publishing(log, lasting.port):
            until(drained(log))
        last = log.standing().last
        until(lambda: set(first_arrivals(subscriber)) == set(range(1, last + 1)))
        assert last >= told > 300
        in_order(subscriber)
