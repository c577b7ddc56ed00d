"""A configuration in words: what each part does, and what keeps it from running."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge import config
from edge.explain import lines, problems
from edge.packs.store import Store
from tests.edge.stores import FakeBackend, classifier, install, put

DOOR = {"kind": "images", "path": "slides", "seconds": 3.0}


def parsed(folder: Path, **raw: Any) -> config.Config:
    (folder / "slides").mkdir(exist_ok=True)
    raw = {"device": "porch", "data": "state", "models": {"store": str(folder / "store")}} | raw
    return config.parse(raw, folder / "vedette.toml")


@pytest.fixture(autouse=True)
def _backends(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, "openvino", FakeBackend(classifier()))
    put(monkeypatch, "tflite", FakeBackend(refusal="not here"))


def test_defaults_are_told_in_full(tmp_path: Path) -> None:
    assert list(lines(parsed(tmp_path, cameras={"door": DOOR}))) == [
        f"device porch: topics vedette/porch/<camera>/<type>, data in {tmp_path / 'state'}",
        "mqtt: 127.0.0.1:1883, version 5, no TLS, no user",
        "accel: openvino, then tflite",
        "stills: none written",
        f"camera door: kind images, fps 5.0, path {tmp_path / 'slides'}, seconds 3.0",
        "camera door: frames count when 0.20% of the picture changes, else one every 5 s",
        "camera door: objects: everything the detector knows, from a score of 0.45",
        "camera door: faces: matched in collection 'people' from 95 % in 2 views",
        "camera door: labels: every 5 s, from a score of 0.5",
        "camera door: moderation: every 2 s, an event from 0.8",
    ]


def test_what_is_set_is_what_is_told(tmp_path: Path) -> None:
    camera = DOOR | {
        "motion": {"area": 0},
        "objects": {"labels": ["Person", "Dog"], "floor": 0.6},
        "faces": {"enabled": False},
        "labels": {"enabled": False},
        "moderation": {"enabled": False},
    }
    mqtt = {"host": "hub", "tls": True, "username": "ann", "password": "secret", "protocol": "3.1.1"}
    told = list(lines(parsed(tmp_path, cameras={"door": camera}, mqtt=mqtt, stills={"folder": "s", "keep": 7})))
    assert "mqtt: hub:1883, version 3.1.1, TLS, user ann" in told
    assert f"stills: the newest 7 in {tmp_path / 's'}" in told
    assert told[-2:] == [
        "camera door: every frame counts, the motion gate is off",
        "camera door: objects: Person, Dog, from a score of 0.6",
    ]
    assert "secret" not in str(told)


def test_a_network_cameras_password_is_not_told(tmp_path: Path) -> None:
    camera = {"kind": "rtsp", "url": "rtsp://ann:secret@192.168.1.10:554/stream"}
    told = list(lines(parsed(tmp_path, cameras={"door": camera})))
    assert "secret" not in str(told)


def test_what_is_there_is_no_problem(tmp_path: Path) -> None:
    for name in ("nanodet-g", "yunet", "sface", "efficientnet-lite0", "open-nsfw"):
        install(Store(tmp_path / "store"), name, "openvino")
    assert list(problems(parsed(tmp_path, cameras={"door": DOOR}))) == []


def test_an_absent_path_and_absent_models_are_told_with_their_remedy(tmp_path: Path) -> None:
    install(Store(tmp_path / "store"), "yunet", "openvino")
    quiet = {task: {"enabled": False} for task in ("objects", "moderation")}
    found = list(problems(parsed(tmp_path, cameras={"door": DOOR | {"path": "nowhere"} | quiet})))
    assert found[0] == f"cameras.door.path: {tmp_path / 'nowhere'} does not exist"
    assert [line.split(":")[0] for line in found[1:]] == ["models.embedding", "models.labels"]
    assert all("run 'vedette models pull " in line for line in found[1:])


def test_back_ends_none_of_which_works_are_the_problem(tmp_path: Path) -> None:
    (problem,) = problems(parsed(tmp_path, cameras={"door": DOOR}, accel={"order": ["tflite"]}))
    assert problem == "no back end of accel.order works: tflite: not here; or add 'openvino' to accel.order"
