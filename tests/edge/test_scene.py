"""One picture: each ability is asked at most once, and told what the others have found."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from accel.session import AcceleratorError
from edge.abilities import GAINS, Abilities, with_needs
from edge.findings import Celebrity, Flag, Liveness, Moderated, Words
from edge.scene import Scene
from edge.settings import TASKS, Tasks, TextTask
from edge.values import Box, Detection, Label
from models.outputs import Boxes

IMAGE = np.zeros((100, 200, 3), np.uint8)


def boxes(*rows: tuple[float, float, float, float], scores: Sequence[float] = (), points: bool = False) -> Boxes:
    count = len(rows)
    landmarks = np.full((count, 5, 2), 30.0, np.float32) if points else None
    told = np.array(scores or [0.9] * count, np.float32)
    return Boxes(np.array(rows, np.float32).reshape(-1, 4), told, np.ones(count, np.int64), landmarks)


class Asked:
    """An ability that answers what it is told to and remembers what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[Any, ...]] = []

    def look(self, *given: Any) -> Any:
        self.asked.append(given)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def scene(found: Boxes | None = None, tasks: Tasks | None = None, **abilities: Any) -> Scene:
    return Scene(IMAGE, Abilities(**abilities), tasks or Tasks(), found)


def test_two_scenes_do_not_wait_for_each_other() -> None:
    looking, done = threading.Event(), threading.Event()

    def slow(*_: Any) -> list[Label]:
        looking.set()
        assert done.wait(10)
        return []

    first = scene(labels=SimpleNamespace(look=slow))
    thread = threading.Thread(target=lambda: first.labels)
    thread.start()
    assert looking.wait(10)
    assert scene(labels=Asked([Label("Dog", 0.9)])).labels == [Label("Dog", 0.9)]
    done.set()
    thread.join()


def detector(found: Boxes) -> Any:
    return SimpleNamespace(labels=("Person", "Dog"), detect=lambda _image, _floor: found)


def faces(found: Boxes) -> Any:
    seen = SimpleNamespace(looks=0)

    def find(_image: Any, _floor: float, **_how: Any) -> Boxes:
        seen.looks += 1
        return found

    seen.find = find
    seen.embed_all = lambda _image, landmarks: [(np.full(128, points[0, 0], np.float32), 0.75) for points in landmarks]
    return seen


def test_an_ability_is_asked_once_however_often_its_answer_is_wanted() -> None:
    finder, text = faces(boxes((0, 0, 20, 20), points=True)), Asked([])
    one = scene(faces=finder, text=text, attributes=Asked([]), liveness=Asked([Liveness(0.9, (0.9,))]))
    for _ in range(2):
        assert (one.text, one.attributes, len(one.boxes), len(one.liveness)) == ([], [], 1, 1)
    assert (finder.looks, len(text.asked)) == (1, 1)


def test_labels_and_moderation_are_told_what_the_detector_found() -> None:
    labels, moderation = Asked([Label("Cat", 0.2)]), Asked(Moderated((), ()))
    one = scene(objects=detector(boxes((20, 10, 120, 60))), labels=labels, moderation=moderation)
    dog = Detection("Dog", pytest.approx(0.9), Box(*(pytest.approx(value) for value in (0.1, 0.1, 0.6, 0.6))))
    assert one.moderation == Moderated((), ())
    (asked,) = moderation.asked
    assert asked[2:] == ([dog], [Label("Cat", 0.2)])
    assert labels.asked[0][2] == [dog]


def test_what_a_camera_has_found_already_is_not_looked_for_again() -> None:
    model = SimpleNamespace(labels=("Person", "Dog"))  # it has no detect()
    one = scene(boxes((0, 0, 20, 20), (0, 0, 40, 40), scores=(0.8, 0.1)), objects=model)
    assert [item.label for item in one.objects] == ["Dog"], "what is below the floor only carries tracks on"


def test_moderation_goes_on_without_labels() -> None:
    flag = Flag("Explicit", "", 1, 0.9)
    one = scene(labels=Asked(AcceleratorError("no back end")), moderation=Asked(Moderated((flag,), ())))
    assert one.moderation.flags == (flag,)


def test_faces_are_told_from_the_largest_on_with_all_that_is_known_of_each() -> None:
    finder = faces(boxes((0, 0, 20, 20), (100, 0, 180, 80), points=True))
    known = Celebrity("Q1", "Ann", (), "Female", 99.0, "pack")
    one = scene(faces=finder, celebrities=Asked([known, None]), liveness=Asked([Liveness(0.9, (0.9,))] * 2))
    told = one.document(TASKS)
    assert [face["box"]["x1"] for face in told["faces"]] == [0.5, 0.0]
    assert [face["celebrity"] and face["celebrity"]["name"] for face in told["faces"]] == ["Ann", None]
    assert [face["quality"] for face in told["faces"]] == [0.75, 0.75]


def test_a_document_holds_what_was_asked_for_and_opened_only() -> None:
    words = Words(0, "LINE", None, "EXIT", 0.98765, Box(0.1, 0.2, 0.3, 0.4), ((0.1, 0.2),) * 4)
    one = scene(text=Asked([words]), labels=Asked([Label("Cat", 0.9)]))
    assert one.document(("text", "moderation")) == {
        "width": 200,
        "height": 100,
        "text": [
            {
                "id": 0,
                "kind": "LINE",
                "parent": None,
                "text": "EXIT",
                "score": 0.9877,
                "box": {"x1": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.4},
                "polygon": [[0.1, 0.2]] * 4,
            }
        ],
    }


def test_settings_reach_the_text() -> None:
    text = Asked([])
    task = TextTask(floor=0.5, min_height=0.1, regions=((0.0, 0.0, 0.5, 0.5),))
    assert scene(text=text, tasks=Tasks(text=task)).text == []
    wanted = text.asked[0][1]
    assert (wanted.score, wanted.width, wanted.height, wanted.regions) == (0.5, 0.0, 0.1, (Box(0.0, 0.0, 0.5, 0.5),))


def test_tasks_bring_those_whose_findings_they_need() -> None:
    assert with_needs(("attributes",)) == {"attributes", "faces"}
    assert with_needs(("moderation",)) == {"moderation"}
    assert with_needs(("moderation",), GAINS) == {"moderation", "objects", "labels"}
