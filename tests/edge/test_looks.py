"""A camera's looks: an event when the answer has changed, and none while it stays."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from edge.findings import Celebrity, Flag, Liveness, Moderated, Properties, Quality
from edge.looks import GONE, LOOKS, speakers
from edge.settings import TASKS, LivenessTask, ModerationTask, Tasks
from edge.values import Box
from models.outputs import Boxes

BOX = Box(0.1, 0.1, 0.2, 0.2)


def boxes(*sides: float) -> Boxes:
    rows = np.array([(0, 0, side, side) for side in sides], np.float32).reshape(-1, 4)
    return Boxes(rows, np.ones(len(sides), np.float32), np.zeros(len(sides), np.int64))


def told(task: str, *scenes: Any, tasks: Tasks | None = None) -> list[list[Any]]:
    """The values of the events that each scene gives."""
    look, answers = LOOKS[task], []
    state = look.told
    for scene in scenes:
        values, state = look.see(scene, tasks or Tasks(), state)
        answers.append(list(values))
    return answers


def test_every_task_has_a_look_but_those_that_follow_more_than_one_thing() -> None:
    assert set(LOOKS) == set(TASKS) - {"objects", "faces", "custom"}


def test_moderation_is_asked_for_what_rearms_it() -> None:
    asked: list[float] = []

    def moderated(floor: float) -> Moderated:
        asked.append(floor)
        return Moderated((Flag("Violence", "", 1, 0.9),), ())

    first, again = told("moderation", *[SimpleNamespace(moderated=moderated)] * 2, tasks=Tasks())
    assert ([values["name"] for values in first], again) == (["Violence"], [])
    assert asked == [0.8 * ModerationTask().floor] * 2


def test_a_lens_that_is_covered_and_uncovered_is_told_twice() -> None:
    def scene(brightness: float) -> Any:
        return SimpleNamespace(properties=Properties(Quality(brightness, 50.0, 30.0), (), None, None))

    answers = told("properties", *map(scene, (50, 5, 4, 50)))
    assert [[values["state"] for values in one] for one in answers] == [[], ["dark"], [], ["good"]]


def test_a_celebrity_is_news_again_only_after_a_while() -> None:
    ann = Celebrity("Q1", "Ann", (), "Female", 99.0, "pack")
    here = SimpleNamespace(boxes=[BOX, BOX], celebrities=[None, ann])
    away = SimpleNamespace(boxes=[BOX], celebrities=[None])
    answers = told("celebrities", here, here, *[away] * GONE, here, *[away] * (GONE + 1), here)
    assert [len(one) for one in answers] == [1, 0, *[0] * GONE, 0, *[0] * (GONE + 1), 1]
    assert answers[0][0]["name"] == "Ann"


def test_liveness_leaves_small_faces_alone() -> None:
    advice = [Liveness(0.9, (0.9,)), Liveness(0.2, (0.2,))]
    scene = SimpleNamespace(boxes=[BOX, BOX], liveness=advice, faces=boxes(80, 20))
    _, (values,) = told("liveness", scene, scene, tasks=Tasks(liveness=LivenessTask(min_pixels=64)))
    assert [face["live"] for face in values["faces"]] == [True]
    assert told("liveness", SimpleNamespace(boxes=[], liveness=[], faces=boxes())) == [[]]


def test_an_event_names_the_models_it_rests_on() -> None:
    models = (object(),)
    abilities: Any = SimpleNamespace(text=SimpleNamespace(models=models), properties=True)
    assert speakers("text", abilities) is models
    assert speakers("properties", abilities) == ()
