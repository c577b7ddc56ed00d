"""The daemon as it is shipped, on photos, to a real broker: what a subscriber hears, also after a kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from edge.database import connect
from edge.events.log import EventLog, EventSettings
from edge.events.schema import validate
from tests.brokers import Mosquitto, Subscriber, until

pytestmark = [pytest.mark.models, pytest.mark.usefixtures("pulled")]

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "docs" / "events.schema.json"
TOML = """device = "porch"
data = "data"
[mqtt]
port = {port}
[stills]
folder = "stills"
[cameras.hall]
kind = "images"
path = "slides"
seconds = 4.0
loop = {loop}
[cameras.hall.labels]
every = 1.0
"""

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Photos = Callable[..., list[Path]]
Event = dict[str, Any]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
def home(tmp_path: Path, broker: Mosquitto, photos: Photos, vedette: Command) -> Path:
    """A slideshow of Eileen Collins, three strangers and a cat; she is enrolled."""
    slides = tmp_path / "slides"
    slides.mkdir()
    for number, photo in enumerate(photos("astronaut.png", "sample1.jpg", "chelsea.png")):
        shutil.copyfile(photo, slides / f"{number}{photo.suffix}")
    configure(tmp_path, broker, loop=False)
    assert vedette("--config", "vedette.toml", "collections", "create", "people").returncode == 0
    enrolled = vedette("--config", "vedette.toml", "faces", "index", "people", "slides/0.png", "--name", "eileen")
    assert enrolled.returncode == 0, enrolled.stderr
    return tmp_path


def configure(folder: Path, broker: Mosquitto, *, loop: bool) -> None:
    text = TOML.format(port=broker.port, loop=str(loop).lower())
    (folder / "vedette.toml").write_text(text)


@contextmanager
def running(folder: Path, *words: object) -> Iterator[subprocess.Popen[str]]:
    """`vedette run` in a process of its own; whatever happens, it is gone afterwards."""
    command = [sys.executable, "-m", "edge.cli", "--config", "vedette.toml", "run", *map(str, words)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    daemon = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        yield daemon
    finally:
        if daemon.poll() is None:
            daemon.kill()
        daemon.communicate()


def events(subscriber: Subscriber) -> list[Event]:
    return [json.loads(one.payload) for one in list(subscriber.messages) if not one.topic.endswith("/status")]


def states(subscriber: Subscriber) -> list[str]:
    return [json.loads(one.payload)["state"] for one in list(subscriber.messages) if one.topic.endswith("/status")]


def of(heard: list[Event], kind: str) -> list[Any]:
    return [event["values"] for event in heard if event["type"] == kind]


def test_a_subscriber_hears_what_the_slides_show(home: Path, broker: Mosquitto) -> None:
    with Subscriber(broker.port) as subscriber:
        with running(home, "--seconds", 60) as daemon:
            _, told = daemon.communicate(timeout=120)
        assert daemon.returncode == 0, told
        assert "Traceback" not in told
        until(lambda: states(subscriber)[-1:] == ["offline"], "the status does not end offline")
        heard = events(subscriber)
        topics = [one.topic for one in subscriber.messages]
    assert [event["sequence"] for event in heard] == list(range(1, len(heard) + 1))
    assert len({event["id"] for event in heard}) == len(heard)
    assert {f"vedette/porch/hall/{event['type']}" for event in heard} == set(topics) - {"vedette/porch/status"}
    assert "online" in states(subscriber)[:-1]

    assert {values["person"] for values in of(heard, "face_matched")} == {"eileen"}
    assert of(heard, "face_matched")[0]["similarity"] > 99
    assert of(heard, "face_unknown")
    order = [event["type"] for event in heard if event["type"].startswith("face_")]
    assert order[0] == "face_matched"
    started = [values["label"] for values in of(heard, "track_started")]
    assert started[0] == "Person"
    assert "Cat" in started
    assert len(of(heard, "track_ended")) == len(started)
    named = {label["name"]: label["parents"] for values in of(heard, "labels") for label in values["labels"]}
    assert {"Feline", "Mammal", "Animal"} <= set(named["Cat"])
    for event in heard:
        if event["type"] in ("track_started", "face_matched", "face_unknown"):
            assert Path(event["still"]).read_bytes()[:2] == b"\xff\xd8"
            assert all(len(model["digest"]) == 64 for model in event["models"])


def test_what_it_publishes_fits_the_published_schema(home: Path, broker: Mosquitto) -> None:
    with Subscriber(broker.port) as subscriber, running(home, "--seconds", 7) as daemon:
        daemon.communicate(timeout=60)
        until(lambda: states(subscriber)[-1:] == ["offline"])
        payloads = [one.payload for one in subscriber.messages if not one.topic.endswith("/status")]
    assert payloads
    for payload in payloads:
        validate(bytes(payload))
    if find_spec("jsonschema") is None:
        pytest.skip("jsonschema is not installed; read with the code's own types only")
    from jsonschema import Draft202012Validator

    judge = Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    for payload in payloads:
        judge.validate(json.loads(payload))
        damaged = json.loads(payload) | {"sequence": 0}
        assert not judge.is_valid(damaged)


def test_the_status_is_kept_for_those_who_come_later(home: Path, broker: Mosquitto) -> None:
    configure(home, broker, loop=True)
    with running(home) as daemon:
        with Subscriber(broker.port, name="waiting") as waiting:
            until(lambda: of(events(waiting), "track_started"), "nothing is seen")
        with Subscriber(broker.port, "vedette/porch/status", "late") as late:
            until(lambda: late.messages)
            assert late.messages[0].retain
            status = json.loads(late.messages[0].payload)
            assert status["state"] == "online"
            assert status["cameras"]["hall"]["state"] == "online"
            assert status["models"]["faces"]["backend"] == "openvino"
            assert (status["missing"], status["skipped"]) == ({}, {})
            daemon.send_signal(signal.SIGTERM)
            until(lambda: states(late)[-1:] == ["offline"])
            assert json.loads(late.messages[-1].payload)["reason"] == "stopped"
        _, told = daemon.communicate(timeout=30)
    assert daemon.returncode == 0, told


def test_nothing_is_lost_or_left_open_by_a_kill(home: Path, broker: Mosquitto) -> None:
    configure(home, broker, loop=True)
    with Subscriber(broker.port) as subscriber:
        with running(home) as daemon:
            until(lambda: of(events(subscriber), "track_started"), "nothing is seen")
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
        until(lambda: states(subscriber)[-1:] == ["offline"], "the last will is not heard")
        assert json.loads(subscriber.messages[-1].payload)["reason"] == "lost"
        before = events(subscriber)
        with running(home, "--seconds", 4) as daemon:
            daemon.communicate(timeout=60)
        assert daemon.returncode == 0
        until(lambda: json.loads(subscriber.messages[-1].payload).get("reason") == "stopped")
        heard = events(subscriber)
    first = {event["sequence"]: event for event in reversed(heard)}  # a kill may have had one sent twice
    assert sorted(first) == list(range(1, len(first) + 1))
    assert all(event["id"] == first[event["sequence"]]["id"] for event in heard)

    open_then = {values["track"] for values in of(before, "track_started")}
    open_then -= {values["track"] for values in of(before, "track_ended")}
    closed = {values["track"]: values["reason"] for values in of(heard, "track_ended")}
    assert open_then
    assert open_then <= {track for track, reason in closed.items() if reason == "restart"}
    assert {values["track"] for values in of(heard, "track_started")} == closed.keys()

    with closing(EventLog(connect(home / "data"), "porch", EventSettings())) as kept:
        assert kept.standing().waiting == 0
