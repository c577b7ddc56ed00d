"""Real brokers for tests: a mosquitto on a free port, and things that only look like one."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import pytest

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
QUICK = 10.0  # seconds no test waits longer for what must happen


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(met: Callable[[], Any], what: str = "") -> Any:
    """Wait for something that must happen, and give it back."""
    deadline = time.monotonic() + QUICK
    while not (found := met()):
        assert time.monotonic() < deadline, what or "it did not happen"
        time.sleep(0.005)
    return found


class Mosquitto:
    """A mosquitto that can be stopped and started on the same port. `lines` go into its configuration."""

    def __init__(self, folder: Path, *lines: str, port: int = 0) -> None:
        if not Path(MOSQUITTO).exists():
            pytest.skip("mosquitto is not installed: apt-get install mosquitto")
        self.port = port or free_port()
        self._file = folder / f"mosquitto-{self.port}.conf"
        default = () if any(line.startswith("allow_anonymous") for line in lines) else ("allow_anonymous true",)
        settings = [f"listener {self.port} 127.0.0.1", "max_queued_messages 0", "user root", *default, *lines]
        self._file.write_text("\n".join(settings) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self) -> Self:
        self.stop()
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(self._listens, f"mosquitto does not listen: {self._file.read_text()}")
        return self

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


@contextmanager
def mute() -> Iterator[int]:
    """A port that accepts connections and never says a word; gives its number."""
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = threading.Event()

        def accept() -> None:
            while not done.is_set():
                with suppress(TimeoutError):
                    kept.append(server.accept()[0])

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join()
            for one in kept:
                one.close()


class Subscriber:
    """A client that remembers what it was sent, in order."""

    def __init__(self, port: int, topic: str = "vedette/#", name: str = "subscriber") -> None:
        from paho.mqtt.client import Client, MQTTMessage, MQTTv311
        from paho.mqtt.enums import CallbackAPIVersion

        self.messages: list[MQTTMessage] = []
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv311, clean_session=False)
        self._client.reconnect_delay_set(0.1, 0.1)
        self._ready = threading.Event()
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_disconnect = lambda *_: self._ready.clear()
        self._client.on_message = lambda _client, _data, message: self.messages.append(message)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(QUICK), "the subscriber was not accepted"

    def again(self) -> None:
        """Wait for a broker that has just come back."""
        assert self._ready.wait(QUICK), "the subscriber did not come back"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
