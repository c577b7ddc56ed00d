"""One camera's memory: tracks, faces, labels and moderation from frame to frame."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from accel.session import AcceleratorError
from edge import database
from edge.abilities import Abilities
from edge.cameras.images import ImagesCamera
from edge.collections import Collections, NewFace
from edge.events.schema import TYPES
from edge.findings import Flag, Moderated, Words
from edge.settings import FacesTask, LabelsTask, ModerationTask, ObjectsTask, TextTask
from edge.values import Box, Event, Frame, Label, ModelUse
from edge.vision.faces import owners_of
from edge.watch import Seen, Watch
from models.outputs import Boxes

LABELS = ("Person", "Dog", "Car", "Truck")
IMAGE = np.zeros((480, 640, 3), np.uint8)


def use(task: str) -> Any:
    return SimpleNamespace(use=ModelUse(task, task, 1, "d" * 64, "replay"))


@dataclass
class Faces:
    """Finds the given face in every frame and embeds it as the given vector."""

    vector: np.ndarray[Any, Any]
    xyxy: tuple[float, ...] = (300.0, 100.0, 360.0, 180.0)
    looks: int = 0
    embedded: int = 0
    detector: Any = field(default_factory=lambda: use("faces"))
    embedder: Any = field(default_factory=lambda: use("embedding"))

    def find(self, _image: Any, _floor: float, **_how: Any) -> Boxes:
        self.looks += 1
        x1, y1, x2, y2 = self.xyxy
        across, down = x2 - x1, y2 - y1
        points = [(0.25, 0.4), (0.75, 0.4), (0.5, 0.6), (0.3, 0.8), (0.7, 0.8)]
        landmarks = np.array([[(x1 + across * x, y1 + down * y) for x, y in points]], np.float32)
        return Boxes(np.array([self.xyxy], np.float32), np.array([0.9], np.float32), np.zeros(1, np.int64), landmarks)

    def embed(self, _image: Any, _landmarks: Any) -> tuple[Any, float]:
        self.embedded += 1
        return self.vector, 0.8


def vector(seed: int) -> np.ndarray[Any, Any]:
    made = np.random.default_rng(seed).normal(size=128).astype(np.float32)
    return made / np.linalg.norm(made)


@pytest.fixture
def collections(tmp_path: Path) -> Iterator[Collections]:
    made = Collections(database.connect(tmp_path))
    made.create_collection("people")
    made.add_faces("people", [NewFace(vector(1), Box(0, 0, 1, 1), 0.9)], "d" * 64, external_image_id="ann")
    yield made
    made.close()


def camera(**tasks: Any) -> ImagesCamera:
    off: dict[str, Any] = {
        "objects": ObjectsTask(enabled=False),
        "faces": FacesTask(enabled=False),
        "labels": LabelsTask(enabled=False),
        "moderation": ModerationTask(enabled=False),
    }
    return ImagesCamera(path=Path("unused"), **(off | tasks))


def watch(collections: Collections, settings: ImagesCamera, **abilities: Any) -> Watch:
    objects = SimpleNamespace(labels=LABELS, use=use("objects").use)
    return Watch("door", settings, Abilities(objects=objects, **abilities), collections, None)  # type: ignore[arg-type]


def found(*rows: tuple[int, float, tuple[float, ...]]) -> Boxes:
    kinds, scores, boxes = zip(*rows, strict=True) if rows else ((), (), ())
    return Boxes(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.array(kinds, np.int64))


def play(one: Watch, frames: int, boxes: Boxes | None, start: float = 1000.0, step: float = 0.2) -> list[Event]:
    told: list[Event] = []
    for index in range(frames):
        told += one.see(Frame("door", IMAGE, start + index * step, index), boxes, {}).events
    return told


def kinds(events: list[Event]) -> list[str]:
    for event in events:
        TYPES[event.type].model_validate(event.values)
    return [event.type for event in events]


PERSON = (0, 0.9, (280.0, 60.0, 400.0, 460.0))
DOG = (1, 0.9, (20.0, 300.0, 120.0, 400.0))


def test_an_object_is_told_when_confirmed_and_when_it_left(collections: Collections) -> None:
    one = watch(collections, camera(objects=ObjectsTask()))
    assert kinds(play(one, 5, found(PERSON))) == ["track_started"]
    events = play(one, 20, found(), start=1002.0)
    assert kinds(events) == ["track_ended"]
    assert events[0].values["reason"] == "left"
    assert events[0].values["track"] == 1


def test_labels_that_are_not_asked_for_are_not_tracked(collections: Collections) -> None:
    one = watch(collections, camera(objects=ObjectsTask(labels=("dog",))))
    events = play(one, 5, found(PERSON, DOG))
    assert [event.values["label"] for event in events] == ["Dog"]


def test_a_car_that_is_called_a_truck_for_a_while_stays_one_track_and_a_truck_is_not_told(
    collections: Collections,
) -> None:
    one = watch(collections, camera(objects=ObjectsTask(labels=("car",))))
    car, truck = (LABELS.index(name) for name in ("Car", "Truck"))
    spot, other = (300.0, 60.0, 400.0, 160.0), (20.0, 300.0, 120.0, 400.0)
    events = play(one, 5, found((car, 0.9, spot), (truck, 0.9, other)))
    events += play(one, 3, found((truck, 0.5, spot), (truck, 0.9, other)), start=1001.0)
    events += play(one, 5, found((car, 0.9, spot)), start=1001.6)
    events += play(one, 20, found(), start=1002.6)
    assert [(event.type, event.values["track"], event.values["label"]) for event in events] == [
        ("track_started", 1, "Car"),
        ("track_ended", 1, "Car"),
    ]


def test_what_is_opened_is_closed_in_the_same_commit(collections: Collections) -> None:
    one = watch(collections, camera(objects=ObjectsTask()))
    seen: list[Seen] = [
        one.see(Frame("door", IMAGE, 1000 + at / 5, at), found(PERSON if at < 5 else DOG), {}) for at in range(30)
    ]
    opened = [track.track for one in seen for track in one.opened]
    closed = [track for one in seen for _, track in one.closed]
    assert opened == [1, 2]
    assert closed == [1]
    assert [len(one.opened) + len(one.closed) for one in seen] == [len(one.events) for one in seen]


def test_a_known_face_is_matched_once_and_belongs_to_its_person(collections: Collections) -> None:
    faces = Faces(vector(1))
    one = watch(collections, camera(objects=ObjectsTask(), faces=FacesTask()), faces=faces)
    events = play(one, 10, found(PERSON))
    assert kinds(events) == ["track_started", "face_matched"]
    assert events[1].values["person"] == "ann"
    assert events[1].values["track"] == 1
    assert {model.task for model in events[1].models} == {"faces", "embedding"}


def test_a_stranger_is_unknown_once(collections: Collections) -> None:
    one = watch(collections, camera(faces=FacesTask()), faces=Faces(vector(2)))
    assert kinds(play(one, 30, None)) == ["face_unknown"]


def test_a_decided_face_is_embedded_rarely(collections: Collections) -> None:
    faces = Faces(vector(1))
    play(watch(collections, camera(objects=ObjectsTask(), faces=FacesTask()), faces=faces), 50, found(PERSON))
    assert faces.embedded <= 2 + 10 / 2  # the confirmations, then one every RECHECK seconds of ten
    assert faces.looks < 50 / 2


def test_somebody_new_is_looked_in_the_face_at_once(collections: Collections) -> None:
    faces = Faces(vector(1))
    one = watch(collections, camera(objects=ObjectsTask(), faces=FacesTask()), faces=faces)
    play(one, 50, found(PERSON))
    one.see(Frame("door", IMAGE, 1010.0, 50), found(PERSON, DOG), {})  # looks, and rests for a second
    before = faces.looks
    events = one.see(Frame("door", IMAGE, 1010.2, 51), found(PERSON, DOG), {}).events
    assert (kinds(events), faces.looks) == (["track_started"], before + 1)


def test_faces_indexed_with_another_model_name_nobody_and_stop_nothing(
    collections: Collections, caplog: pytest.LogCaptureFixture
) -> None:
    collections.create_collection("others")
    collections.add_faces("others", [NewFace(vector(1), Box(0, 0, 1, 1), 0.9)], "e" * 64)
    one = watch(
        collections, camera(objects=ObjectsTask(), faces=FacesTask(collection="others")), faces=Faces(vector(1))
    )
    assert kinds(play(one, 10, found(PERSON))) == ["track_started"]
    assert len(caplog.records) == 1
    assert "others" in caplog.text


def test_small_faces_are_left_alone(collections: Collections) -> None:
    faces = Faces(vector(1), xyxy=(300.0, 100.0, 320.0, 120.0))
    assert not play(watch(collections, camera(faces=FacesTask()), faces=faces), 10, None)
    assert faces.embedded == 0


def test_tasks_keep_their_own_rates(collections: Collections) -> None:
    looks: list[str] = []

    class Text:
        models = (use("text_boxes"),)

        def look(self, *_: Any) -> list[Words]:
            looks.append("text")
            return [Words(0, "LINE", None, "EXIT", 0.9, Box(0.1, 0.1, 0.2, 0.2), ())]

    class Moderation:
        models = (use("moderation"),)

        def look(self, *_: Any) -> Moderated:
            looks.append("moderation")
            return Moderated((Flag("Violence", "", 1, 0.9),), ())

    settings = camera(text=TextTask(enabled=True, every=2.0), moderation=ModerationTask(every=1.0))
    events = play(watch(collections, settings, text=Text(), moderation=Moderation()), 20, None)
    assert kinds(events) == ["moderation", "text"]
    assert (looks.count("text"), looks.count("moderation")) == (2, 4)


def test_a_task_without_an_accelerator_rests_and_the_others_go_on(collections: Collections) -> None:
    class Labels:
        def look(self, *_: Any) -> list[Label]:
            raise AcceleratorError("no back end can run the model")

    flagged = Moderated((Flag("Violence", "", 1, 0.9),), ())
    moderation = SimpleNamespace(models=(use("moderation"),), look=lambda *_: flagged)
    settings = camera(objects=ObjectsTask(), labels=LabelsTask(), moderation=ModerationTask())
    one = watch(collections, settings, labels=Labels(), moderation=moderation)
    assert kinds(play(one, 5, found(PERSON))) == ["moderation", "track_started"]


@pytest.mark.parametrize("step", [-86400.0, 86400.0])
def test_a_clock_that_is_set_ends_no_track_and_blinds_nobody(collections: Collections, step: float) -> None:
    faces = Faces(vector(1))
    one = watch(collections, camera(objects=ObjectsTask(), faces=FacesTask()), faces=faces)
    assert kinds(play(one, 10, found(PERSON))) == ["track_started", "face_matched"]
    looks = faces.looks
    assert not play(one, 40, found(PERSON), start=1002.0 + step)
    assert faces.looks > looks
    (ended,) = [event for event in play(one, 20, found(), start=1010.0 + step) if event.type == "track_ended"]
    assert ended.values["duration"] == pytest.approx(9.6, abs=0.5)
    assert ended.values["started_at"] == pytest.approx(1000.0 + step, abs=0.5)


def test_a_clock_that_is_set_back_while_the_camera_is_away_blinds_nobody(collections: Collections) -> None:
    faces = Faces(vector(1))
    one = watch(collections, camera(faces=FacesTask()), faces=faces)
    assert kinds(play(one, 10, None, start=100_000.0)) == ["face_matched"]
    one.leave(100_002.0, "camera_offline")
    assert kinds(play(one, 10, None, start=100_002.0 - 86400.0)) == ["face_matched"]


def test_leaving_closes_every_open_track(collections: Collections) -> None:
    one = watch(collections, camera(objects=ObjectsTask()))
    play(one, 5, found(PERSON, DOG))
    seen = one.leave(1010.0, "camera_offline")
    assert kinds(seen.events) == ["track_ended", "track_ended"]
    assert {event.values["reason"] for event in seen.events} == {"camera_offline"}
    assert seen.closed == [("door", 1), ("door", 2)]
    assert not one.leave(1011.0, "stopped").events


def test_numbers_go_on_where_an_earlier_run_stopped(collections: Collections) -> None:
    one = watch(collections, camera(objects=ObjectsTask()))
    one.number_from(41)
    assert play(one, 5, found(PERSON))[0].values["track"] == 42


def test_a_face_belongs_to_the_person_whose_head_it_is() -> None:
    people = np.array([[0, 0, 100, 300], [60, 20, 160, 320]], float)
    faces = np.array([[90, 30, 130, 70], [30, 10, 70, 50], [400, 0, 440, 40]], np.float32)
    assert owners_of(faces, people).tolist() == [1, 0, -1]
    assert owners_of(faces[:0], people).tolist() == []
    assert owners_of(faces, people[:0]).tolist() == [-1, -1, -1]


def test_nobody_gets_two_faces() -> None:
    people = np.array([[0, 0, 100, 300]], float)
    faces = np.array([[30, 10, 70, 50], [32, 12, 72, 52]], np.float32)
    assert sorted(owners_of(faces, people).tolist()) == [-1, 0]


def test_boxes_are_ratios_within_the_frame(collections: Collections) -> None:
    one = watch(collections, camera(objects=ObjectsTask()))
    events = play(one, 5, found((0, 0.9, (-50.0, 60.0, 700.0, 460.0))))
    assert Box(**events[0].values["box"]) == Box(0.0, 0.125, 1.0, pytest.approx(0.9583, abs=1e-3))
