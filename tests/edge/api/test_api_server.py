"""The service on the wire: whole clients, and raw ones that are slow, large, many, rude or gone."""

from __future__ import annotations

import json
import logging
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edge.api import http, server
from edge.api.desk import Desk
from edge.api.server import Server
from edge.errors import ConfigError, UnavailableError
from edge.keys import certificate
from tests.brokers import until
from tests.edge.api.doors import SECONDS, Running, door, running

GET = b"GET /capabilities HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as one:
        yield one


class Gate:
    """An operation that waits until it is let on."""

    def __init__(self) -> None:
        self.inside = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self, _: Desk, __: Mapping[str, Any]) -> Mapping[str, Any]:
        self.inside.release()
        assert self.open.wait(SECONDS)
        return {"StatusCode": 200}

    def entered(self) -> None:
        assert self.inside.acquire(timeout=SECONDS)


def client(one: Running, **more: Any) -> Any:
    return boto3.client(
        "rekognition",
        endpoint_url=more.pop("endpoint_url", f"http://{one.host}"),
        region_name="eu-west-1",
        aws_access_key_id=one.door.key_id,
        aws_secret_access_key=one.door.secret,
        config=Config(retries={"max_attempts": 0}, proxies={}),
        **more,
    )


def get(one: Running, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    with closing(HTTPConnection("127.0.0.1", one.port, timeout=SECONDS)) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def hear(wire: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """One answer, leaving the connection open."""
    answer = HTTPResponse(wire)
    answer.begin()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def closed(wire: socket.socket) -> bool:
    """Whether the server hangs up, having said no more."""
    try:
        return wire.recv(1) == b""
    except ConnectionResetError:
        return True


def fault(body: bytes) -> str:
    return str(json.loads(body)["__type"])


# Whole clients.


def test_boto3_is_answered_and_refused_in_its_own_types(served: Running) -> None:
    rekognition = client(served)
    assert rekognition.create_collection(CollectionId="people")["StatusCode"] == 6
    with pytest.raises(rekognition.exceptions.InvalidParameterException, match="not offered by this device"):
        rekognition.list_stream_processors()
    rekognition.close()


def test_the_date_is_right_and_nobody_is_told_whose_server_it_is(served: Running) -> None:
    _, headers, _ = get(served, "/capabilities")
    assert abs(parsedate_to_datetime(headers["date"]).timestamp() - time.time()) < 5
    assert "server" not in headers


def test_capabilities_name_every_operation(served: Running) -> None:
    status, headers, body = get(served, "/capabilities")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert len(json.loads(body)["operations"]) == 75


def test_health_is_a_status_and_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FRESH_S", -1.0)
    model = {"name": "yunet", "failed": [{"backend": "coral", "reason": "unplugged"}]}
    picture: dict[str, Any] = {"models": {"faces": model}}
    with running(tmp_path, lambda: picture) as one:
        assert get(one, "/healthz")[::2] == (200, b"1 models work\n")
        model["name"] = None
        assert get(one, "/healthz")[::2] == (503, b"no back end works; coral: unplugged\n")
        picture["disk"] = {"fault": "full"}
        assert get(one, "/healthz")[::2] == (503, b"the disk refuses writes: full\n")


def test_without_an_audit_that_must_be_nobody_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path) as one:
        monkeypatch.setattr(type(one.door.service._audit), "fault", "audit: no space")
        assert get(one, "/healthz")[::2] == (503, b"audit: no space\n")


def test_who_is_refused_by_the_wire_alone_is_told_of_with_their_address(served: Running) -> None:
    with served.connect() as wire:
        wire.sendall(b"nonsense\r\n\r\n")
        assert hear(wire)[0] == 400
    get(served, "/nowhere")
    until(lambda: len(served.door.told()) == 2)
    told = {one["errorCode"]: one["serviceEventDetails"]["sourceIPAddresses"] for one in served.door.told()}
    assert told == {"SerializationException": ["127.0.0.1"], "UnknownOperationException": ["127.0.0.1"]}


def test_who_does_not_get_a_picture_of_the_daemon_is_not_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PICTURE_S", 0.01)
    hangs = threading.Event()

    def picture() -> Mapping[str, Any]:
        hangs.wait(SECONDS)
        return {"models": {}}

    with running(tmp_path, picture) as one:
        assert get(one, "/healthz")[0] == 503
        hangs.set()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 405), ("PUT", "/", 405), ("POST", "/healthz", 405), ("GET", "/x", 404), ("POST", "//", 404)],
)
def test_another_path_or_method_is_told_what_there_is(served: Running, method: str, path: str, status: int) -> None:
    found, headers, body = get(served, path, method)
    assert (found, fault(body)) == (status, "UnknownOperationException")
    assert json.loads(body)["Message"] == "There is POST /, GET /healthz and GET /capabilities"
    assert (status == 405) == ("allow" in headers)


# The wire.


def test_no_part_of_an_answer_waits_for_the_one_before_to_be_acknowledged(tmp_path: Path) -> None:
    with door(tmp_path) as opened, closing(Server(opened.service)) as server:
        client = socket.create_connection(("127.0.0.1", server.port), 10)
        wire, _ = server._door.socket.accept()
        with client, wire:
            assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_connection_serves_one_request_after_another(served: Running) -> None:
    with served.connect() as wire:
        for _ in range(3):
            wire.sendall(served.request())
            assert hear(wire)[0] == 200
    with served.connect() as wire:
        wire.sendall(served.request().replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        assert hear(wire)[0] == 200
        assert closed(wire)


@pytest.mark.parametrize("several", [1, 2])
def test_a_client_that_has_closed_its_side_hears_its_answers(served: Running, several: int) -> None:
    with served.connect() as wire:
        wire.sendall(served.request() * several)
        wire.shutdown(socket.SHUT_WR)
        told = b"".join(iter(lambda: wire.recv(65536), b""))
    assert told.count(b"HTTP/1.1 200 OK") == several
    with served.connect() as wire:
        wire.sendall(served.request()[:-3])
        wire.shutdown(socket.SHUT_WR)
        assert closed(wire)


def test_requests_that_come_together_are_answered_in_order(served: Running) -> None:
    with served.connect() as wire:
        wire.sendall(served.request() + GET + b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" + served.request())
        reader = wire.makefile("rb")
        statuses = []
        for _ in range(4):
            statuses.append(int(reader.readline().split()[1]))
            length = 0
            while (line := reader.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            reader.read(length)
        reader.close()
    assert statuses == [200, 200, 404, 200]


def test_a_client_that_asks_and_asks_without_listening_is_stopped(served: Running) -> None:
    gate = Gate()
    served.door.operations["CreateCollection"] = gate
    with served.connect() as wire:
        wire.sendall(served.request() + GET * 20)
        gate.entered()
        gate.open.set()
        assert hear(wire)[0] == 200


def test_a_chunked_body_is_a_body(served: Running) -> None:
    body = b'{"CollectionId":"people"}'
    head = (
        served.request(body=body)
        .partition(b"\r\n\r\n")[0]
        .replace(b"Content-Length: 25", b"Transfer-Encoding: chunked")
    )
    with served.connect() as wire:
        wire.sendall(head + b"\r\n\r\n" + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
        assert hear(wire)[0] == 200


def test_who_waits_to_be_told_to_continue_is_told_or_refused(served: Running) -> None:
    head, _, body = served.request().partition(b"\r\n\r\n")
    with served.connect() as wire:
        wire.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert wire.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.sendall(body)
        assert hear(wire)[0] == 200
    with served.connect() as wire:
        wire.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        status, headers, told = hear(wire)
        assert (status, fault(told), headers["connection"]) == (400, "UnknownOperationException", "close")
        assert closed(wire)


def test_an_upgrade_is_not_taken_and_the_request_is_answered(served: Running) -> None:
    with served.connect() as wire:
        wire.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"))
        assert hear(wire)[0] == 200
        assert closed(wire)


@pytest.mark.parametrize(
    "words",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a client that believes this is TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_as_such(served: Running, words: bytes) -> None:
    with served.connect() as wire:
        wire.sendall(words)
        status, headers, body = hear(wire)
        assert status in (400, 404, 405)
        assert headers["content-type"] == "application/x-amz-json-1.1"
        assert json.loads(body)["Message"]
    assert get(served, "/capabilities")[0] == 200


@pytest.mark.parametrize("hosts", [b"", b"Host: x\r\nHost: y\r\n"])
def test_a_request_of_http_1_1_names_its_host_once(served: Running, hosts: bytes) -> None:
    with served.connect() as wire:
        wire.sendall(GET.replace(b"Host: x\r\n", hosts))
        status, _, body = hear(wire)
        assert (status, fault(body)) == (400, "SerializationException")
        assert json.loads(body)["Message"] == "A request of HTTP/1.1 has one header Host"
        assert closed(wire)
    with served.connect() as wire:
        wire.sendall(b"GET /capabilities HTTP/1.0\r\n\r\n")
        assert hear(wire)[0] == 200


@pytest.fixture(scope="module")
def hardy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("hardy"), patience=0.2) as one:
        yield one


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([b"POST / HTTP/1.1", b"\r\n", b"\r\n\r\n", b": "]), max_size=8)
)
@example([b"POST / HTTP/1.1\r\nX-Amz-Target: \xff\xfe\r\n\r\n"])
@example([b"POST / HTTP/1.1\r\nX-Amz-Target: RekognitionService.ListFaces\r\nAuthorization: \x80\r\n\r\n"])
@example([b"GET /%00%ff?\x7f HTTP/1.1\r\n\r\n"])
def test_garbage_is_never_a_defect(hardy: Running, parts: list[bytes]) -> None:
    with hardy.connect() as wire:
        wire.sendall(b"".join(parts))
        wire.shutdown(socket.SHUT_WR)
        told = b""
        try:
            while some := wire.recv(65536):
                told += some
        except ConnectionResetError:
            pass
    assert b"HTTP/1.1 5" not in told
    assert b"Traceback" not in told


# Too large, too slow, too many.


def test_a_body_that_says_it_is_too_large_is_not_waited_for(tmp_path: Path) -> None:
    with running(tmp_path, body_mb=1) as one:
        with one.connect() as wire:
            wire.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n")
            status, _, body = hear(wire)
            assert (status, fault(body)) == (413, "RequestEntityTooLargeException")
            wire.sendall(b" " * 1048577 + GET)  # a client that sends it all the same hears why, and may go on
            assert hear(wire)[0] == 200
        assert one.door.service.bodies.taken == 0


def test_a_chunked_body_is_counted(tmp_path: Path) -> None:
    with running(tmp_path, body_mb=1) as one, one.connect() as wire:
        head = one.request().partition(b"\r\n\r\n")[0].replace(b"Content-Length: 25", b"Transfer-Encoding: chunked")
        wire.sendall(head + b"\r\n\r\n" + b"%x\r\n%s\r\n" % (1 << 20, b" " * (1 << 20)) + b"1\r\n \r\n")
        status, _, body = hear(wire)
        assert (status, fault(body)) == (413, "RequestEntityTooLargeException")
        until(lambda: one.door.service.bodies.taken == 0)


@pytest.mark.parametrize("head", [b"GET /" + b"x" * 70_000, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000])
def test_a_head_that_does_not_end_is_cut_off(served: Running, head: bytes) -> None:
    with served.connect() as wire:
        wire.sendall(head[:65_536])
        wire.sendall(head[65_536:])
        status, _, body = hear(wire)
        assert (status, fault(body)) == (431, "RequestEntityTooLargeException")
        assert closed(wire)


def test_a_head_that_ends_too_late_is_refused_as_well(served: Running) -> None:
    with served.connect() as wire:
        wire.sendall(b"GET /healthz HTTP/1.1\r\nA: " + b"b" * 70_000 + b"\r\n\r\n")
        assert hear(wire)[0] == 431


@pytest.mark.parametrize("words", [b"P", b"POST / HTTP/1.1\r\nHost: x\r\n"])
def test_a_slow_head_is_not_waited_for(tmp_path: Path, words: bytes) -> None:
    with running(tmp_path, patience=0.05) as one, one.connect() as wire:
        wire.sendall(words)
        status, _, body = hear(wire)
        assert (status, fault(body)) == (408, "RequestTimeoutException")
        assert closed(wire)


def test_a_slow_body_is_not_waited_for(tmp_path: Path) -> None:
    with running(tmp_path, patience=0.05) as one:
        with one.connect() as wire:
            wire.sendall(one.request()[:-1])
            status, _, body = hear(wire)
            assert (status, fault(body)) == (408, "RequestTimeoutException")
            assert closed(wire)
        until(lambda: one.door.service.bodies.taken == 0)


def test_a_client_that_says_nothing_is_let_go_without_a_word(tmp_path: Path) -> None:
    with running(tmp_path, patience=0.05) as one:
        with one.connect() as wire:
            assert closed(wire)
        with one.connect() as wire:
            wire.sendall(b"\r\n\r\n")
            assert closed(wire)


def test_one_that_dawdles_after_its_answer_is_let_go_too(tmp_path: Path) -> None:
    with running(tmp_path, patience=0.05) as one, one.connect() as wire:
        wire.sendall(GET)
        assert hear(wire)[0] == 200
        wire.sendall(b"\r\n")
        assert closed(wire)


def test_a_refused_client_that_drips_on_is_let_go(tmp_path: Path) -> None:
    with running(tmp_path, patience=0.05) as one, one.connect() as wire:
        wire.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx")
        assert hear(wire)[0] == 400
        assert closed(wire)


def test_a_long_answer_is_waited_for_by_a_patient_client(tmp_path: Path) -> None:
    """The patience is for requests to come, not for their answers; nor for the next request meanwhile."""
    gate = Gate()
    with running(tmp_path, patience=0.05) as one, one.connect() as wire:
        one.door.operations["CreateCollection"] = gate
        wire.sendall(one.request() + GET[:10])
        gate.entered()
        threading.Timer(0.2, gate.open.set).start()
        assert hear(wire)[0] == 200


def test_two_hundred_slow_clients_hold_up_nobody(served: Running) -> None:
    with ExitStack() as opened:
        slow = [opened.enter_context(served.connect()) for _ in range(200)]
        for number, wire in enumerate(slow):
            wire.sendall(served.request()[: 40 if number % 2 else -1])
        with served.connect() as wire:
            wire.sendall(served.request())
            assert hear(wire)[0] == 200


def test_five_hundred_idle_connections_do_not_matter(served: Running) -> None:
    with ExitStack() as opened:
        for _ in range(500):
            opened.enter_context(served.connect())
        with served.connect() as wire:
            wire.sendall(served.request())
            assert hear(wire)[0] == 200


def test_of_too_many_connections_the_one_silent_for_longest_gives_way(tmp_path: Path) -> None:
    gate = Gate()
    with running(tmp_path, connections=3) as one, ExitStack() as opened:
        one.door.operations["CreateCollection"] = gate
        busy, idle, fresh = (opened.enter_context(one.connect()) for _ in range(3))
        busy.sendall(one.request())
        gate.entered()
        for wire in (fresh, idle):
            wire.sendall(GET)
            assert hear(wire)[0] == 200
        newcomer = opened.enter_context(one.connect())
        assert closed(fresh)  # it has been silent since before the other was
        newcomer.sendall(GET)
        assert hear(newcomer)[0] == 200
        gate.open.set()
        assert hear(busy)[0] == 200


def test_a_full_line_is_told_to_come_back_later(tmp_path: Path) -> None:
    gate = Gate()
    with running(tmp_path, workers=1, queue=1) as one, ExitStack() as opened:
        one.door.operations["CreateCollection"] = gate
        waiting = [opened.enter_context(one.connect()) for _ in range(2)]
        for wire in waiting:
            wire.sendall(one.request())
        gate.entered()
        until(lambda: one.door.service.line.taken == 2)
        with pytest.raises(ClientError, match="Slow down; sudden increase in rate of requests") as caught:
            client(one).create_collection(CollectionId="people")
        assert caught.value.response["Error"]["Code"] == "ThrottlingException"
        assert get(one, "/capabilities")[0] == 200
        gate.open.set()
        assert [hear(wire)[0] for wire in waiting] == [200, 200]


def test_while_all_places_are_taken_what_comes_next_is_read_and_checked(tmp_path: Path) -> None:
    gate = Gate()
    with running(tmp_path, workers=1) as one, one.connect() as busy:
        one.door.operations["CreateCollection"] = gate
        busy.sendall(one.request())
        gate.entered()
        with pytest.raises(ClientError) as caught:
            client(one).create_collection(CollectionId="no name")
        assert caught.value.response["Error"]["Code"] == "ValidationException"
        gate.open.set()
        assert hear(busy)[0] == 200


def test_bodies_together_hold_no_more_than_their_share(tmp_path: Path) -> None:
    with running(tmp_path, body_mb=1, memory_mb=1) as one, ExitStack() as opened:
        body = b" " * (1 << 20)
        large, other = (opened.enter_context(one.connect()) for _ in range(2))
        large.sendall(one.request(body=body)[:-1])
        until(lambda: one.door.service.bodies.taken == (1 << 20) - 1)
        other.sendall(one.request(body=b"{}"))
        assert fault(hear(other)[2]) == "ThrottlingException"
        large.sendall(b" ")
        assert fault(hear(large)[2]) == "SerializationException"
        other.sendall(one.request())
        assert hear(other)[0] == 200
        assert one.door.service.bodies.taken == 0


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(served: Running) -> None:
    with served.connect() as wire:
        wire.sendall(served.request()[:-1])
        until(lambda: served.door.service.bodies.taken)
    until(lambda: served.door.service.bodies.taken == 0)


def test_a_client_that_does_not_read_its_answer_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.capabilities, "document", lambda *_: {"much": "x" * 20_000_000})
    lost = threading.Event()
    lose = http.Protocol.connection_lost
    monkeypatch.setattr(http.Protocol, "connection_lost", lambda *given: (lose(*given), lost.set()))
    with running(tmp_path, patience=0.1) as one, one.connect() as deaf:
        deaf.sendall(GET.replace(b"Host", b"Connection: close\r\nHost"))
        assert lost.wait(SECONDS)
        said = 0
        try:
            while some := deaf.recv(1 << 20):
                said += len(some)
        except ConnectionResetError:
            pass
        assert said < 20_000_000


# The end, and the beginning.


def test_what_is_in_work_is_finished_before_the_end(tmp_path: Path) -> None:
    gate = Gate()
    with running(tmp_path) as one, ExitStack() as opened:
        one.door.operations["CreateCollection"] = gate
        busy, idle = (opened.enter_context(one.connect()) for _ in range(2))
        busy.sendall(one.request())
        gate.entered()
        one.stop.set()
        assert closed(idle)
        with pytest.raises(ConnectionRefusedError):
            until(lambda: one.connect().close())
        gate.open.set()
        status, headers, _ = hear(busy)
        assert (status, headers["connection"]) == (200, "close")
        one.thread.join(SECONDS)
        assert not one.thread.is_alive()


def test_what_takes_too_long_at_the_end_is_told_to_try_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "GRACE_S", 0.1)
    gate = Gate()
    with running(tmp_path) as one, one.connect() as busy:
        one.door.operations["CreateCollection"] = gate
        busy.sendall(one.request())
        gate.entered()
        one.stop.set()
        status, _, body = hear(busy)
        assert (status, fault(body)) == (400, "ThrottlingException")
        gate.open.set()


def test_neither_signals_nor_logs_are_touched(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = signal.getsignal(signal.SIGTERM), logging.getLogger().handlers[:]
    with caplog.at_level(logging.INFO), running(tmp_path) as one:
        assert get(one, "/capabilities")[0] == 200
        assert (signal.getsignal(signal.SIGTERM), logging.getLogger().handlers) == before
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]


def test_a_port_in_use_is_told_with_its_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = f"api: 127.0.0.1:{port}: address already in use; set another host or port in \\[api\\]"
        with door(tmp_path, port=port) as one, pytest.raises(UnavailableError, match=said):
            Server(one.service)


@pytest.fixture
def identity(tmp_path: Path) -> tuple[Path, Path]:
    certificate.make(tmp_path / "tls", ["localhost", "127.0.0.1"])
    return tmp_path / "tls" / "certificate.pem", tmp_path / "tls" / "certificate.key"


def test_over_tls_clients_see_the_certificate_and_the_audit_their_cipher(
    tmp_path: Path, identity: tuple[Path, Path]
) -> None:
    chain, key = identity
    with running(tmp_path, tls_certificate=chain, tls_key=key) as one:
        rekognition = client(one, endpoint_url=f"https://{one.host}", verify=str(chain))
        assert rekognition.create_collection(CollectionId="people")["StatusCode"] == 6
        rekognition.close()
        (told,) = one.door.told()
        assert told["tlsDetails"]["tlsVersion"] == "TLSv1.3"
        assert told["tlsDetails"]["clientProvidedHostHeader"] == one.host


def test_a_client_without_tls_holds_up_none_that_speaks_it(tmp_path: Path, identity: tuple[Path, Path]) -> None:
    chain, key = identity
    with running(tmp_path, tls_certificate=chain, tls_key=key, patience=0.5) as one, ExitStack() as opened:
        silent = [opened.enter_context(one.connect()) for _ in range(20)]
        silent[0].sendall(GET)
        trust = ssl.create_default_context(cafile=str(chain))
        with one.connect() as wire, trust.wrap_socket(wire, server_hostname="127.0.0.1") as secure:
            secure.sendall(GET)
            assert hear(secure)[0] == 200
        assert closed(silent[1])


def test_an_idle_client_over_tls_does_not_hold_up_the_end(
    tmp_path: Path, identity: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "GRACE_S", 600)
    chain, key = identity
    with running(tmp_path, tls_certificate=chain, tls_key=key) as one:
        rekognition = client(one, endpoint_url=f"https://{one.host}", verify=str(chain))
        rekognition.create_collection(CollectionId="people")
        one.stop.set()
        one.thread.join(SECONDS)
        assert not one.thread.is_alive()
        rekognition.close()


def test_nor_does_one_that_was_answered_last(
    tmp_path: Path, identity: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "GRACE_S", 600)
    chain, key = identity
    gate = Gate()
    trust = ssl.create_default_context(cafile=str(chain))
    with (
        running(tmp_path, tls_certificate=chain, tls_key=key) as one,
        one.connect() as wire,
        trust.wrap_socket(wire, server_hostname="127.0.0.1") as secure,
    ):
        one.door.operations["CreateCollection"] = gate
        secure.sendall(one.request())
        gate.entered()
        one.stop.set()
        gate.open.set()
        assert hear(secure)[0] == 200
        one.thread.join(SECONDS)
        assert not one.thread.is_alive()


@pytest.mark.parametrize("spoil", ["absent", "garbage", "another"])
def test_files_that_are_no_certificate_are_told_with_their_remedy(
    tmp_path: Path, identity: tuple[Path, Path], spoil: str
) -> None:
    chain, key = identity
    if spoil == "absent":
        chain.unlink()
    elif spoil == "garbage":
        chain.write_text("no certificate")
    else:
        certificate.make(tmp_path / "other", ["localhost"])
        key = tmp_path / "other" / "certificate.key"
    with (
        door(tmp_path, tls_certificate=chain, tls_key=key) as one,
        pytest.raises(ConfigError, match=r"api\.tls_certificate: .*make both with 'vedette keys certificate'"),
    ):
        Server(one.service)
