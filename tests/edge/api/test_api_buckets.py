"""Buckets: a key reads a file below the folder and nothing else; servers answer as folders do."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.api.buckets import AwayFault, Buckets
from edge.api.desk import Desk
from edge.api.faults import Fault, image_too_large, invalid_s3_object
from edge.api.images import Images
from edge.api.limits import AWAY
from edge.endpoint import BucketSettings
from edge.errors import ConfigError
from tests.edge.api.desks import grey
from tests.edge.api.doors import SECONDS, code, door

SECRET = b"outside"
MOST = 1000


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with files and links of all kinds, beside what nobody may read."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.jpg").write_bytes(SECRET)
    (tmp_path / "shelf-too").mkdir()
    (tmp_path / "shelf-too" / "secret.jpg").write_bytes(SECRET)
    shelf = tmp_path / "shelf"
    (shelf / "a" / "b").mkdir(parents=True)
    (shelf / "one.jpg").write_bytes(b"one")
    (shelf / "a" / "b" / "drei ß.jpg").write_bytes(b"three")
    (shelf / "again.jpg").symlink_to("one.jpg")
    (shelf / "near").symlink_to("a/b")
    (shelf / "out.jpg").symlink_to("../outside/secret.jpg")
    (shelf / "away").symlink_to(tmp_path / "outside")
    (shelf / "twin").symlink_to("../shelf-too")
    (shelf / "round").symlink_to("round")
    os.mkfifo(shelf / "pipe")
    return shelf


def read(folder: Path, key: str, most: int = MOST) -> bytes:
    return Buckets({"photos": BucketSettings(folder=folder)}).read("photos", key, most)


def refused(folder: Path, key: str) -> None:
    with pytest.raises(Fault) as told:
        read(folder, key)
    assert (told.value.code, told.value.message) == (invalid_s3_object().code, invalid_s3_object().message)


@pytest.mark.parametrize(
    ("key", "data"),
    [("one.jpg", b"one"), ("a/b/drei ß.jpg", b"three"), ("again.jpg", b"one"), ("near/drei ß.jpg", b"three")],
)
def test_a_key_is_a_path_from_the_folder_and_links_may_stay_inside(shelf: Path, key: str, data: bytes) -> None:
    assert read(shelf, key) == data


@pytest.mark.parametrize(
    "key",
    [
        "none.jpg", "a", "a/b", "one.jpg/", "/one.jpg", "./one.jpg", "a//b", "a/../one.jpg", "../outside/secret.jpg",
        "out.jpg", "away/secret.jpg", "twin/secret.jpg", "round", "pipe", "one.jpg\0", "\udcff", "x" * 1024, "",
        "near/../../one.jpg",
    ],
)  # fmt: skip
def test_everything_else_is_refused_in_the_same_words(shelf: Path, key: str) -> None:
    refused(shelf, key)


def test_an_absolute_path_is_no_key(shelf: Path) -> None:
    refused(shelf, str(shelf / "one.jpg"))


def test_a_folder_may_be_a_link_itself(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(shelf)
    assert read(tmp_path / "link", "near/drei ß.jpg") == b"three"
    refused(tmp_path / "link", "out.jpg")


def test_a_folder_that_is_away_and_a_bucket_nobody_named_refuse_too(tmp_path: Path) -> None:
    refused(tmp_path / "none", "one.jpg")
    with pytest.raises(Fault, match="InvalidS3ObjectException"):
        Buckets({}).read("photos", "one.jpg", MOST)


def test_the_log_says_why(shelf: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        refused(shelf, "out.jpg")
    assert "bucket photos: 'out.jpg' cannot be had: it lies outside the folder" in caplog.text


@pytest.mark.parametrize("key", ["new.json", "one.jpg", "a/new/deep.json", "near/new.json", "out.jpg"])
def test_an_object_is_written_below_the_folder(shelf: Path, key: str) -> None:
    buckets = Buckets({"photos": BucketSettings(folder=shelf)})
    assert "photos" in buckets
    assert "others" not in buckets
    buckets.write("photos", key, b"told")
    assert read(shelf, key) == b"told"
    assert (shelf.parent / "outside" / "secret.jpg").read_bytes() == SECRET
    assert not list(shelf.rglob("*.part"))


@pytest.mark.parametrize(
    "key",
    [
        "../outside/new.json", "away/new.json", "away/new/deep.json", "twin/new.json", "round/new.json",
        "a/../new.json", "one.jpg/new.json", "", "new.json/", "x" * 300, "a\0",
    ],
)  # fmt: skip
def test_nothing_is_written_elsewhere(shelf: Path, key: str) -> None:
    before = sorted(shelf.parent.rglob("*"))
    with pytest.raises(Fault) as told:
        Buckets({"photos": BucketSettings(folder=shelf)}).write("photos", key, b"told")
    assert told.value.code == invalid_s3_object().code
    assert sorted(shelf.parent.rglob("*")) == before


def test_what_is_half_written_is_no_way_out(shelf: Path) -> None:
    (shelf / ".new.json.part").symlink_to("../outside/secret.jpg")
    Buckets({"photos": BucketSettings(folder=shelf)}).write("photos", "new.json", b"told")
    assert (shelf.parent / "outside" / "secret.jpg").read_bytes() == SECRET
    with pytest.raises(Fault):
        Buckets({}).write("photos", "new.json", b"told")


def test_a_large_object_is_not_read(shelf: Path) -> None:
    with (shelf / "large.jpg").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(Fault) as told:
        read(shelf, "large.jpg")
    assert told.value.message == image_too_large().message
    assert read(shelf, "one.jpg", 3) == b"one"


def test_a_file_that_was_looked_at_is_the_file_that_is_read(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = os.fstat

    def swap(number: int) -> os.stat_result:
        (shelf / "one.jpg").unlink(missing_ok=True)
        (shelf / "one.jpg").symlink_to("../outside/secret.jpg")
        return looked(number)

    monkeypatch.setattr(os, "fstat", swap)
    assert read(shelf, "one.jpg") == b"one"


def test_handles_are_given_back(shelf: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted, not walked
    for key in ("one.jpg", "out.jpg", "a", "pipe", "none"):
        with suppress(Fault):
            read(shelf, key)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


STEPS = st.sampled_from(
    ["", ".", "..", "a", "b", "one.jpg", "drei ß.jpg", "near", "away", "twin", "outside", "shelf", "secret.jpg",
     "out.jpg", "round", "...", "~", "\0", "%2e%2e", "..\\", "proc", "self", "root"]
)  # fmt: skip
KEYS = st.lists(STEPS | st.text(max_size=3), min_size=1, max_size=8).map("/".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(KEYS)
def test_no_key_ever_reads_what_is_not_below_the_folder(shelf: Path, key: str) -> None:
    inside = {path.read_bytes() for path in shelf.rglob("*") if path.is_file() and not path.is_symlink()}
    with suppress(Fault):
        assert read(shelf, key) in inside - {SECRET}


# Servers


def test_a_server_takes_an_extra_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "edge.api.s3", raising=False)
    monkeypatch.setitem(sys.modules, "minio", None)
    with pytest.raises(ConfigError, match=r"api\.buckets\.remote: .* pip install 'vedette\[s3\]'"):
        Buckets({"remote": BucketSettings(endpoint="http://127.0.0.1:9")})


def test_a_configuration_of_folders_loads_no_client_of_servers() -> None:
    code = (
        "import sys; from edge.api.buckets import AwayFault, Buckets; from edge.endpoint import BucketSettings; "
        "Buckets({'photos': BucketSettings(folder='/srv')}); print('minio' in sys.modules, 'urllib3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An S3-compatible server with the bucket `stored` and a few objects; its address."""
    for module in ("minio", "moto", "flask", "flask_cors"):
        pytest.importorskip(module, reason=f"{module} is not installed: no S3-compatible server to ask")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("s3") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"],
            stdout=output,
            stderr=output,
        )
    try:
        _wait(port, process, log)
        _fill(f"127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the server did not start: {log.read_text()}")


def _fill(address: str) -> None:
    import io

    import minio

    client = minio.Minio(address, "key", "secret", secure=False, region="us-east-1")
    client.make_bucket("stored")
    for key, data in {"one.jpg": b"one", "a/b/drei ß.jpg": b"three", "large.jpg": bytes(MOST + 1)}.items():
        client.put_object("stored", key, io.BytesIO(data), len(data))


def settings_of(endpoint: str, **changes: Any) -> dict[str, BucketSettings]:
    usual = {"endpoint": endpoint, "bucket": "stored", "key_id": "key", "secret": "s"}
    return {"remote": BucketSettings(**usual | changes)}


def at(endpoint: str, **changes: Any) -> Buckets:
    return Buckets(settings_of(endpoint, **changes))


@pytest.mark.parametrize(("key", "data"), [("one.jpg", b"one"), ("a/b/drei ß.jpg", b"three")])
def test_an_object_of_a_server(server: str, key: str, data: bytes) -> None:
    assert at(server).read("remote", key, MOST) == data


def test_an_object_is_written_to_a_server(server: str) -> None:
    at(server).write("remote", "results/new.json", b"told")
    assert at(server).read("remote", "results/new.json", MOST) == b"told"
    with pytest.raises(Fault, match="InvalidS3ObjectException"):
        at(server, bucket="nowhere").write("remote", "new.json", b"told")


@pytest.mark.parametrize("key", ["none.jpg", "../stored/one.jpg", "./one.jpg", "\0", "\udcff", "one.jpg/"])
def test_an_object_that_a_server_has_not_is_refused_as_a_folder_does(server: str, key: str) -> None:
    with pytest.raises(Fault) as told:
        at(server).read("remote", key, MOST)
    assert told.value.message == invalid_s3_object().message


@pytest.mark.parametrize("bucket", ["nowhere", "not a name"])
def test_a_bucket_that_a_server_has_not_is_refused(server: str, bucket: str) -> None:
    with pytest.raises(Fault, match="InvalidS3ObjectException"):
        at(server, bucket=bucket).read("remote", "one.jpg", MOST)


def test_a_large_object_of_a_server_is_refused(server: str) -> None:
    with pytest.raises(Fault, match="Image size is too large"):
        at(server).read("remote", "large.jpg", MOST)


# Servers that are of no use


@pytest.fixture
def s3() -> Any:
    """The module, where its client is installed."""
    pytest.importorskip("minio", reason="minio is not installed: no S3-compatible server can be asked")
    from edge.api import s3

    return s3


class Wire:
    """A server on whose connections the test itself speaks: as `says` does, once a request has come."""

    def __init__(self, says: Callable[[socket.socket], None]) -> None:
        self._says = says
        self._door = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        self.asked = threading.Semaphore(0)
        self._threads = [threading.Thread(target=self._listen)]
        self._wires: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for wire in self._wires:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        self._door.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                wire, _ = self._door.accept()
                self._wires.append(wire)
                self._threads.append(threading.Thread(target=self._speak, args=(wire,)))
                self._threads[-1].start()

    def _speak(self, wire: socket.socket) -> None:
        with wire, suppress(OSError):
            wire.recv(65536)
            self.asked.release()
            self._says(wire)
            wire.shutdown(socket.SHUT_WR)
            wire.recv(1)


def answering(text: str) -> Callable[[socket.socket], None]:
    return lambda wire: wire.sendall(text.replace("\n", "\r\n").encode())


def fails(buckets: Buckets, caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    """A read is refused as for any absent object, also where only the server is away; gives what the log tells."""
    with caplog.at_level(logging.INFO), pytest.raises(Fault) as told:
        buckets.read("remote", "one.jpg", MOST)
    assert (told.value.status, str(told.value)) == (400, str(invalid_s3_object()))
    (record,) = (record for record in caplog.records if record.name == "edge.api.buckets")
    assert record.getMessage().startswith("bucket remote: 'one.jpg' cannot be had: ")
    assert len(record.getMessage()) < 300
    assert isinstance(told.value, AwayFault) == (record.levelno == logging.WARNING)
    return record


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("HTTP/1.1 404 Not Found\nContent-Length: 0\n\n", logging.INFO),
        ("HTTP/1.1 403 Forbidden\nContent-Type: text/html\nContent-Length: 9\n\nForbidden", logging.INFO),
        ("HTTP/1.1 404 Oh\nContent-Type: application/xml\n\n<Error><Code>NoSuchKey</Code></Error>", logging.INFO),
        ("HTTP/1.1 500 Oh\nContent-Length: 0\n\n", logging.WARNING),
        ("HTTP/1.1 503 Oh\nContent-Type: application/xml\nContent-Length: 7\n\n<Error>", logging.WARNING),
        ("HTTP/1.1 302 Found\nLocation: http://127.0.0.1:1/\nContent-Length: 0\n\n", logging.WARNING),
        ("HTTP/1.1 500 Oh\n\n" + "no XML\n" * 1000, logging.WARNING),
        ("HTTP/1.1 200 OK\nContent-Length: 3\n\non", logging.WARNING),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nzz\n", logging.WARNING),
        ("I am no web server\n\n", logging.WARNING),
        ("", logging.WARNING),
    ],
)
def test_a_server_that_answers_nonsense_has_no_object(text: str, level: int, caplog: pytest.LogCaptureFixture) -> None:
    with Wire(answering(text)) as wire:
        assert fails(at(wire.endpoint), caplog).levelno == level


@pytest.mark.usefixtures("s3")
def test_a_server_that_is_away_has_no_object(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    told = fails(at(f"http://127.0.0.1:{port}"), caplog)
    assert told.levelno == logging.WARNING
    assert "Connection refused" in told.getMessage()


def dripping(head: str, drop: bytes) -> Callable[[socket.socket], None]:
    """A byte now and then, for ever."""

    def say(wire: socket.socket) -> None:
        wire.sendall(head.replace("\n", "\r\n").encode())
        while True:
            wire.sendall(drop)
            time.sleep(0.02)

    return say


@pytest.mark.parametrize(
    "says",
    [
        lambda wire: wire.recv(1),
        dripping("HTTP/1.1 200 OK\nContent-Length: 900\n\n", b"x"),
        dripping("HTTP/1.1 200 OK\nX-Head: ", b"x"),
        dripping("HTTP/1.1 500 Oh\nContent-Type: application/xml\n\n", b" "),
    ],
)
def test_a_server_has_so_long_for_all_of_an_answer(
    s3: Any, says: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(s3, "WHOLE", 0.2)
    with Wire(says) as wire:
        began = time.monotonic()
        told = fails(at(wire.endpoint), caplog)
        assert time.monotonic() - began < 3.0
        assert caplog.records == [told]
    assert (told.levelno, "timed out" in told.getMessage().lower()) == (logging.WARNING, True)


@pytest.mark.usefixtures("s3")
def test_a_server_that_never_ends_is_not_listened_to(caplog: pytest.LogCaptureFixture) -> None:
    def say(wire: socket.socket) -> None:
        wire.sendall(b"HTTP/1.1 500 Oh\r\n\r\n")
        while True:
            wire.sendall(bytes(1 << 16))

    with Wire(say) as wire:
        assert "sends more than it was asked for" in fails(at(wire.endpoint), caplog).getMessage()


@pytest.mark.usefixtures("s3")
def test_a_connection_is_used_again() -> None:
    def say(wire: socket.socket) -> None:
        for _ in range(2):
            wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none")
            wire.recv(65536)

    with Wire(say) as wire:
        buckets = at(wire.endpoint)
        assert [buckets.read("remote", "one.jpg", MOST) for _ in range(2)] == [b"one", b"one"]
        assert wire.asked.acquire(blocking=False)
        assert not wire.asked.acquire(blocking=False)
        buckets._buckets["remote"]._client._http.clear()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("s3")
def test_a_kept_connection_that_was_closed_is_made_anew() -> None:
    closed = threading.Event()

    def say(wire: socket.socket) -> None:
        wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none")
        if not closed.is_set():
            wire.recv(65536)  # the next request, which is not answered
            closed.set()

    with Wire(say) as wire:
        buckets = at(wire.endpoint)
        assert [buckets.read("remote", "one.jpg", MOST) for _ in range(2)] == [b"one", b"one"]
        assert closed.is_set()
        buckets._buckets["remote"]._client._http.clear()  # type: ignore[attr-defined]


def test_who_waits_for_a_server_keeps_nobody_from_working(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request at work at a time, and as many as may wait for a server that never answers."""
    monkeypatch.setattr(s3, "WHOLE", 60.0)
    hung = Wire(lambda wire: wire.recv(1))
    remote = json.dumps({"Image": {"S3Object": {"Bucket": "remote", "Name": "one.jpg"}}}).encode()
    sent = json.dumps({"Image": {"Bytes": b64encode(grey(90)).decode()}}).encode()

    def look(desk: Desk, members: Mapping[str, Any]) -> Mapping[str, Any]:
        desk.images.read(members["Image"])
        return {}

    with door(tmp_path, workers=1, queue=1) as front, ThreadPoolExecutor(AWAY) as pool:
        service = front.service
        service.desk = replace(service.desk, images=Images(Buckets(settings_of(hung.endpoint), service.line.away)))
        front.operations |= {"DetectLabels": look, "ListCollections": lambda _, __: {}}

        def ask(operation: str, body: bytes) -> str:
            with service.line.joined():
                return code(front.ask(operation, body))

        with hung:
            waiting = []
            for _ in range(AWAY):  # each as soon as the one before is away
                waiting.append(pool.submit(ask, "DetectLabels", remote))
                assert hung.asked.acquire(timeout=SECONDS)
            assert service.line.taken == 0
            assert ask("ListCollections", b"{}") == "ok"
            assert ask("DetectLabels", sent) == "ok"
            assert ask("DetectLabels", remote) == "ThrottlingException"
            assert not any(one.done() for one in waiting)
        assert {one.result(SECONDS) for one in waiting} == {"InvalidS3ObjectException"}
        assert ask("ListCollections", b"{}") == "ok"
