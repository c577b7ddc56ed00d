"""From an announcement on a real broker to what a camera sees with that model, by the daemon as it is shipped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import pytest

from edge import cli
from edge.events.schema import validate
from edge.packs import custom as packs
from edge.packs.sealed import TRUSTED, fingerprint
from edge.packs.store import Store
from tests.brokers import Mosquitto, Subscriber, until
from tests.edge.customs import KEY, colour, pack
from tests.servers import serving

ROOT = Path(__file__).parents[1]
TOML = """device = "porch"
data = "data"
[mqtt]
port = {port}
[models]
store = "store"
[custom]
manifests = true
[cameras.yard]
kind = "images"
path = "slides"
seconds = 0.5
loop = true
[cameras.yard.motion]
area = 0
[cameras.yard.objects]
enabled = false
[cameras.yard.faces]
enabled = false
[cameras.yard.labels]
enabled = false
[cameras.yard.moderation]
enabled = false
[cameras.yard.custom]
enabled = true
projects = ["colours"]
every = 0
"""


@contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`vedette run` in a process of its own; whatever happens, it is gone afterwards."""
    command = [sys.executable, "-m", "edge.cli", "--config", "vedette.toml", "run", "--seconds", "60"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    daemon = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        yield daemon
    finally:
        daemon.terminate()
        _, told = daemon.communicate(timeout=30)
        assert "Traceback" not in told, told


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
def home(tmp_path: Path, broker: Mosquitto) -> Path:
    """A device that trusts the maker of the packs, but has none; its camera shows red and blue in turn."""
    (tmp_path / "slides").mkdir()
    for name in ("red", "blue"):
        cv2.imwrite(str(tmp_path / "slides" / f"{name}.png"), colour(name))
    (tmp_path / "vedette.toml").write_text(TOML.format(port=broker.port))
    place = packs.folder(Store(tmp_path / "store"))
    place.mkdir(parents=True)
    (place / TRUSTED).write_text(fingerprint(KEY.public))
    return tmp_path


def values(subscriber: Subscriber, kind: str) -> list[dict[str, Any]]:
    told = [message.payload for message in list(subscriber.messages) if message.topic.endswith(f"/{kind}")]
    return [json.loads(validate(one).model_dump_json())["values"] for one in told]


def test_a_fleet_is_given_a_model_and_sees_with_it(home: Path, broker: Mosquitto) -> None:
    with serving() as web, Subscriber(broker.port, "vedette/porch/+/+") as subscriber, running(home):
        heard = partial(values, subscriber)
        for version, sound in (("v1", True), ("v2", False)):
            made = pack(home / "made", f"colours/{version}", sound=sound)
            web.files[f"/{version}"] = made.read_bytes()
            words = ["--config", str(home / "vedette.toml"), "custom", "announce", str(made)]
            assert cli.main([*words, "--url", web.url(f"/{version}"), "--start"]) == 0
            until(lambda number=2 * int(version[1]): len(heard("custom_pack")) == number)
        told = [(one["version"], one["state"]) for one in heard("custom_pack")]
        assert told == [("v1", "installed"), ("v1", "running"), ("v2", "installed"), ("v2", "failed")]
        seen = len(heard("custom_labels"))
        until(lambda: len(heard("custom_labels")) > seen + 1, "the version before does not go on")
        named = {label["name"] for one in heard("custom_labels") for label in one["labels"]}
        assert named == {"red", "blue"}


def states(subscriber: Subscriber) -> list[str]:
    """In order, each event once: what a killed daemon did not know to be delivered comes again."""
    events = map(json.loads, (message.payload for message in subscriber.messages))
    return list({event["id"]: event["values"]["state"] for event in events}.values())


def test_a_device_that_is_killed_while_it_fetches_goes_on(home: Path, broker: Mosquitto) -> None:
    made = pack(home / "made")
    with serving() as web, Subscriber(broker.port, "vedette/porch/-/custom_pack") as subscriber:
        web.files["/pack"] = made.read_bytes()
        web.breaks = [1000]
        words = ["--config", str(home / "vedette.toml"), "custom", "announce", str(made), "--start"]
        assert cli.main([*words, "--url", web.url("/pack")]) == 0
        with running(home) as daemon:
            until(lambda: states(subscriber))
            daemon.kill()
        with running(home):
            until(lambda: states(subscriber) == ["delayed", "installed", "running"])
        assert web.asked == [("/pack", ""), ("/pack", "bytes=1000-")]
