"""An Edge TPU that hangs, fails and crashes while the pipeline runs: the next back end goes on, then it comes back."""

from __future__ import annotations

import gc
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import pytest

from accel import worker
from edge import daemon, pipeline
from edge.abilities import open_abilities
from edge.config import Config, parse
from edge.packs.store import Store, default_root
from edge.pipeline import Parts, Pipeline
from edge.values import Frame
from edge.vision.motion import Motion
from edge.watch import Seen, Watch
from models import manifest as manifests
from models.manifest import Manifest
from models.outputs import Boxes
from tests.brokers import free_port, until
from tests.edge.stores import install

pytestmark = [pytest.mark.faults, pytest.mark.models, pytest.mark.usefixtures("pulled")]

GOES_ON_WITHIN, LARGEST_GAP = 3.0, 1.0  # seconds, as promised
TASKS = {"objects": "ssd-mobilenet-v2", "labels": "efficientnet-lite0"}
Photos = Callable[..., list[Path]]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """What is pulled, and each task's TFLite model a second time as though it were compiled for the Edge TPU."""
    load = manifests.load

    def with_coral(name: str) -> Manifest:
        manifest = load(name)
        if name not in TASKS.values():
            return manifest
        variants = {**manifest.variants, "coral": manifest.variants["tflite"]}
        return manifest.model_copy(update={"variants": variants})

    monkeypatch.setattr(manifests, "load", with_coral)
    shutil.copytree(default_root() / "built", tmp_path / "models" / "built")
    store = Store(tmp_path / "models")
    for name in TASKS.values():
        install(store, name, "coral", store.find(name, "tflite").weights.read_bytes())
    return store


@dataclass
class Noted:
    """When each frame was captured, in monotonic seconds; and when each was done, with who found its objects."""

    captured: list[float] = field(default_factory=list)
    looked: list[tuple[float, str]] = field(default_factory=list)


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Noted:
    notes = Noted()

    class NotedMotion(Motion):
        def look(self, _image: Any, _now: float) -> bool:
            notes.captured.append(time.monotonic())
            return True

    class NotedWatch(Watch):
        def see(self, frame: Frame, found: Boxes | None, stages: dict[str, float]) -> Seen:
            seen = super().see(frame, found, stages)
            if found is not None and self._abilities.objects:
                notes.looked.append((time.monotonic(), self._abilities.objects.use.backend))
            return seen

    monkeypatch.setattr(pipeline, "Motion", NotedMotion)
    monkeypatch.setattr(pipeline, "Watch", NotedWatch)
    return notes


@pytest.fixture
def video(tmp_path: Path, photos: Photos) -> Path:
    """A person and a cat in turn, so that labels change and tracks come and go."""
    path = tmp_path / "turns.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (640, 480))  # type: ignore[attr-defined]
    for photo in photos("astronaut.png", "chelsea.png"):
        for _ in range(4):
            writer.write(cv2.resize(cv2.imread(str(photo)), (640, 480)))
    writer.release()
    return path


@dataclass
class Scene:
    """A camera, a fake Edge TPU with a switch for its troubles, and what is noted meanwhile."""

    config: Config
    switch: Path
    noted: Noted


@pytest.fixture
def scene(tmp_path: Path, fake_edgetpu: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Scene:
    store, video, noted = (request.getfixturevalue(name) for name in ("store", "video", "noted"))
    monkeypatch.setenv("FAKE_EDGETPU", str(tmp_path / "switch"))
    monkeypatch.setattr(worker, "OPEN_SECONDS", 2.0)  # a hanging device is tried again the sooner
    camera = {"kind": "file", "path": str(video), "loop": True, "fps": 0, "faces": {"enabled": False}}
    raw = {
        "device": "porch",
        "data": str(tmp_path / "data"),
        "mqtt": {"port": free_port()},
        "models": {"store": str(store.root)},
        "accel": {"order": ["coral", "openvino"], "retry": 0.5, "coral": {"library": fake_edgetpu}},
        "cameras": {"door": camera | {"labels": {"every": 0}, "moderation": {"enabled": False}}},
    }
    return Scene(parse(raw, tmp_path / "vedette.toml"), tmp_path / "switch", noted)


@contextmanager
def running(config: Config) -> Iterator[tuple[Pipeline, Parts]]:
    abilities = open_abilities(config, frozenset(TASKS), lasting=True)
    try:
        with daemon.parts(config, abilities) as parts:
            run = Pipeline(config, parts)
            thread = threading.Thread(target=run.run)
            thread.start()
            try:
                yield run, parts
            finally:
                run.stop()
                thread.join()
    finally:
        abilities.close()


def told(parts: Parts, kind: str) -> list[dict[str, Any]]:
    """Every event of a type so far."""
    return [json.loads(event.body) for event in parts.log.tail(0, 100_000) if event.type == kind]


def heard_from(backend: str, parts: Parts, notes: Noted) -> bool:
    """Whether this back end found the last objects and told the last labels."""
    labels = told(parts, "labels")
    return bool(notes.looked and labels) and notes.looked[-1][1] == backend == labels[-1]["models"][0]["backend"]


def largest_gap(scene: Scene) -> float:
    """Seconds between two captured frames."""
    return max(later - earlier for earlier, later in pairwise(scene.noted.captured))


def left() -> tuple[int, str]:
    """Open files, and children, dead ones included."""
    gc.collect()
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text("ascii")
    return len(list(Path("/proc/self/fd").iterdir())), children


@pytest.mark.parametrize("trouble", ["hang", "fail", "segfault"])
def test_analysis_goes_on_and_the_device_comes_back(scene: Scene, trouble: str) -> None:
    before = left()
    with running(scene.config) as (run, parts):
        until(lambda: heard_from("coral", parts, scene.noted))
        scene.switch.write_text(trouble)
        troubled = time.monotonic()
        until(lambda: heard_from("openvino", parts, scene.noted))
        assert time.monotonic() - troubled <= GOES_ON_WITHIN
        until(lambda: len(told(parts, "accelerator_failed")) == len(TASKS))
        standing = run.status()["models"]
        scene.switch.write_text("")
        until(lambda: len(told(parts, "accelerator_restored")) == len(TASKS))
        until(lambda: heard_from("coral", parts, scene.noted))
        assert not any(model["failed"] for model in run.status()["models"].values())
        failures = told(parts, "accelerator_failed")
    assert left() == before
    assert largest_gap(scene) <= LARGEST_GAP
    for task, name in TASKS.items():
        (failed,) = standing[task]["failed"]
        assert (standing[task]["backend"], failed["backend"], failed["name"]) == ("openvino", "coral", name)
    assert {event["values"]["task"]: event["values"]["model"] for event in failures} == TASKS
    assert {event["values"]["instead"]["backend"] for event in failures} == {"openvino"}
    assert {event["camera"] for event in failures} == {"-"}


def test_with_nothing_left_capture_goes_on_and_analysis_when_the_device_is_back(scene: Scene) -> None:
    alone = scene.config.accel.model_copy(update={"order": ("coral",)})
    with running(scene.config.model_copy(update={"accel": alone})) as (run, parts):
        until(lambda: heard_from("coral", parts, scene.noted))
        scene.switch.write_text("gone")
        until(lambda: len(told(parts, "accelerator_failed")) == len(TASKS))
        until(lambda: parts.stats.camera("door")["frames"]["unseen"] > 5)
        assert [event["values"]["instead"] for event in told(parts, "accelerator_failed")] == [None, None]
        assert {model["backend"] for model in run.status()["models"].values()} == {None}
        scene.switch.write_text("")
        until(lambda: len(told(parts, "accelerator_restored")) == len(TASKS))
        looked = len(scene.noted.looked)
        until(lambda: len(scene.noted.looked) > looked)
    assert largest_gap(scene) <= LARGEST_GAP


def test_a_device_that_is_plugged_in_later_is_taken(scene: Scene) -> None:
    scene.switch.write_text("gone")
    with running(scene.config) as (run, parts):
        until(lambda: heard_from("openvino", parts, scene.noted))
        assert "no such Edge TPU" in run.status()["models"]["objects"]["failed"][0]["reason"]
        scene.switch.write_text("")
        until(lambda: heard_from("coral", parts, scene.noted))
        until(lambda: len(told(parts, "accelerator_restored")) == len(TASKS))
        assert told(parts, "accelerator_failed") == []
