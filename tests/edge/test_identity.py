"""A name needs views that agree, and as many to be taken back."""

from edge.identity import Subject, Verdict, View, due, see
from edge.settings import FacesTask
from edge.values import Match

TASK = FacesTask(confirmations=2)
ANN = Match("f1", "ann", "", 0.7, 99.0)
BOB = Match("f2", "bob", "", 0.6, 97.0)


def look(subject: Subject, *matches: Match | None, quality: float = 0.8) -> list[Verdict | None]:
    return [
        see(subject, View(match, match.similarity if match else 12.0, quality, float(at)), TASK)
        for at, match in enumerate(matches)
    ]


def test_one_view_names_nobody() -> None:
    subject = Subject()
    assert look(subject, ANN) == [None]
    assert not subject.decided


def test_two_views_that_agree_name_a_person_once() -> None:
    subject = Subject()
    assert look(subject, ANN, ANN, ANN) == [None, Verdict(ANN, 99.0), None]
    assert subject.person == "ann"


def test_views_that_disagree_do_not_add_up() -> None:
    subject = Subject()
    assert look(subject, ANN, BOB) == [None, None]
    assert look(subject, BOB) == [Verdict(BOB, 97.0)]


def test_a_named_track_changes_hands_only_after_contrary_views_in_a_row() -> None:
    subject = Subject()
    look(subject, ANN, ANN)
    assert look(subject, None, ANN, None) == [None, None, None]
    assert subject.person == "ann"
    look(subject, BOB)
    assert subject.person == ""
    assert look(subject, BOB) == [Verdict(BOB, 97.0)]


def test_a_face_is_unknown_after_enough_fair_views_and_is_told_once() -> None:
    subject = Subject()
    verdicts = look(subject, None, None, None, None, None)
    assert verdicts == [None, None, None, Verdict(None, 12.0), None]


def test_poor_views_condemn_nobody() -> None:
    subject = Subject()
    assert look(subject, *[None] * 20, quality=0.05) == [None] * 20


def test_an_unknown_face_may_still_be_recognised_later() -> None:
    subject = Subject()
    look(subject, None, None, None, None)
    assert look(subject, ANN, ANN) == [None, Verdict(ANN, 99.0)]


def test_an_undecided_face_is_always_due_a_decided_one_for_a_better_view_or_after_a_while() -> None:
    subject = Subject()
    assert due(subject, 0.1, 0.0)
    look(subject, ANN, ANN, quality=0.5)
    assert not due(subject, 0.5, 1.5)
    assert due(subject, 0.7, 1.5)
    assert due(subject, 0.5, 3.5)
