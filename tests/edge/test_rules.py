"""What deserves an event."""

from edge.events import rules
from edge.values import Box, Label, Match

DOG = Label("Dog", 0.8, ("Canine", "Animal"))


def test_labels_are_told_when_the_names_change_not_when_the_scores_do() -> None:
    values, told = rules.labels([DOG], frozenset())
    assert values == {"labels": [{"name": "Dog", "score": 0.8, "parents": ["Canine", "Animal"]}]}
    again, told = rules.labels([Label("Dog", 0.9)], told)
    assert again is None
    nothing, told = rules.labels([], told)
    assert nothing is None
    assert rules.labels([DOG], told)[0] is not None


def test_moderation_rises_once_and_rearms_below_the_floor() -> None:
    told, raised = [], False
    for score in (0.2, 0.85, 0.9, 0.75, 0.81, 0.5, 0.8):
        values, raised = rules.moderation(score, 0.8, raised)
        told.append(values is not None)
    assert told == [False, True, False, False, False, False, True]


def test_a_match_says_who_and_how_sure() -> None:
    values = rules.face_matched(Match("f-1", "ann", "", 0.61234, 99.123), "staff", 7, Box(0.1, 0.2, 0.3, 0.4))
    assert values["person"] == "ann"
    assert (values["similarity"], values["cosine"], values["track"]) == (99.12, 0.6123, 7)
    assert values["user_id"] is None


def test_a_track_cannot_last_less_than_nothing() -> None:
    assert rules.track_ended(1, "dog", 10.0, 9.0, "left")["duration"] == 0.0
