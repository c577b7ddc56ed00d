"""Devices that answer nothing, or what no device should: the workstation says so, and writes nothing for it."""

from __future__ import annotations

import io
import json
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edge.errors import InputError, UnavailableError

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import fetching, orders
from training.device import Workstation
from training.orders import Device
from training.trouble import Trouble


class Liar(Device):
    """A device that says what it is told to say."""

    def __init__(self, **answers: Any) -> None:
        super().__init__("http://porch.lan:8432", "key", "secret", pause=lambda _: None)
        self.answers = answers
        self.asked: dict[str, dict[str, Any]] = {}

    def _once(self, operation: str, body: bytes) -> dict[str, Any]:
        self.asked[operation] = json.loads(body)
        answer: dict[str, Any] = {} if self.asked[operation].get("After") else self.answers.get(operation, {})
        return answer or {"Entries": []}


def ordered(project: str, version: str, arn: str) -> dict[str, Any]:
    names = {"ProjectVersionArn": arn, "ProjectName": project, "VersionName": version}
    return {**names, "Feature": "CUSTOM_LABELS", "Task": "classify"}


def key(folder: Path) -> Path:
    (folder / "own.key").write_text(bytes(range(32)).hex())
    return folder / "own.key"


def quiet() -> Console:
    return Console(file=io.StringIO())


def untrained(*_: Any) -> Path:
    raise AssertionError("it was trained")


ARN = "arn:aws:rekognition:us-east-1:000000000000:project/p/version/v/1690474772815"


@pytest.mark.parametrize(
    ("project", "version", "arn"),
    [
        ("..", "v1", ARN),
        ("p", "..", ARN),
        (".", ".", ARN),
        ("../../etc", "v1", ARN),
        ("p", "/etc", ARN),
        ("p", "v\x00", ARN),
        ("p\x1b[2J", "v", ARN),
        ("p\n", "v", ARN),
        ("p" * 255, "v" * 255, ARN),
        ("", "v", ARN),
        (".lock", "v", ARN),
        ("workstation.json", "v", ARN),
        ("p", "v", "x/.."),
        ("p", "v", "x/../../../etc"),
        ("p", "v", "x/\x00"),
    ],
)
def test_no_name_leads_out_of_the_work_folder(tmp_path: Path, project: str, version: str, arn: str) -> None:
    liar = Liar(ListOrders={"Orders": [ordered(project, version, arn)]}, ClaimOrder={"Claim": "c", "LeaseSeconds": 300})
    own, console = key(tmp_path), quiet()
    home = tmp_path / "a" / "b" / "training"
    station = Workstation(liar, home, own, console, untrained)
    assert station.worker  # which the folder keeps
    before = set(tmp_path.rglob("*"))
    assert station.look()
    assert set(tmp_path.rglob("*")) == before
    assert "GetEntries" not in liar.asked
    assert liar.asked["FailOrder"]["Message"]
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "failed" in shown
    assert "\x1b[2J" not in shown


@pytest.mark.parametrize(
    "answers",
    [
        {"ListOrders": {}},
        {"ListOrders": {"Orders": [1]}},
        {"ListOrders": {"Orders": [{"ProjectVersionArn": 1}]}},
        {"ClaimOrder": {"Claim": "c"}},
        {"GetEntries": {"Entries": [{"Id": "../../x", "SourceRef": "s3://b/1.png", "Line": "{}"}]}},
        {"GetEntries": {"Entries": [{"Id": 0, "SourceRef": "s3://b/1.png", "Line": "{}"}]}},
        {"GetImage": {"Bytes": "?"}},
    ],
)
def test_what_no_device_would_answer_is_told_so(tmp_path: Path, answers: Any) -> None:
    order = ordered("p", "v", ARN)
    sound: Any = {
        "ListOrders": {"Orders": [order]},
        "ClaimOrder": {"Claim": "c", "LeaseSeconds": 300},
        "GetEntries": {"Entries": [{"Id": 1, "SourceRef": "s3://b/1.png", "Line": "{}"}]},
    }
    station = Workstation(Liar(**sound | answers), tmp_path / "work", key(tmp_path), quiet(), untrained)
    with pytest.raises(UnavailableError, match="answered not as a device answers"):
        station.look()


def test_a_line_that_is_no_entry_ends_its_order(tmp_path: Path) -> None:
    order = orders.Order(ARN, "p", "v", "CUSTOM_LABELS", "classify", "")
    for text in ("[]", "", "[" * 100_000, '{"content-moderation-groundtruth": 1}'):
        liar = Liar(GetEntries={"Entries": [{"Id": 1, "SourceRef": "s3://b/1.png", "Line": text}]})
        with pytest.raises(InputError, match=r"s3://b/1.png: its line is no entry"):
            fetching.fetch(orders.Claim(liar, order, "c", 300), tmp_path, lambda *_: None)


def test_a_device_that_does_not_answer_is_told_of_at_once_and_then_rarely() -> None:
    said: list[str] = []
    now = 0.0
    trouble = Trouble(said.append, lambda: now)
    for at, reason in [(0.0, "a"), (1.0, "a"), (59.0, "a"), (61.0, "a"), (62.0, "b"), (63.0, "b")]:
        now = at
        trouble(reason)
    trouble.over()
    trouble.over()
    assert said == [f"{one} (trying again)" for one in ("a", "a", "b")] + ["it answers again"]


def test_why_a_device_does_not_answer_is_said_before_it_is_tried_again() -> None:
    class GivenUpError(Exception):
        pass

    def given_up(_: float) -> None:
        raise GivenUpError

    said: list[str] = []
    for url in ("http://127.0.0.1:9", "https://127.0.0.1:{}"):
        with page() as port, pytest.raises(GivenUpError):
            Device(url.format(port), "key", "secret", said.append, given_up).orders()
    away, insecure = said
    assert away == (
        "http://127.0.0.1:9/ does not answer: Connection refused; is the device on, and its API served? (trying again)"
    )
    assert "does not speak HTTPS" in insecure
    assert "may begin with http://" in insecure


def test_a_device_that_comes_back_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = iter([OSError("away"), OSError("away")])

    def sometimes(*_: Any) -> dict[str, Any]:
        if error := next(tries, None):
            raise error
        return {"Orders": []}

    monkeypatch.setattr(Device, "_once", sometimes)
    said: list[str] = []
    assert Device("http://porch.lan", "key", "secret", said.append, lambda _: None).orders() == []
    assert said[1:] == ["it answers again"]


def test_an_address_without_https_that_needs_it_is_told_so() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with suppress(OSError), context.wrap_socket(connection, server_side=True):
                pass

        thread = threading.Thread(target=serve)
        thread.start()
        device = Device(f"http://127.0.0.1:{listening.getsockname()[1]}", "key", "secret")
        with pytest.raises(UnavailableError, match=r"breaks off the connection.*begin with https"):
            device.ask("ListOrders", patience=0.0)
        thread.join()


def test_a_page_of_something_else_is_no_device() -> None:
    with page() as port, pytest.raises(UnavailableError, match="ListOrders: answered not as a device"):
        Device(f"http://127.0.0.1:{port}", "key", "secret").orders()


@contextmanager
def page() -> Iterator[int]:
    """The port of what serves a web page."""
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


class Page(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, *_: Any) -> None:
        pass


def test_a_certificate_file_that_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.pem").touch()
    for name in ("absent.pem", "empty.pem"):
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / name))
        with pytest.raises(InputError, match=rf"AWS_CA_BUNDLE: .*{name}"):
            Device("http://porch.lan", "key", "secret")
