"""Versions are opened, tried out and closed as the database says; one that fails leaves the one before in its place."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from accel.session import AcceleratorError
from edge import customs, database
from edge.abilities import Abilities
from edge.custom import Projects, Status
from edge.customs import ServedCustoms, open_named, try_out, unserved
from edge.engine import AccelSettings, ModelSettings
from edge.errors import DiskError, MissingError
from edge.packs.store import Store
from edge.vision import selftest
from models.manifest import ModelError
from tests.edge.customs import colour, installed
from tests.edge.stores import FakeBackend, put


class Device:
    """What a device has: a store, a database, and whoever changes it from another process."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "store")
        models = ModelSettings(store=self.store.root)
        self.settings: Any = SimpleNamespace(models=models, accel=AccelSettings(), data=folder / "data")
        self.projects = Projects(database.connect(self.settings.data))

    def install(self, name: str, **how: Any) -> None:
        self.projects.enrol(installed(self.store.root, name, **how))

    def start(self, name: str) -> None:
        self.projects.begin(*name.split("/"))

    def status(self, name: str) -> tuple[Status, str]:
        version = self.projects.version(*name.split("/"))
        return version.status, version.message


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    monkeypatch.setattr(customs, "LOOK", 0.0)
    monkeypatch.setattr(customs, "AGAIN", 0.0)
    made = Device(tmp_path)
    yield made
    made.projects.close()


@pytest.fixture
def served(device: Device) -> Iterator[ServedCustoms]:
    with closing(ServedCustoms(device.settings)) as made:
        yield made


def names(served: ServedCustoms, project: str = "colours") -> tuple[str, str]:
    """Which version is asked, and which one is only listened to."""
    return tuple(one.version if one else "" for one in (served.of(project), served.shadow_of(project)))  # type: ignore[return-value]


def test_a_version_that_is_started_runs_after_the_next_look(device: Device, served: ServedCustoms) -> None:
    device.install("colours/v1")
    served.tend()
    assert names(served) == ("", "")
    device.start("colours/v1")
    assert device.status("colours/v1")[0] == Status.STARTING
    served.tend()
    assert device.status("colours/v1") == (Status.RUNNING, "")
    custom = served.version("colours", "v1")
    assert custom
    assert custom is served.of("colours")
    assert [label.name for label in custom.look(colour("red"))] == ["red"]
    assert custom.model.use.name == "colours/v1"


def test_what_ran_before_a_restart_runs_at_once(device: Device) -> None:
    device.install("colours/v1")
    device.start("colours/v1")
    with closing(ServedCustoms(device.settings)) as first:
        assert names(first) == ("v1", "")
    with closing(ServedCustoms(device.settings)) as second:
        assert names(second) == ("v1", "")


def test_a_version_that_fails_its_self_test_leaves_the_one_before_in_its_place(
    device: Device, served: ServedCustoms, caplog: pytest.LogCaptureFixture
) -> None:
    for name, sound in (("colours/v1", True), ("colours/v2", False)):
        device.install(name, sound=sound)
        device.start(name)
        served.tend()
    assert names(served) == ("v1", "")
    assert served.version("colours", "v2") is None
    status, message = device.status("colours/v2")
    assert status == Status.FAILED
    assert message == "picture 1 of its self-test: it is 'blue' here (1.00), and was 'red' (1.00)"
    assert f"colours/v2 failed: {message}" in caplog.text


def test_a_version_that_was_altered_on_the_disk_steps_down_at_the_next_start(device: Device) -> None:
    for name in ("colours/v1", "colours/v2"):
        device.install(name)
        device.start(name)
        ServedCustoms(device.settings).close()
    digest = device.projects.version("colours", "v2").digest
    weights = device.store.root / "custom" / digest / "openvino.xml"
    weights.write_bytes(weights.read_bytes().replace(b"layer", b"lager", 1))
    with closing(ServedCustoms(device.settings)) as served:
        assert names(served) == ("v1", "")
    assert "was altered: install the pack again" in device.status("colours/v2")[1]


def test_two_versions_run_side_by_side_and_a_rollback_swaps_them(device: Device, served: ServedCustoms) -> None:
    for name in ("colours/v1", "colours/v2"):
        device.install(name)
        device.start(name)
        served.tend()
    assert names(served) == ("v2", "")
    assert served.version("colours", "v1")
    device.projects.roll_back("colours")
    served.tend()
    assert names(served) == ("v1", "")


def test_an_announced_version_closes_the_one_that_loses_its_part(device: Device, served: ServedCustoms) -> None:
    for name in ("v1", "v2", "v3"):
        device.install(f"colours/{name}")
        device.projects.begin("colours", name, replacing=True)
        served.tend()
    assert names(served) == ("v3", "")
    assert device.status("colours/v1")[0] == Status.STOPPED
    assert served.version("colours", "v1") is None
    assert len(served.failovers()) == 2


def test_packs_from_before_they_had_owners_are_marked_when_the_device_starts(device: Device) -> None:
    device.install("colours/v1")
    assert not list(device.store.root.glob("owners/*/*"))
    ServedCustoms(device.settings).close()
    assert [path.name for path in device.store.root.glob("owners/*/*")] == [
        device.projects.version("colours", "v1").digest
    ]


def test_a_shadow_is_open_beside_the_one_that_is_asked(device: Device, served: ServedCustoms) -> None:
    for name in ("colours/v1", "colours/v2"):
        device.install(name)
    device.projects.started(device.projects.version("colours", "v1"))
    device.projects.started(device.projects.version("colours", "v2"), shadow=True)
    served.tend()
    assert names(served) == ("v1", "v2")


def test_a_version_that_is_stopped_is_closed(device: Device, served: ServedCustoms) -> None:
    device.install("colours/v1")
    device.start("colours/v1")
    served.tend()
    custom = served.of("colours")
    device.projects.stop("colours", "v1")
    served.tend()
    assert device.status("colours/v1") == (Status.STOPPED, "")
    assert names(served) == ("", "")
    assert served.failovers() == []
    assert custom
    with pytest.raises(AcceleratorError):
        custom.look(colour("red"))


def test_nothing_is_read_while_nobody_has_written(
    device: Device, served: ServedCustoms, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[bool]()
    live = Projects.live
    monkeypatch.setattr(Projects, "live", lambda self: (asked.append(True), live(self))[1])
    served.tend()
    served.tend()
    assert asked == []
    device.install("colours/v1")
    served.tend()
    assert asked


def test_a_version_no_back_end_runs_now_is_waited_for_and_then_failed(
    device: Device, served: ServedCustoms, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, "openvino", FakeBackend(refusal="the driver is gone"))
    device.install("colours/v1")
    device.start("colours/v1")
    served.tend()
    assert device.status("colours/v1")[0] == Status.STARTING
    monkeypatch.setattr(customs, "PATIENCE", 0.0)
    served.tend()
    assert device.status("colours/v1") == (
        Status.FAILED,
        "no back end can run the model: openvino: the driver is gone",
    )


def test_what_ran_before_is_tried_out_once_its_back_end_is_back(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.settings.accel = AccelSettings(retry=1e-6)
    device.install("colours/v1")
    device.start("colours/v1")
    ServedCustoms(device.settings).close()
    with monkeypatch.context() as broken:
        put(broken, "openvino", FakeBackend(refusal="the driver is gone"))
        served = ServedCustoms(device.settings)
        assert names(served) == ("", "")
        assert device.status("colours/v1")[0] == Status.RUNNING
    with closing(served):
        for model in served.failovers():
            model.tend()
        served.tend()
        assert names(served) == ("v1", "")


def test_a_pack_for_other_back_ends_says_which(device: Device, served: ServedCustoms) -> None:
    device.settings.accel = AccelSettings(order=("tflite",))
    device.install("colours/v1")
    device.start("colours/v1")
    served.tend()
    assert device.status("colours/v1") == (
        Status.FAILED,
        "colours/v1 has no tflite variant: there is openvino: add one of them to accel.order",
    )


def test_a_disk_that_refuses_is_told_once_and_asked_again(
    device: Device, served: ServedCustoms, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    device.install("colours/v1")
    device.start("colours/v1")

    def refuse(*_: object) -> None:
        raise DiskError("vedette.db: database or disk is full; make room")

    with monkeypatch.context() as full, caplog.at_level(logging.WARNING):
        full.setattr(Projects, "started", refuse)
        served.tend()
        served.tend()
    assert caplog.text.count("disk is full") == 1
    served.tend()
    assert names(served) == ("v1", "")


def test_abilities_tell_of_custom_models_as_of_others(device: Device, served: ServedCustoms) -> None:
    device.install("colours/v1", backends=("openvino", "tflite"))
    device.start("colours/v1")
    abilities = Abilities(custom=served)
    abilities.tend()
    assert abilities.standing() == {
        "custom colours/v1": {"name": "colours/v1", "backend": "openvino", "device": "CPU", "failed": []}
    }


def test_a_back_end_that_fails_hands_over_to_the_next_and_an_event_says_so(
    device: Device, served: ServedCustoms, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.install("colours/v1", backends=("openvino", "tflite"))
    device.start("colours/v1")
    abilities = Abilities(custom=served)
    abilities.tend()
    custom = served.of("colours")
    assert custom

    def gone(_: object) -> None:
        raise AcceleratorError("the device is gone")

    monkeypatch.setattr(type(custom.model.session), "submit", lambda _, feeds: gone(feeds))
    assert [label.name for label in custom.look(colour("green"))] == ["green"]
    (event,) = abilities.changes()
    assert (event.type, event.values["task"], event.values["model"]) == ("accelerator_failed", "custom", "colours/v1")
    assert event.values["instead"] == {"model": "colours/v1", "backend": "tflite"}


def test_a_version_is_opened_by_its_name_whether_it_runs_or_not(device: Device) -> None:
    device.install("colours/v1")
    device.install("colours/v2")
    for name, version in (("colours", "v2"), ("colours/v1", "v1")):
        with closing(open_named(device.settings, name)) as opened:
            custom = opened.of("colours")
            assert custom
            assert custom.version == version
    device.projects.started(device.projects.version("colours", "v1"))
    with closing(open_named(device.settings, "colours")) as opened:
        assert opened.version("colours", "v1")


def test_what_is_not_there_is_named(device: Device, tmp_path: Path) -> None:
    elsewhere: Any = SimpleNamespace(models=ModelSettings(), accel=AccelSettings(), data=tmp_path / "new")
    with pytest.raises(MissingError, match="no project 'colours': there is none; install a pack"):
        open_named(elsewhere, "colours")
    assert not (tmp_path / "new").exists()
    device.install("colours/v1")
    with pytest.raises(MissingError, match="no version 'v9' of project 'colours': there is v1"):
        open_named(device.settings, "colours/v9")
    device.projects.create_project("empty")
    with pytest.raises(MissingError, match="project 'empty' has no version with a model"):
        open_named(device.settings, "empty")


def test_projects_that_will_not_answer_are_named_with_the_remedy(device: Device) -> None:
    device.install("colours/v1")
    assert list(unserved(device.settings, ("colour", "squares", "colours"))) == [
        "there is no project 'colour'; did you mean 'colours'?",
        "there is no project 'squares'; run 'vedette custom install'",
        "no version of 'colours' runs; run 'vedette custom start colours'",
    ]
    device.projects.started(device.projects.version("colours", "v1"))
    assert list(unserved(device.settings, ("colours",))) == []


def test_a_version_is_tried_out_before_it_is_started(device: Device) -> None:
    device.install("colours/v1")
    device.install("colours/v2", sound=False)
    first, second = (device.projects.version("colours", name) for name in ("v1", "v2"))
    assert try_out(device.settings, first) == ""
    assert "picture 1 of its self-test" in try_out(device.settings, second)
    folder = device.store.root / "custom" / first.digest
    np.savez(folder / selftest.FILE, images=np.zeros((0, 32, 32, 3), np.uint8))
    assert "selftest.npz is cut short: install the pack again" in try_out(device.settings, first)


def test_a_version_without_a_model_says_what_it_waits_for(device: Device) -> None:
    from edge.custom import NewVersion

    device.projects.create_project("colours")
    version = device.projects.create_version(NewVersion("colours", "v1"))
    with pytest.raises(ModelError, match="colours/v1 is TRAINING_IN_PROGRESS: it has no model"):
        customs.open_version(device.settings, version)
