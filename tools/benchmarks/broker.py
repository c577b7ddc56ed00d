"""A real mosquitto for the benchmarks, on a free port, and somebody who listens to it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin"
PATIENCE = 180.0  # seconds that nothing takes which works


def installed() -> str | None:
    """Where mosquitto is; what needs it measures nothing without."""
    return shutil.which("mosquitto", path=PLACES)


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    """The port it listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    file = folder / "mosquitto.conf"
    file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    command = [installed() or "mosquitto", "-c", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    try:
        wait(listens, "mosquitto does not listen")
        yield port
    finally:
        process.kill()
        process.wait()


@contextmanager
def listening(port: int, heard: Callable[[str, bytes], None]) -> Iterator[None]:
    """`heard` gets the topic and payload of each message, in a thread of its own."""
    from paho.mqtt.client import Client, MQTTv5
    from paho.mqtt.enums import CallbackAPIVersion

    ready = threading.Event()

    def subscribe(client: Client, *_: Any) -> None:
        client.subscribe("vedette/#", qos=1)

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.on_connect = subscribe
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _client, _data, message: heard(message.topic, bytes(message.payload))
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        wait(ready.is_set, "mosquitto does not accept a subscriber")
        yield
    finally:
        client.disconnect()
        client.loop_stop()


def wait(met: Callable[[], Any], what: str) -> None:
    """Raises AssertionError with `what` if it does not come to pass."""
    deadline = time.monotonic() + PATIENCE
    while not met():
        if time.monotonic() > deadline:
            raise AssertionError(what)
        time.sleep(0.01)
