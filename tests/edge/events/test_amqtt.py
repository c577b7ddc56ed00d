"""The publisher and amqtt, a broker in Python that speaks MQTT 3.1.1 only."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.database import connect
from edge.errors import UnavailableError
from edge.events.log import EventLog, EventSettings
from edge.events.mqtt import MqttSettings, check
from edge.events.publisher import Publisher
from tests.brokers import QUICK, Subscriber, free_port, until
from tests.edge.events.examples import online

broker = pytest.importorskip("amqtt.broker", reason="amqtt is not installed")


@pytest.fixture
def port() -> Iterator[int]:
    """An amqtt in a thread of its own."""
    number, started, loop = free_port(), threading.Event(), asyncio.new_event_loop()
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    config = {"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{number}"}}, "plugins": plugins}

    async def serve() -> None:
        server = broker.Broker(config)
        await server.start()
        stop = asyncio.Event()
        stops.append(stop)
        started.set()
        await stop.wait()
        await server.shutdown()

    stops: list[asyncio.Event] = []
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(QUICK)
    try:
        yield number
    finally:
        loop.call_soon_threadsafe(stops[0].set)
        thread.join()
        loop.close()
        gc.collect()  # amqtt may leave a connection open, which would be told of in whatever test comes next


@pytest.mark.filterwarnings("ignore")  # amqtt's own
def test_events_arrive_in_order_over_3_1_1(port: int, tmp_path: Path) -> None:
    stop = threading.Event()
    with closing(EventLog(connect(tmp_path), "porch", EventSettings())) as log, Subscriber(port) as subscriber:
        log.append([online()] * 50)
        publisher = Publisher(MqttSettings(port=port, protocol="3.1.1"), "porch", log)
        thread = threading.Thread(target=publisher.run, args=(stop,))
        thread.start()
        until(lambda: log.standing().waiting == 0)
        until(lambda: len(subscriber.messages) >= 51)
        stop.set()
        publisher.wake()
        thread.join()
        publisher.close()
        bodies = [m.payload.decode() for m in subscriber.messages if m.topic.endswith("camera_online")]
        assert [f'"sequence":{number},' in body for number, body in enumerate(bodies, 1)] == [True] * 50


@pytest.mark.filterwarnings("ignore")  # amqtt's own
def test_mqtt_5_is_answered_with_a_hint(port: int) -> None:
    with pytest.raises(UnavailableError, match=r"3[.]1[.]1|mqtt[.]protocol|is this an MQTT broker"):
        check(MqttSettings(port=port, timeout=2.0), "porch")
