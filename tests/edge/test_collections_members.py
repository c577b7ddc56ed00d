"""Whose face it is: each face of a call has its outcome, and a call that is repeated is done once."""

import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.collections import (
    Collections,
    DuplicateError,
    FullError,
    NewFace,
    NoCollectionError,
    NoFaceError,
    NoUserError,
    Outcome,
    Refusal,
    Refused,
    ReusedTokenError,
    once,
)
from edge.collections.records import Vector
from edge.collections.users import MOST, likeness
from edge.database import NAME, connect
from edge.values import Box

BOX = Box(0.1, 0.1, 0.3, 0.4)


def view(who: int, photo: int) -> Vector:
    """A face of a person; two of one person have a cosine of about .65, two of different people about 0."""
    own = np.random.default_rng(who).standard_normal(128)
    other = np.random.default_rng(1000 * who + photo + 1).standard_normal(128)
    mixed = own / np.linalg.norm(own) + 0.72 * other / np.linalg.norm(other)
    return np.asarray(mixed / np.linalg.norm(mixed), np.float32)


def enrol(people: Collections, *vectors: Vector) -> list[str]:
    return [people.add_faces("people", [NewFace(one, BOX, 0.9)], "m1")[0].face_id for one in vectors]


@pytest.fixture
def people(tmp_path: Path) -> Iterator[Collections]:
    people = Collections(connect(tmp_path))
    people.create_collection("people")
    for user in ("ada", "grace"):
        people.create_user("people", user)
    yield people
    people.close()


def test_who_has_no_face_yet_is_given_those_that_agree(people: Collections) -> None:
    stranger, first, second, another = enrol(people, view(2, 0), view(1, 0), view(1, 1), view(3, 0))
    done = people.associate("people", "ada", [stranger, first, second, another], similarity=75.0)
    assert (done.done, done.faces) == ((first, second), 2)
    assert [(one.face_id, one.reason) for one in done.refused] == [
        (stranger, Refusal.LOW_MATCH_CONFIDENCE),
        (another, Refusal.LOW_MATCH_CONFIDENCE),
    ]
    assert all(0.0 < (one.similarity or 0.0) < 75.0 for one in done.refused)


def test_of_faces_all_of_which_differ_the_first_stands_for_the_user(people: Collections) -> None:
    first, *others = enrol(people, view(1, 0), view(2, 0))
    assert people.associate("people", "ada", [first, *others], similarity=75.0).done == (first,)
    (alone,) = enrol(people, view(3, 0))
    assert people.associate("people", "grace", [alone], similarity=100.0).done == (alone,)


def test_without_a_threshold_any_faces_are_given(people: Collections) -> None:
    faces = tuple(enrol(people, view(1, 0), view(2, 0), view(3, 0)))
    assert people.associate("people", "ada", faces) == Outcome(faces, (), 3)
    assert likeness(None, {"whole": view(1, 0).tobytes(), "damaged": b"1234"}, 75.0) == {
        "whole": 100.0,
        "damaged": 0.0,
    }


def test_a_face_must_be_like_those_the_user_has(people: Collections) -> None:
    first, second, wrong = enrol(people, view(1, 0), view(1, 1), view(2, 0))
    people.associate("people", "ada", [first])
    done = people.associate("people", "ada", [second, wrong], similarity=75.0)
    assert (done.done, done.faces) == ((second,), 2)
    (refused,) = done.refused
    assert (refused.face_id, refused.reason, refused.user_id) == (wrong, Refusal.LOW_MATCH_CONFIDENCE, "")
    assert refused.similarity is not None
    assert 0.0 < refused.similarity < 75.0
    assert people.associate("people", "ada", [wrong]).done == (wrong,), "unless the caller knows better"


def test_each_face_that_stays_has_its_reason(people: Collections) -> None:
    mine, theirs, free = enrol(people, view(1, 0), view(2, 0), view(3, 0))
    people.associate("people", "ada", [mine])
    people.associate("people", "grace", [theirs])
    assert people.associate("people", "ada", [mine, "nobody", theirs, mine]) == Outcome(
        (),
        (
            Refused("nobody", Refusal.FACE_NOT_FOUND),
            Refused(theirs, Refusal.ASSOCIATED_TO_A_DIFFERENT_USER, "grace"),
        ),
        1,
    )
    assert people.disassociate("people", "ada", [free, "nobody", theirs, mine, mine]) == Outcome(
        (mine,),
        (
            Refused("nobody", Refusal.FACE_NOT_FOUND),
            Refused(theirs, Refusal.ASSOCIATED_TO_A_DIFFERENT_USER, "grace"),
        ),
        0,
    )


def test_a_users_face_may_be_spared(people: Collections) -> None:
    mine, free = enrol(people, view(1, 0), view(2, 0))
    people.associate("people", "ada", [mine])
    assert people.delete_faces("people", [mine, "nobody", free, free], of_users=False) == Outcome(
        (free,),
        (
            Refused(mine, Refusal.ASSOCIATED_TO_AN_EXISTING_USER, "ada"),
            Refused("nobody", Refusal.FACE_NOT_FOUND),
        ),
    )
    assert [face.face_id for face in people.list_faces("people")] == [mine]
    assert people.delete_faces("people", [mine]).done == (mine,)


def test_a_hundred_faces_and_not_one_more(people: Collections) -> None:
    faces = enrol(people, *(view(1, photo) for photo in range(MOST + 1)))
    assert people.associate("people", "ada", faces[:MOST], similarity=75.0).faces == MOST
    with pytest.raises(FullError, match="101 faces"):
        people.associate("people", "ada", faces[MOST:])
    assert people.associate("people", "ada", faces[:3]).faces == MOST, "those who are there already are none too many"


def test_a_user_of_several_faces_can_be_deleted(people: Collections) -> None:
    faces = enrol(people, view(1, 0), view(1, 1), view(1, 2))
    people.associate("people", "ada", faces)
    people.delete_user("people", "ada")
    assert [face.user_id for face in people.list_faces("people")] == ["", "", ""]
    assert people.search_users("people", view(1, 7), "m1") == []


def test_users_are_found_by_a_face_that_is_enrolled(people: Collections) -> None:
    first, second, probe, stranger = enrol(people, view(1, 0), view(1, 1), view(1, 7), view(3, 0))
    people.associate("people", "ada", [first, second])
    for face in (probe, first):
        assert [match.user_id for match in people.search_users_by_face("people", face)] == ["ada"]
    assert people.search_users_by_face("people", stranger) == []
    with pytest.raises(NoFaceError):
        people.search_users_by_face("people", "nobody")
    with pytest.raises(NoCollectionError):
        people.search_users_by_face("pepole", probe)


def test_a_damaged_face_is_like_no_user(people: Collections, tmp_path: Path) -> None:
    first, damaged = enrol(people, view(1, 0), view(1, 1))
    people.associate("people", "ada", [first])
    raw = sqlite3.connect(tmp_path / NAME)
    raw.execute(
        "UPDATE vectors SET vector = x'00112233' WHERE face = (SELECT id FROM faces WHERE face_id = ?)", [damaged]
    )
    raw.commit()
    raw.close()
    (refused,) = people.associate("people", "ada", [damaged], similarity=75.0).refused
    assert refused.similarity == 0.0


class TestOnce:
    def test_a_request_that_is_repeated_gets_the_answer_it_got(self, people: Collections) -> None:
        first, wrong = enrol(people, view(1, 0), view(2, 0))
        people.associate("people", "ada", [first])
        asked = ("people", "ada", [first, wrong, "nobody"], 75.0, "t")
        told = people.associate(*asked)
        people.disassociate("people", "ada", [first])
        assert people.associate(*asked) == told
        assert isinstance(told.refused[0].reason, Refusal)
        assert [user.faces for user in people.list_users("people")] == [0, 0]
        people.delete_user("people", "ada")
        assert people.associate(*asked) == told, "even if that could not be done any more"

    def test_a_user_is_made_and_deleted_once(self, people: Collections) -> None:
        for _ in range(2):
            people.create_user("people", "bob", "t1")
        with pytest.raises(DuplicateError):
            people.create_user("people", "bob", "t2")
        for _ in range(2):
            people.delete_user("people", "bob", "t1")
        with pytest.raises(NoUserError):
            people.delete_user("people", "bob", "t3")
        people.create_user("people", "bob", "t3")

    def test_what_failed_was_not_done(self, people: Collections) -> None:
        with pytest.raises(NoUserError):
            people.delete_user("people", "bob", "t")
        people.create_user("people", "bob")
        people.delete_user("people", "bob", "t")
        assert [user.user_id for user in people.list_users("people")] == ["ada", "grace"]

    def test_a_token_is_of_one_request(self, people: Collections) -> None:
        people.create_collection("others")
        (face,) = enrol(people, view(1, 0))
        people.create_user("people", "bob", "t")
        people.associate("people", "bob", [face], 75.0, "t")
        people.disassociate("people", "bob", [face], "t")
        for repeat in (
            lambda: people.create_user("people", "eve", "t"),
            lambda: people.create_user("others", "bob", "t"),
            lambda: people.associate("people", "bob", [face], 74.0, "t"),
            lambda: people.associate("people", "ada", [face], 75.0, "t"),
            lambda: people.associate("people", "bob", [face, face], 75.0, "t"),
            lambda: people.disassociate("people", "bob", ["nobody"], "t"),
        ):
            with pytest.raises(ReusedTokenError, match="other parameters"):
                repeat()

    def test_it_survives_a_restart_and_goes_with_the_collection(self, people: Collections, tmp_path: Path) -> None:
        people.create_user("people", "bob", "t")
        again = Collections(connect(tmp_path))
        again.create_user("people", "bob", "t")
        again.delete_collection("people")
        again.create_collection("people")
        again.create_user("people", "bob", "t")
        assert [user.user_id for user in again.list_users("people")] == ["bob"]
        again.close()

    def test_old_answers_and_too_many_are_thrown_away(
        self, people: Collections, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seconds = itertools.count(1_000_000.0, 3600.0)
        monkeypatch.setattr("edge.collections.once.time.time", lambda: next(seconds))
        people.create_user("people", "u0", "t0")
        for hour in range(12):
            people.create_user("people", f"v{hour}", f"s{hour}")
        with pytest.raises(DuplicateError):
            people.create_user("people", "u0", "t0")
        monkeypatch.setattr(once, "MOST", 3)
        people.create_user("people", "late", "t1")
        assert people._database["answers"].count == 4, "three, and the new one"
