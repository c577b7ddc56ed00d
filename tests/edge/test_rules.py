"""What deserves an event."""

from collections import Counter

import pytest

from edge.events import rules
from edge.findings import Flag, Liveness, Moderated, Protection, Quality, Words, Worker
from edge.settings import PropertiesTask
from edge.values import Box, Label, Match

BOX = Box(0.1, 0.2, 0.3, 0.4)

DOG = Label("Dog", 0.8, ("Canine", "Animal"))


def test_labels_are_told_when_the_names_change_not_when_the_scores_do() -> None:
    values, told = rules.labels([DOG], frozenset())
    assert values == {"labels": [DOG]}
    again, told = rules.labels([Label("Dog", 0.9)], told)
    assert again is None
    nothing, told = rules.labels([], told)
    assert nothing is None
    assert rules.labels([DOG], told)[0] is not None


def flags(**scores: float) -> Moderated:
    return Moderated(tuple(Flag(name, "", 1, score) for name, score in scores.items()), ())


def test_moderation_rises_once_and_rearms_below_the_floor() -> None:
    told, raised = [], frozenset[str]()
    for score in (0.2, 0.85, 0.9, 0.75, 0.81, 0.5, 0.8):
        seen = flags(Violence=score) if score >= rules.REARM * 0.8 else flags()
        values, raised = rules.moderation(seen, 0.8, raised)
        told.append(values is not None)
    assert told == [False, True, False, False, False, False, True]


def test_moderation_tells_each_new_thing_and_names_the_strongest() -> None:
    _, raised = rules.moderation(flags(Alcohol=0.9), 0.8, frozenset())
    values, raised = rules.moderation(flags(Alcohol=0.99, Violence=0.85, Explicit=0.7), 0.8, raised)
    assert values is not None
    assert (values["name"], values["score"]) == ("Violence", 0.85)
    assert [flag.name for flag in values["flags"]] == ["Alcohol", "Violence"]
    assert raised == {"Alcohol", "Violence"}


def test_text_is_told_when_other_lines_are_read() -> None:
    line = Words(0, "LINE", None, "EXIT", 0.9, BOX, ())
    word = Words(1, "WORD", 0, "EXIT", 0.9, BOX, ())
    values, told = rules.text([line, word], frozenset())
    assert values == {"lines": [line]}
    assert rules.text([line], told) == (None, told)
    assert rules.text([], told) == (None, frozenset())


@pytest.mark.parametrize(
    ("brightness", "sharpness", "state"), [(5, 0, "dark"), (95, 0, "bright"), (50, 5, "blurred"), (50, 50, "good")]
)
def test_a_picture_is_good_or_bad_for_one_reason(brightness: float, sharpness: float, state: str) -> None:
    assert rules.picture_state(Quality(brightness, sharpness, 30.0), PropertiesTask()) == state


def test_ppe_is_told_when_the_numbers_change() -> None:
    two = Protection(tuple(Worker(number, BOX, 0.9, ()) for number in (0, 1)), (1,), (0,), ())
    values, told = rules.ppe(two, ["HEAD_COVER"], (0, 0, 0))
    assert values is not None
    assert (values["with_required"], values["without_required"], values["indeterminate"]) == (1, 1, 0)
    assert [person["fate"] for person in values["persons"]] == ["without_required", "with_required"]
    assert rules.ppe(two, ["HEAD_COVER"], told)[0] is None
    left, _ = rules.ppe(Protection((), (), (), ()), ["HEAD_COVER"], told)
    assert left is not None, "that the last one left is news"


def test_liveness_is_told_when_other_faces_seem_alive() -> None:
    faces = [(BOX, Liveness(0.9, (0.9,))), (BOX, Liveness(0.1, (0.1,)))]
    values, told = rules.liveness(faces, 0.5, Counter())
    assert values is not None
    assert [face["live"] for face in values["faces"]] == [True, False]
    assert rules.liveness(faces, 0.5, told)[0] is None


def test_a_match_says_who_and_how_sure() -> None:
    values = rules.face_matched(Match("f-1", "ann", "", 0.61234, 99.123), "staff", 7, Box(0.1, 0.2, 0.3, 0.4))
    assert values["person"] == "ann"
    assert (values["similarity"], values["cosine"], values["track"]) == (99.12, 0.6123, 7)
    assert values["user_id"] is None


def test_a_track_cannot_last_less_than_nothing() -> None:
    assert rules.track_ended(1, "dog", 10.0, 9.0, "left")["duration"] == 0.0
