"""Lists by the page: every entry once, whatever comes and goes meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.collections import Collections, NewFace, NoCollectionError, NoUserError, Page
from edge.database import connect
from edge.values import Box


def faces(count: int, seed: int = 0) -> list[NewFace]:
    drawn = np.random.default_rng(seed).standard_normal((count, 128), np.float32)
    return [NewFace(vector, Box(0, 0, 1, 1), 0.9) for vector in drawn]


@pytest.fixture
def people(tmp_path: Path) -> Iterator[Collections]:
    people = Collections(connect(tmp_path))
    people.create_collection("people")
    people.create_collection("others")
    yield people
    people.close()


def test_faces_come_in_the_order_they_were_enrolled(people: Collections) -> None:
    first = people.add_faces("people", faces(3), "m1")
    people.add_faces("others", faces(2, seed=1), "m1")
    second = people.add_faces("people", faces(4, seed=2), "m1")
    listed, after, pages = [], 0, 0
    while True:
        page = people.page_faces("people", after, 3)
        listed += page.items
        pages += 1
        if page.after is None:
            break
        after = page.after
    assert listed == first + second == people.list_faces("people")
    assert pages == 3


def test_a_full_last_page_is_the_last(people: Collections) -> None:
    people.add_faces("people", faces(4), "m1")
    page = people.page_faces("people", 0, 2)
    assert page.after is not None
    assert people.page_faces("people", page.after, 2).after is None
    assert people.page_faces("people", page.after + 99, 2) == Page([], None)


def test_what_is_deleted_meanwhile_leaves_the_others_their_places(people: Collections) -> None:
    added = people.add_faces("people", faces(6), "m1")
    page = people.page_faces("people", 0, 2)
    people.delete_faces("people", [added[0].face_id, added[1].face_id, added[3].face_id])
    late = people.add_faces("people", faces(1, seed=9), "m1")
    assert page.after is not None
    assert people.page_faces("people", page.after, 9).items == [added[2], added[4], added[5], *late]


def test_faces_may_be_asked_for_by_id_and_by_user(people: Collections) -> None:
    added = people.add_faces("people", faces(5), "m1")
    theirs = people.add_faces("others", faces(1, seed=1), "m1")
    wanted = [added[4].face_id, theirs[0].face_id, added[1].face_id, "nobody"]
    assert people.page_faces("people", face_ids=wanted).items == [added[1], added[4]]
    page = people.page_faces("people", 0, 1, face_ids=wanted)
    assert page.items == [added[1]]
    assert page.after is not None
    assert people.page_faces("people", page.after, 1, face_ids=wanted) == Page([added[4]], None)
    people.create_user("people", "ada")
    people.associate("people", "ada", [added[2].face_id, added[4].face_id])
    assert [face.face_id for face in people.page_faces("people", user_id="ada").items] == [
        added[2].face_id,
        added[4].face_id,
    ]
    found = people.page_faces("people", user_id="ada", face_ids=[added[1].face_id, added[2].face_id])
    assert [face.user_id for face in found.items] == ["ada"]
    with pytest.raises(NoUserError):
        people.page_faces("people", user_id="grace")
    with pytest.raises(NoUserError):
        people.page_faces("others", user_id="ada")


def test_users_and_collections_come_in_the_order_they_were_made(people: Collections) -> None:
    for name in ("zoe", "bob", "ada"):
        people.create_user("people", name)
        people.create_user("others", name)
    page = people.page_users("people", 0, 2)
    assert [user.user_id for user in page.items] == ["zoe", "bob"]
    assert page.after is not None
    people.delete_user("people", "bob")
    assert [user.user_id for user in people.page_users("people", page.after, 2).items] == ["ada"]
    people.create_collection("animals")
    names = people.page_collections(0, 2)
    assert names.items == ["people", "others"]
    assert names.after is not None
    assert people.page_collections(names.after, 2) == Page(["animals"], None)


def test_a_page_of_nothing_is_of_no_collection(people: Collections) -> None:
    with pytest.raises(NoCollectionError):
        people.page_faces("pepole")
    with pytest.raises(NoCollectionError):
        people.page_users("pepole")
    with pytest.raises(NoCollectionError):
        people.check_there("pepole")


def test_a_page_of_many_reads_no_more_than_that(people: Collections) -> None:
    """No plan sorts, or reads a table from its beginning."""
    plans = []
    people._reader.conn.set_trace_callback(plans.append)
    people.page_faces("people", 5, 10)
    people.page_faces("people", 5, 10, face_ids=["a"])
    people.create_user("people", "ada")
    people.page_faces("people", 5, 10, user_id="ada")
    people.page_users("people", 5, 10)
    people.page_collections(5, 10)
    people._reader.conn.set_trace_callback(None)
    asked = [sql for sql in plans if "LIMIT" in sql]
    assert len(asked) == 5
    for sql in asked:
        steps = [row[3] for row in people._reader.conn.execute(f"EXPLAIN QUERY PLAN {sql}")]
        assert not [step for step in steps if step.startswith("SCAN") and "json_each" not in step], (sql, steps)
        if "json_each" in sql:
            assert any("(face_id=?)" in step for step in steps), (sql, steps)
        else:
            assert not [step for step in steps if "ORDER BY" in step], (sql, steps)
