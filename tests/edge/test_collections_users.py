"""Users are found by the centre of their faces, whoever changed these and however."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.centre import centre
from edge.collections import Collections, NewFace
from edge.collections.records import Vector
from edge.collections.schema import ROOM, STEPS
from edge.collections.users import MOST
from edge.database import NAME, connect, migrate
from edge.errors import InputError, MissingError
from edge.values import Box

SOMEWHERE = Box(0.1, 0.1, 0.3, 0.4)


def view(who: int, photo: int) -> Vector:
    """A face of a person; two of one person have a cosine of about .65, two of different people about 0."""
    own = np.random.default_rng(who).standard_normal(128)
    other = np.random.default_rng(1000 * who + photo + 1).standard_normal(128)
    mixed = own / np.linalg.norm(own) + 0.72 * other / np.linalg.norm(other)
    return np.asarray(mixed / np.linalg.norm(mixed), np.float32)


@pytest.fixture
def people(tmp_path: Path) -> Iterator[Collections]:
    people = Collections(connect(tmp_path))
    people.create_collection("people")
    for user in ("ada", "grace"):
        people.create_user("people", user)
    yield people
    people.close()


def enrol(people: Collections, *vectors: Vector, user: str = "") -> list[str]:
    added = [people.add_faces("people", [NewFace(one, SOMEWHERE, 0.9)], "m1", user_id=user) for one in vectors]
    return [face.face_id for (face,) in added]


def found(people: Collections, vector: Vector, similarity: float = 80.0) -> list[str]:
    return [match.user_id for match in people.search_users("people", vector, "m1", similarity=similarity)]


def cosine(people: Collections, user: str, vector: Vector) -> float:
    matches = people.search_users("people", vector, "m1", limit=10, similarity=0)
    return next(match.cosine for match in matches if match.user_id == user)


def test_a_user_is_found_by_a_face_that_was_never_enrolled(people: Collections) -> None:
    enrol(people, view(1, 0), view(1, 1), user="ada")
    people.associate("people", "grace", enrol(people, view(2, 0), view(2, 1)))
    assert found(people, view(1, 7)) == ["ada"]
    assert found(people, view(2, 7)) == ["grace"]
    assert found(people, view(3, 7)) == []
    assert [match.user_id for match in people.search_users("people", view(1, 7), "m1", similarity=0)] == [
        "ada",
        "grace",
    ]


def test_a_wrong_face_does_not_make_the_user_somebody_else(people: Collections) -> None:
    enrol(people, view(1, 0), view(1, 1), view(2, 0), user="ada")
    assert found(people, view(1, 7)) == ["ada"]
    assert found(people, view(2, 0)) == []
    assert people.search("people", view(2, 0), "m1")[0].user_id == "ada"  # the exact face search finds it still


def test_the_vector_follows_every_change_of_the_faces(people: Collections) -> None:
    first, second, third = enrol(people, view(1, 0), view(1, 1), view(1, 2))
    people.associate("people", "ada", [first])
    assert cosine(people, "ada", view(1, 0)) == pytest.approx(1.0, abs=1e-4)
    people.associate("people", "ada", [second, third])
    three = centre(np.stack([view(1, photo) for photo in range(3)]))
    assert cosine(people, "ada", three) == pytest.approx(1.0, abs=1e-4)
    people.disassociate("people", "ada", [first])
    people.delete_faces("people", [second])
    assert cosine(people, "ada", view(1, 2)) == pytest.approx(1.0, abs=1e-4)
    people.delete_faces("people", [third])
    assert found(people, view(1, 2), similarity=0) == []
    assert [user.user_id for user in people.list_users("people")] == ["ada", "grace"]


def test_a_user_who_is_deleted_is_found_no_more_and_the_faces_are(people: Collections) -> None:
    enrol(people, view(1, 0), user="ada")
    people.delete_user("people", "ada")
    assert found(people, view(1, 0)) == []
    assert len(people.search("people", view(1, 0), "m1")) == 1


def test_users_like_a_user(people: Collections) -> None:
    enrol(people, view(1, 0), view(1, 1), user="ada")
    enrol(people, view(1, 2), view(1, 3), user="grace")
    assert [match.user_id for match in people.search_users_by_user("people", "ada")] == ["grace"]
    people.create_user("people", "nobody")
    assert people.search_users_by_user("people", "nobody") == []
    with pytest.raises(MissingError, match="no user 'bob'"):
        people.search_users_by_user("people", "bob")


def test_what_another_process_commits_is_found(people: Collections, tmp_path: Path) -> None:
    other = Collections(connect(tmp_path))
    assert found(people, view(1, 0)) == []
    enrol(other, view(1, 0), user="ada")
    other.close()
    assert found(people, view(1, 0)) == ["ada"]


def test_a_user_has_a_hundred_faces_at_most_and_none_that_came_before_is_lost(people: Collections) -> None:
    faces = enrol(people, *(view(1, photo) for photo in range(MOST + 1)))
    assert len(people.associate("people", "ada", faces[:MOST]).done) == MOST
    with pytest.raises(InputError, match="101 faces, and a user has 100 at most"):
        people.associate("people", "ada", faces[MOST:])
    with pytest.raises(InputError, match="101 faces"):
        enrol(people, view(1, 500), user="ada")
    assert [user.faces for user in people.list_users("people")] == [MOST, 0]
    assert len(people.list_faces("people")) == MOST + 1


def test_mistakes_are_told_as_the_search_for_faces_tells_them(people: Collections) -> None:
    enrol(people, view(1, 0), user="ada")
    with pytest.raises(InputError, match="another embedding model"):
        people.search_users("people", view(1, 0), "m2")
    with pytest.raises(InputError, match="has 64 dimensions"):
        people.search_users("people", view(1, 0)[:64], "m1")
    with pytest.raises(MissingError, match="no collection 'pepole'"):
        people.search_users("pepole", view(1, 0), "m1")


def test_users_of_before_there_were_vectors_get_theirs(people: Collections, tmp_path: Path) -> None:
    enrol(people, view(1, 0), user="ada")
    people.close()
    raw = sqlite3.connect(tmp_path / NAME)
    for trigger in ("face_given", "face_lost", "face_passed_on"):
        raw.execute(f"DROP TRIGGER {trigger}")
    raw.executescript("DROP TABLE centres; DROP TABLE stale; DELETE FROM migrations WHERE room = 'user vectors'")
    raw.close()
    again = Collections(connect(tmp_path))
    assert found(again, view(1, 7)) == ["ada"]
    again.close()


def test_a_damaged_face_does_not_count(people: Collections, tmp_path: Path) -> None:
    first, _ = enrol(people, view(1, 0), view(1, 1), user="ada")
    raw = sqlite3.connect(tmp_path / NAME)
    raw.execute(
        "UPDATE vectors SET vector = x'00112233' WHERE face = (SELECT id FROM faces WHERE face_id = ?)", [first]
    )
    raw.execute("INSERT OR IGNORE INTO stale SELECT id FROM users")
    raw.commit()
    raw.close()
    people.create_user("people", "bob")
    assert cosine(people, "ada", view(1, 1)) == pytest.approx(1.0, abs=1e-4)


def test_the_tables_of_both_rooms_are_made_once(tmp_path: Path) -> None:
    database = connect(tmp_path)
    migrate(database, ROOM, STEPS)
    Collections(database).close()
    Collections(connect(tmp_path)).close()
