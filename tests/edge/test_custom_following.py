"""Manifests of a real broker are followed, each once, to an installed version or to the reason why not."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge import cli, config, daemon, database
from edge.custom import Projects, following, manifests
from edge.custom.manifests import Followed, Trace, remember
from edge.errors import DeniedError, InputError, StorageError, UnavailableError
from edge.events.announcing import keep
from edge.events.log import EventLog, EventSettings
from edge.events.mqtt import Connection, MqttSettings
from edge.events.publisher import Publisher
from edge.packs import custom as packs
from edge.packs.records import file_digest
from edge.packs.sealed import TRUSTED, fingerprint
from edge.packs.signing import SigningKey
from edge.packs.store import Store
from tests.brokers import Mosquitto, mute, until
from tests.edge import customs
from tests.servers import Web, serving

OWN, SHARED = "vedette/porch/custom/colours", "vedette/custom/colours"


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "TICK", 0.02)
    monkeypatch.setattr(following, "PAUSE", (0.05, 0.2))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Packs of two versions."""
    folder = tmp_path_factory.mktemp("packs")
    return {name: customs.pack(folder, f"colours/{name}") for name in ("v1", "v2")}


@dataclass
class Device:
    """One that listens; `trust` whom its packs may be of."""

    data: Path
    port: int

    @property
    def store(self) -> Store:
        return Store(self.data / "models")

    def trust(self) -> None:
        place = packs.folder(self.store)
        place.mkdir(parents=True)
        (place / TRUSTED).write_text(fingerprint(customs.KEY.public) + "\n")

    def settings(self) -> config.Config:
        return config.parse(
            {
                "device": "porch",
                "data": str(self.data),
                "mqtt": {"port": self.port},
                "models": {"store": str(self.store.root)},
                "custom": {"manifests": True, "folder": str(self.data)},
            },
            self.data / "vedette.toml",
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        """What the daemon runs of this: the publisher and the follower, each in its thread."""
        settings, stop = self.settings(), threading.Event()
        with ExitStack() as opened:
            log = EventLog(database.connect(self.data), "porch", EventSettings())
            opened.callback(log.close)
            publisher = Publisher(settings.mqtt, "porch", log)
            opened.callback(publisher.close)
            follower = opened.enter_context(daemon._follower(settings, log, publisher))
            threads = [
                threading.Thread(target=publisher.run, args=(stop,)),
                threading.Thread(target=follower.serve, args=(dict, stop)),
            ]
            for thread in threads:
                thread.start()
            until(lambda: publisher.connected)
            try:
                yield
            finally:
                stop.set()
                publisher.wake()
                for thread in threads:
                    thread.join()

    def events(self) -> list[dict[str, Any]]:
        log = EventLog(database.connect(self.data), "porch", EventSettings())
        try:
            return [json.loads(event.body)["values"] for event in log.tail(0)]
        finally:
            log.close()

    def states(self) -> list[str]:
        return [event["state"] for event in self.events()]

    @contextmanager
    def projects(self) -> Iterator[Projects]:
        projects = Projects(database.connect(self.data))
        try:
            yield projects
        finally:
            projects.close()

    def versions(self) -> dict[str, str]:
        with self.projects() as projects:
            return {version.place: str(version.status) for version in projects.versions()}


@pytest.fixture
def device(tmp_path: Path, broker: Mosquitto) -> Device:
    (tmp_path / "device").mkdir()
    found = Device(tmp_path / "device", broker.port)
    found.trust()
    return found


def manifest(pack: Path, **told: Any) -> dict[str, Any]:
    sealed = {"sha256": file_digest(pack), "bytes": pack.stat().st_size}
    return {"project": "colours", "version": pack.stem.removeprefix("colours-"), **sealed, **told}


def announce(port: int, topic: str, told: dict[str, Any] | str) -> None:
    payload = told if isinstance(told, str) else json.dumps(told)
    with Connection(MqttSettings(port=port), "announcer") as link:
        link.publish(topic, payload, retain=True)
        until(lambda: link.step(0.05) or link.acks)


def serve(web: Web, pack: Path) -> str:
    web.files[f"/{pack.name}"] = pack.read_bytes()
    return web.url(f"/{pack.name}")


def test_a_kept_manifest_is_followed_once(device: Device, broker: Mosquitto, web: Web, made: dict[str, Path]) -> None:
    announce(broker.port, SHARED, manifest(made["v1"], url=serve(web, made["v1"])))
    with device.running():
        until(device.events)
    assert device.events() == [{"project": "colours", "version": "v1", "state": "installed", "reason": ""}]
    assert device.versions() == {"colours/v1": "TRAINING_COMPLETED"}
    assert not list((device.data / "custom").iterdir()), "what was fetched is gone"
    with device.running():  # the broker tells it again
        announce(broker.port, OWN, manifest(made["v2"], url=serve(web, made["v2"])))
        until(lambda: len(device.events()) == 2)
    assert device.states() == ["installed", "installed"]
    assert [path for path, _ in web.asked] == ["/colours-v1.vedette", "/colours-v2.vedette"]


def test_what_is_to_start_is_started_and_told(device: Device, broker: Mosquitto, made: dict[str, Path]) -> None:
    (device.data / "pack").write_bytes(made["v1"].read_bytes())
    with device.running():
        announce(broker.port, OWN, manifest(made["v1"], file="pack", start=True))
        until(lambda: device.versions() == {"colours/v1": "STARTING"})
        with device.projects() as projects:
            projects.started(projects.version("colours", "v1"))  # as the daemon does, once it passed its self-test
        until(lambda: device.states() == ["installed", "running"])
    assert (device.data / "pack").exists(), "what lies in the folder stays there"


def test_a_version_that_fails_its_test_is_told(device: Device, broker: Mosquitto, made: dict[str, Path]) -> None:
    (device.data / "pack").write_bytes(made["v1"].read_bytes())
    announce(broker.port, OWN, manifest(made["v1"], file="pack", start=True))
    with device.running():
        until(lambda: "STARTING" in device.versions().values())
    with device.projects() as projects:
        projects.failed(projects.version("colours", "v1"), "sees other colours than where it was made")
    with device.running():  # a daemon that was away tells it when it is back
        until(lambda: len(device.events()) == 2)
        assert device.events()[1]["reason"] == "sees other colours than where it was made"
        announce(broker.port, OWN, manifest(made["v1"], file="pack", start=True))  # and tries again if asked again
        until(lambda: device.versions() == {"colours/v1": "STARTING"})
    assert device.states() == ["installed", "failed", "installed"]


def test_announcing_an_older_version_that_still_runs_is_the_way_back(
    device: Device, broker: Mosquitto, made: dict[str, Path]
) -> None:
    for pack in made.values():
        (device.data / pack.name).write_bytes(pack.read_bytes())
    with device.running():
        for name in ("v1", "v2"):
            announce(broker.port, OWN, manifest(made[name], file=made[name].name, start=True))
            until(lambda place=f"colours/{name}": device.versions().get(place) == "STARTING")
            with device.projects() as projects:
                projects.started(projects.version("colours", name))
        until(lambda: device.states().count("running") == 2)
        announce(broker.port, OWN, manifest(made["v1"], file=made["v1"].name, start=True))
        until(lambda: device.states().count("running") == 3)
    with device.projects() as projects:
        assert projects.serving("colours").current == projects.version("colours", "v1").id


def test_a_broken_download_is_tried_again(
    device: Device, broker: Mosquitto, web: Web, made: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    url = serve(web, made["v1"])
    web.breaks = [100, 100, 100]
    with device.running():
        announce(broker.port, OWN, manifest(made["v1"], url=url))
        until(lambda: "installed" in device.states())
    assert device.states() == ["delayed", "installed"], "that it is late is told once"
    assert "ended after 100 of" in device.events()[0]["reason"]
    assert web.asked[-1][1] == "bytes=300-"
    assert f"{OWN}: {url}: ended after 100 of" in caplog.text


def test_a_broken_download_goes_on_after_a_restart(
    device: Device, broker: Mosquitto, web: Web, made: dict[str, Path]
) -> None:
    web.breaks = [100] + 100 * [0]
    announce(broker.port, OWN, manifest(made["v1"], url=serve(web, made["v1"])))
    with device.running():
        until(lambda: len(web.asked) > 1)
    web.breaks.clear()
    with device.running():
        until(lambda: "installed" in device.states())
    assert web.asked[-1][1] == "bytes=100-"


def test_a_stranger_is_refused_until_trusted(
    device: Device, broker: Mosquitto, web: Web, made: dict[str, Path]
) -> None:
    (packs.folder(device.store) / TRUSTED).write_text(fingerprint(SigningKey(bytes(32)).public))
    told = manifest(made["v1"], url=serve(web, made["v1"]), start=True)
    announce(broker.port, SHARED, told)
    with device.running():
        until(device.events)
    with device.running():
        time.sleep(0.2)
    (refused,) = device.events()
    assert refused["state"] == "refused"
    signer = fingerprint(customs.KEY.public)
    assert refused["reason"] == (
        f"{told['url']}: signed by {signer}, whom this device does not trust; if its maker told you this fingerprint, "
        "run 'vedette custom trust' with it, then announce the pack again"
    )
    assert device.versions() == {}
    assert not list((device.data / "custom").iterdir())
    (packs.folder(device.store) / TRUSTED).write_text(fingerprint(customs.KEY.public))
    with device.running():
        announce(broker.port, SHARED, told)
        until(lambda: device.states() == ["refused", "installed"])


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"version": "v2"}, "is of colours/v1, not of colours/v2"),
        ({"bytes": 3 << 40}, "more than custom.max_mb"),
        ({"url": "file:///etc/passwd"}, "none of http:// or https://"),
        ({"url": "http://user:secret@localhost/"}, "none of http:// or https://"),
        ({"url": "http://[::1"}, "no manifest (the url is none of http:// or https://"),
        ({"url": "http://a b"}, "no manifest (url is no address of 1 to 2048 characters without spaces)"),
        ({"file": "../secret"}, "names either a url or a file"),
        ({"project": "others"}, "a manifest of project 'others'"),
        ({"sha256": "0"}, "no manifest (sha256 is not 64 hexadecimal digits); announce it anew"),
        ({"bytes": "many"}, "no manifest (bytes is no whole number from 1)"),
        ({"version": ".."}, "no manifest (version is no name of letters, digits and _ . -)"),
        ({"start": "yes"}, "no manifest (start is neither true nor false)"),
        ({"more": 1}, "no manifest (more is none of its keys)"),
    ],
)
def test_what_is_wrong_is_refused_with_the_reason(
    device: Device, web: Web, made: dict[str, Path], told: dict[str, Any], reason: str
) -> None:
    announce(device.port, OWN, manifest(made["v1"], url=serve(web, made["v1"])) | told)
    with device.running():
        until(device.events)
    (event,) = device.events()
    assert event["state"] == "refused"
    assert reason in event["reason"]
    assert device.versions() == {}


@pytest.mark.parametrize("payload", ["", "{", "[]", "null", "[" * 20_000, '{"project": "\\ud800"}'])
def test_garbage_does_no_harm(device: Device, broker: Mosquitto, made: dict[str, Path], payload: str) -> None:
    (device.data / "pack").write_bytes(made["v1"].read_bytes())
    with device.running():
        announce(broker.port, OWN, payload)
        announce(broker.port, "vedette/custom/no project", "{}")
        announce(broker.port, SHARED, manifest(made["v1"], file="pack"))
        until(lambda: "installed" in device.states())
    assert device.states() in (["installed"], ["refused", "installed"], ["installed", "refused"])


def test_a_manifest_that_is_taken_back_is_not_tried_any_more(
    device: Device, broker: Mosquitto, web: Web, made: dict[str, Path]
) -> None:
    with device.running():
        announce(broker.port, OWN, manifest(made["v1"], url=web.url("/absent")))
        until(lambda: len(web.asked) > 1)
        announce(broker.port, OWN, "")
        time.sleep(0.5)
        before = len(web.asked)
        time.sleep(0.5)
    assert len(web.asked) == before


def test_a_disk_that_refuses_is_waited_for(
    device: Device, broker: Mosquitto, made: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageError("models: no space left; make room there")

    install = following.install
    monkeypatch.setattr(following, "install", full)
    (device.data / "pack").write_bytes(made["v1"].read_bytes())
    with device.running():
        announce(broker.port, OWN, manifest(made["v1"], file="pack"))
        until(lambda: device.states() == ["delayed"])
        monkeypatch.setattr(following, "install", install)
        until(lambda: device.states() == ["delayed", "installed"])


def test_what_was_installed_but_not_told_is_told_and_not_fetched_again(
    device: Device, web: Web, made: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    append = EventLog.append

    def full(*_: object) -> None:
        raise StorageError("vedette.db: database or disk is full")

    monkeypatch.setattr(EventLog, "append", full)
    announce(device.port, OWN, manifest(made["v1"], url=serve(web, made["v1"]), start=True))
    with device.running():
        until(lambda: device.versions() == {"colours/v1": "STARTING"})
    monkeypatch.setattr(EventLog, "append", append)
    with device.running():  # as after a kill between the two
        until(lambda: device.states() == ["installed"])
    assert len(web.asked) == 1


def test_a_pack_that_was_damaged_meanwhile_is_mended(device: Device, web: Web, made: dict[str, Path]) -> None:
    told = manifest(made["v1"], url=serve(web, made["v1"]))
    announce(device.port, OWN, told)
    with device.running():
        until(lambda: device.states() == ["installed"])
        (weights,) = packs.folder(device.store).glob("*/openvino.bin")
        weights.unlink()
        announce(device.port, OWN, told)
        until(lambda: device.states() == ["installed", "installed"])
    assert weights.exists()
    assert len(web.asked) == 2


def test_a_pack_is_announced_by_a_command(
    tmp_path: Path, device: Device, made: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fleet.toml").write_text(f"[mqtt]\nport = {device.port}\n")
    (device.data / "pack").write_bytes(made["v1"].read_bytes())
    words = ["--config", str(tmp_path / "fleet.toml"), "custom", "announce", str(made["v1"])]
    assert cli.main([*words, "--file", "pack", "--device", "porch", "--start"]) == 0
    topic, _, told = capsys.readouterr().out.partition(": ")
    assert topic == OWN
    assert json.loads(told) == manifest(made["v1"], file="pack", start=True)
    assert cli.main([*words, "--url", "http://localhost:1/pack", "--device", "yard"]) == 0
    with device.running():
        until(lambda: device.versions() == {"colours/v1": "STARTING"})
    assert cli.main([*words, "--url", "ftp://localhost/pack"]) == InputError.exit_code
    assert "none of http:// or https://" in capsys.readouterr().err
    assert cli.main([*words, "--url", "http://localhost/pack", "--device", "a+b"]) == InputError.exit_code
    made_up = tmp_path / "none.vedette"
    made_up.write_bytes(made["v1"].read_bytes()[:-1])
    assert cli.main([*words[:4], str(made_up), "--file", "pack"]) == InputError.exit_code
    assert "cut short" in capsys.readouterr().err


def test_a_broker_that_takes_no_announcement_is_told(tmp_path: Path) -> None:
    rights = tmp_path / "rights"
    rights.write_text("topic read #\n")
    rights.chmod(0o600)
    with Mosquitto(tmp_path, f"acl_file {rights}") as closed, pytest.raises(DeniedError, match="let this user publish"):
        keep(MqttSettings(port=closed.port), "porch", OWN, "{}")
    with mute() as port, pytest.raises(UnavailableError):
        keep(MqttSettings(port=port, timeout=0.2), "porch", OWN, "{}")


def test_the_oldest_manifests_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "KEPT", 2)
    followed = Followed(database.connect(tmp_path))
    for number in range(4):
        trace = Trace(f"t/{number}", manifests.seal(b"x"), "colours", "v1", "installed")
        with database.transaction(followed._database) as connection:
            remember(connection, trace)
    assert [followed.knows(f"t/{number}", b"x") for number in range(4)] == [False, False, True, True]
    assert not followed.knows("t/3", b"another")
    followed.close()


def test_a_device_that_is_called_as_the_topics_are_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no camera or device is called 'custom'"):
        config.parse({"device": "custom", "cameras": {}, "custom": {"manifests": True}}, tmp_path / "vedette.toml")
    with pytest.raises(InputError):
        manifests.read("colours", b"")
