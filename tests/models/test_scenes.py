"""Scenes and activities."""

from __future__ import annotations

import pytest

from models import labels, manifest
from models.scenes import ACTIVITIES, CLUES, CROWD, PERSON, PLACES, TRUST, Corners, activities, places

RIDER: Corners = (0.4, 0.2, 0.6, 0.7)


def doing(thing: str, box: Corners, person: Corners = RIDER) -> set[str]:
    scores = activities({PERSON: [(0.9, person)], thing: [(0.8, box)]})
    assert all(score in (0.0, pytest.approx(0.8 * TRUST)) for score in scores.values())
    return {name for name, score in scores.items() if score}


@pytest.mark.parametrize(
    ("thing", "box", "expected"),
    [
        ("Bicycle", (0.3, 0.45, 0.7, 0.9), {"Cycling"}),
        ("Bicycle", (0.7, 0.45, 0.95, 0.9), set()),  # beside
        ("Bicycle", (0.3, 0.1, 0.7, 0.6), set()),  # above
        ("Horse", (0.2, 0.5, 0.8, 1.0), {"Horseback Riding"}),
        ("Skateboard", (0.4, 0.66, 0.6, 0.72), {"Skateboarding"}),
        ("Skateboard", (0.4, 0.2, 0.6, 0.25), set()),  # carried over the head
        ("Tennis Racket", (0.58, 0.3, 0.68, 0.4), {"Playing Tennis"}),
        ("Tennis Racket", (0.9, 0.9, 1.0, 1.0), set()),  # lies somewhere
        ("Mobile Phone", (0.42, 0.25, 0.46, 0.3), {"Phone Call"}),
        ("Mobile Phone", (0.42, 0.6, 0.46, 0.65), set()),  # in the hand, down
        ("Frisbee", (0.1, 0.1, 0.15, 0.15), {"Playing Frisbee"}),
    ],
)
def test_how_a_thing_lies_says_what_a_person_does(thing: str, box: Corners, expected: set[str]) -> None:
    assert doing(thing, box) == expected


def test_nobody_does_nothing() -> None:
    assert activities({"Bicycle": [(0.9, (0.3, 0.4, 0.7, 0.9))]}) == {}


def test_eight_people_are_a_crowd() -> None:
    name, many = CROWD
    people = [(0.9 - 0.01 * number, RIDER) for number in range(many)]
    assert activities({PERSON: people})[name] == pytest.approx(TRUST * people[-1][0])
    assert activities({PERSON: people[:-1]})[name] == 0


def test_a_place_is_as_sure_as_the_last_clue_it_needs() -> None:
    sure = dict.fromkeys(CLUES, 0.0) | {"Oven": 0.9, "Sink": 0.7, "Toaster": 0.4, "Toilet": 0.6}
    found = {name: score for name, score in places(sure).items() if score}
    assert found == {"Kitchen": pytest.approx(0.7 * TRUST), "Bathroom": pytest.approx(0.6 * TRUST)}


def test_every_name_is_a_label_and_every_thing_is_something_detectors_find() -> None:
    taxonomy = labels.load("efficientnet-lite0")
    assert {*PLACES, *ACTIVITIES, *CLUES, CROWD[0]} <= taxonomy.index.keys()
    found = {taxonomy.labels[taxonomy.objects[name]].name for name in manifest.labels("nanodet-g")}
    assert {PERSON, *(thing for rule in ACTIVITIES.values() for thing in rule.things)} <= found
