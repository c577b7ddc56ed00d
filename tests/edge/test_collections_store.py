"""Collections, faces and users: what is enrolled stays, what is deleted is gone."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.collections import Collections, DuplicateError, NewFace, picture_id
from edge.collections.records import Vector
from edge.database import connect
from edge.errors import InputError, MissingError
from edge.values import Box

ROOT = Path(__file__).parents[2]
SOMEWHERE, ELSEWHERE = Box(0.1, 0.1, 0.3, 0.4), Box(0.6, 0.1, 0.8, 0.4)


def vector(seed: int) -> Vector:
    return np.random.default_rng(seed).standard_normal(128, np.float32)


def face(seed: int, box: Box = SOMEWHERE) -> NewFace:
    return NewFace(vector(seed), box, 0.9, 0.7)


@pytest.fixture
def people(tmp_path: Path) -> Iterator[Collections]:
    people = Collections(connect(tmp_path))
    people.create_collection("people")
    yield people
    people.close()


def test_a_face_comes_back_as_it_was_given(people: Collections) -> None:
    (added,) = people.add_faces("people", [face(1)], "m1", external_image_id="ada")
    (kept,) = people.list_faces("people")
    assert kept == added == people.describe_face("people", added.face_id)
    assert (kept.external_image_id, kept.user_id, kept.confidence, kept.quality) == ("ada", "", 0.9, 0.7)
    assert kept.box == SOMEWHERE


def test_a_collection_tells_what_it_holds(people: Collections) -> None:
    assert people.describe_collection("people").digest == ""
    people.add_faces("people", [face(1), face(2, ELSEWHERE)], "m1")
    people.create_user("people", "ada")
    people.create_collection("cars")
    told = {found.name: (found.faces, found.users, found.digest) for found in people.list_collections()}
    assert told == {"cars": (0, 0, ""), "people": (2, 1, "m1")}


def test_a_picture_indexed_twice_is_there_once(people: Collections) -> None:
    picture = picture_id(b"bytes of a file")
    first = people.add_faces("people", [face(1)], "m1", image_id=picture, external_image_id="ada")
    again = people.add_faces("people", [face(1), face(2, ELSEWHERE)], "m1", image_id=picture, external_image_id="ada")
    assert again[0] == first[0]
    assert len(people.list_faces("people")) == 2
    people.add_faces("people", [face(1)], "m1", image_id=picture, external_image_id="grace")
    assert len(people.list_faces("people")) == 3


def test_vectors_of_two_models_never_meet(people: Collections) -> None:
    (added,) = people.add_faces("people", [face(1)], "m1")
    with pytest.raises(InputError, match=r"another embedding model.*re-index"):
        people.add_faces("people", [face(2)], "m2")
    with pytest.raises(InputError, match=r"another embedding model.*re-index"):
        people.search("people", vector(1), "m2")
    with pytest.raises(InputError, match=r"another embedding model.*re-index"):
        people.identify("people", vector(1), "m2", 90.0, 0.05)
    assert people.delete_faces("people", [added.face_id]).done == (added.face_id,)
    people.add_faces("people", [face(2)], "m2")
    assert len(people.search("people", vector(2), "m2")) == 1


def test_a_vector_of_another_length_or_without_direction_is_refused(people: Collections) -> None:
    people.add_faces("people", [face(1)], "m1")
    with pytest.raises(InputError, match="64 dimensions"):
        people.add_faces("people", [NewFace(vector(2)[:64], SOMEWHERE, 1.0)], "m1")
    with pytest.raises(InputError, match="64 dimensions"):
        people.search("people", vector(2)[:64], "m1")
    with pytest.raises(InputError, match="no direction"):
        people.add_faces("people", [NewFace(np.zeros(128, np.float32), ELSEWHERE, 1.0)], "m1")
    assert len(people.list_faces("people")) == 1


def test_all_faces_of_a_picture_or_none(people: Collections) -> None:
    with pytest.raises(InputError):
        people.add_faces("people", [face(1), NewFace(vector(2) * np.nan, ELSEWHERE, 1.0)], "m1")
    assert people.list_faces("people") == []


@pytest.mark.parametrize("name", ["", "two words", "a/b", "é", "a:b", "x" * 256, "people\n"])
def test_a_collection_of_an_unfit_name_is_refused(people: Collections, name: str) -> None:
    with pytest.raises(InputError, match="collection id"):
        people.create_collection(name)


def test_user_and_external_ids_are_checked(people: Collections) -> None:
    people.create_user("people", "id:7")
    with pytest.raises(InputError, match="user id 'Ada Lovelace'"):
        people.create_user("people", "Ada Lovelace")
    with pytest.raises(InputError, match="external image id"):
        people.add_faces("people", [face(1)], "m1", external_image_id="Ada Lovelace")


def test_a_name_is_taken_once(people: Collections) -> None:
    people.create_user("people", "ada")
    with pytest.raises(DuplicateError, match="'people' exists already"):
        people.create_collection("people")
    with pytest.raises(DuplicateError, match="'ada' exists already"):
        people.create_user("people", "ada")


def test_what_is_missing_is_named_with_the_remedy(people: Collections) -> None:
    with pytest.raises(MissingError, match=r"'pepole'.*collections create"):
        people.search("pepole", vector(1), "m1")
    with pytest.raises(MissingError, match="'pepole'"):
        people.add_faces("pepole", [face(1)], "m1")
    with pytest.raises(MissingError, match=r"no face 'f'.*faces list people"):
        people.search_by_face("people", "f")
    with pytest.raises(MissingError, match=r"no user 'ada'.*users create"):
        people.add_faces("people", [face(1)], "m1", user_id="ada")
    with pytest.raises(MissingError, match="'pepole'"):
        people.delete_collection("pepole")


def test_a_face_belongs_to_one_user(people: Collections) -> None:
    one, two = (people.add_faces("people", [face(seed)], "m1")[0].face_id for seed in (1, 2))
    people.create_user("people", "ada")
    people.create_user("people", "grace")
    assert people.associate("people", "ada", [one, "nobody"]).done == (one,)
    assert people.associate("people", "ada", [one]).done == ()
    assert people.associate("people", "grace", [one, two]).done == (two,)
    assert people.disassociate("people", "grace", [one, two]).done == (two,)
    assert [(user.user_id, user.faces) for user in people.list_users("people")] == [("ada", 1), ("grace", 0)]
    people.delete_user("people", "ada")
    assert [kept.user_id for kept in people.list_faces("people")] == ["", ""]


def test_a_deleted_collection_takes_everything_with_it(people: Collections) -> None:
    people.create_user("people", "ada")
    people.add_faces("people", [face(1)], "m1", user_id="ada")
    assert people.search("people", vector(1), "m1")
    people.delete_collection("people")
    people.create_collection("people")
    assert people.list_faces("people") == []
    assert people.list_users("people") == []
    assert people.search("people", vector(1), "m1") == []
    assert people._database["vectors"].count == 0
    assert [len(shelf.index) for shelf in people._finder._shelves.values()] == [0]


def test_a_deleted_face_leaves_the_files(people: Collections, tmp_path: Path) -> None:
    unit = vector(1) / np.linalg.norm(vector(1))
    trace = unit.astype("<f4").tobytes()[64:128]
    (added,) = people.add_faces("people", [face(1)], "m1")
    assert any(trace in file.read_bytes() for file in tmp_path.iterdir())
    assert people.delete_faces("people", [added.face_id, "nobody"]).done == (added.face_id,)
    assert not any(trace in file.read_bytes() for file in tmp_path.iterdir())


ENROL = """
import sys
import numpy as np
from pathlib import Path
from edge.collections import Collections, NewFace
from edge.database import connect
from edge.values import Box
people = Collections(connect(Path(sys.argv[1])))
seed = 0
while True:
    vector = np.random.default_rng(seed).standard_normal(128, np.float32)
    (face,) = people.add_faces("people", [NewFace(vector, Box(0, 0, 1, 1), 1.0)], "m1")
    print(seed, face.face_id, flush=True)
    seed += 1
"""


def test_no_acknowledged_face_is_lost_to_kill_9(people: Collections, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ENROL, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as enrolling:
        assert enrolling.stdout is not None
        lines = [enrolling.stdout.readline() for _ in range(50)]
        os.kill(enrolling.pid, signal.SIGKILL)
        lines += enrolling.stdout.readlines()
    acknowledged = [line.split() for line in lines if line.endswith("\n")]
    assert len(acknowledged) >= 50
    for seed, face_id in acknowledged:
        assert people.search("people", vector(int(seed)), "m1", 1)[0].face_id == face_id
    assert people._database.conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_deleting_what_is_not_there_says_what_there_is(people: Collections) -> None:
    people.create_collection("cars")
    people.create_user("people", "ada")
    with pytest.raises(MissingError) as told:
        people.delete_collection("nope")
    assert str(told.value) == "no collection 'nope': there is cars, people"
    with pytest.raises(MissingError) as told:
        people.delete_user("people", "nope")
    assert str(told.value) == "no user 'nope' in collection 'people': there is ada"
    with pytest.raises(MissingError, match="no user 'ada' in collection 'cars': there is none"):
        people.delete_user("cars", "ada")
