"""The port for Prometheus: what it answers, and that no client can wedge it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from edge import exporter
from edge.errors import UnavailableError
from edge.exporter import Exporter
from edge.metrics import MetricsSettings
from tests.brokers import free_port
from tests.edge.picture import picture


@contextmanager
def served(told: dict[str, Any]) -> Iterator[int]:
    """The port of an exporter that tells this."""
    door, stop = Exporter(MetricsSettings(port=free_port())), threading.Event()
    thread = threading.Thread(target=door.serve, args=(lambda: told, stop))
    thread.start()
    try:
        yield door.port
    finally:
        stop.set()
        thread.join()
        door.close()


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_prometheus_finds_its_metrics_and_others_their_way() -> None:
    with served(picture()) as port:
        status, text = get(port, "/metrics")
        assert status == 200
        assert 'vedette_camera_up{camera="door"} 1.0' in text
        assert get(port, "/metrics?x=1")[0] == 200
        assert get(port, "/") == (404, "there is /metrics and /healthz\n")


def test_health_is_a_status_and_a_line() -> None:
    told = picture()
    with served(told) as port:
        assert get(port, "/healthz") == (200, "1 of 2 cameras online, broker away, events waiting: 7\n")
        told |= picture(silent=["vision"])
        assert get(port, "/healthz") == (503, "the vision thread is stuck; look into the log, or restart the daemon\n")


def test_a_port_in_use_is_told_with_its_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UnavailableError, match=f"metrics: 127.0.0.1:{port}: address already in use; set another"):
            Exporter(MetricsSettings(port=port))
    with pytest.raises(UnavailableError, match=r"metrics: no\.such\.host\.invalid:9"):
        Exporter(MetricsSettings(host="no.such.host.invalid", port=9))


@pytest.mark.parametrize("words", [b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nX: y\r\n", b"\xff\r\n\r\n"])
def test_a_client_that_says_too_little_holds_nobody_up(words: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "PATIENCE_S", 0.2)
    with served(picture()) as port, socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(words)
        assert get(port, "/healthz")[0] == 200


def test_clients_that_say_nothing_delay_nobody_and_the_oldest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "PATIENCE_S", 60.0)
    monkeypatch.setattr(exporter, "MOST", 3)
    with served(picture()) as port, ExitStack() as opened:
        silent = [opened.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(4)]
        silent[1].sendall(b"GET /metrics HTTP/1.1\r\n")
        assert get(port, "/healthz")[0] == 200
        silent[0].settimeout(10)
        assert silent[0].recv(1) == b""


def test_lines_may_end_without_carriage_returns() -> None:
    with served(picture()) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(b"GET /healthz HTTP/1.0\n\n")
        assert wire.recv(100).startswith(b"HTTP/1.0 200 OK\r\n")


def test_head_is_answered_without_a_body() -> None:
    with served(picture()) as port, socket.create_connection(("127.0.0.1", port)) as wire:
        wire.sendall(b"HEAD /metrics HTTP/1.1\r\n\r\n")
        wire.settimeout(10)
        said = b"".join(iter(lambda: wire.recv(4096), b""))
        assert said.startswith(b"HTTP/1.0 200")
        assert said.endswith(b"\r\n\r\n")


def test_a_client_that_drips_is_not_waited_for_byte_by_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "PATIENCE_S", 0.3)
    done = threading.Event()
    with served(picture()) as port, socket.create_connection(("127.0.0.1", port)) as slow:

        def drip() -> None:
            try:
                while not done.wait(0.05):
                    slow.sendall(b"x")
            except OSError:
                pass

        dripping = threading.Thread(target=drip)
        dripping.start()
        assert get(port, "/healthz")[0] == 200
        done.set()
        dripping.join()


def test_a_client_that_does_not_read_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "PATIENCE_S", 0.2)
    monkeypatch.setattr(exporter, "render", lambda _: b"x" * 30_000_000)
    with served(picture()) as port, socket.create_connection(("127.0.0.1", port)) as deaf:
        deaf.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert get(port, "/healthz")[0] == 200
