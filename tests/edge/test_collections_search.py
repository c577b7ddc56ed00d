"""Searching: what anyone has committed is found by the next search, and only a clear leader is a person."""

import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule

from edge.collections import Collections, NewFace, rows, search
from edge.collections.compact import Compact
from edge.collections.index import Index
from edge.collections.records import Vector
from edge.database import connect, transaction
from edge.errors import StorageError
from edge.similarity import cosine, percent
from edge.values import Box

BOX = Box(0.1, 0.1, 0.3, 0.4)


def vector(seed: int) -> Vector:
    drawn = np.random.default_rng(seed).standard_normal(128, np.float32)
    return drawn / np.linalg.norm(drawn)  # type: ignore[no-any-return]


def at(cosines: float, seed: int = 1) -> Vector:
    """A vector at this cosine from `vector(0)`."""
    base, other = vector(0), vector(seed)
    across = other - (other @ base) * base
    across /= np.linalg.norm(across)
    return np.float32(cosines) * base + np.float32(np.sqrt(1 - cosines**2)) * across  # type: ignore[no-any-return]


def enrol(people: Collections, seen: Vector, **given: Any) -> str:
    return people.add_faces("people", [NewFace(seen, BOX, 0.9)], "m1", **given)[0].face_id


@pytest.fixture
def people(tmp_path: Path) -> Iterator[Collections]:
    people = Collections(connect(tmp_path))
    people.create_collection("people")
    yield people
    people.close()


@pytest.mark.parametrize("compact", [100, 0])
@pytest.mark.parametrize("damage", [b"", b"\0" * 512, b"\xff" * 512, np.full(128, 1e38, "<f4").tobytes(), b"\1" * 511])
def test_a_damaged_vector_matches_nobody_and_hides_nobody(tmp_path: Path, damage: bytes, compact: int) -> None:
    connection = connect(tmp_path)
    people = Collections(connection)
    people.create_collection("people")
    enrol(people, at(0.9, seed=1))
    kept = enrol(people, at(0.8, seed=2))
    with transaction(connection) as writing:
        writing.execute("UPDATE vectors SET vector = ? WHERE face = 1", [damage])
    with patch.object(search, "COMPACT", compact):
        assert people.load("people") == 1
        assert [match.face_id for match in people.search("people", vector(0), "m1", similarity=0.0)] == [kept]
    people.close()


def test_a_read_that_failed_goes_on_where_it_stopped(people: Collections) -> None:
    ids = {enrol(people, at(0.5 + seed / 100, seed=seed)) for seed in range(1, 8)}
    real, reads = search.sound, iter(range(99))

    def failing(found: Any, dimensions: int) -> Any:
        if next(reads) in (1, 2):
            raise sqlite3.OperationalError("disk I/O error")
        return real(found, dimensions)

    with patch.object(search, "BATCH", 3), patch.object(search, "sound", failing):
        for _ in range(2):
            with pytest.raises(StorageError, match="disk I/O error"):
                people.load("people")
        found = people.search("people", vector(0), "m1", limit=50, similarity=0.0)
    assert len(found) == len(ids)
    assert {match.face_id for match in found} == ids


def test_matches_are_sorted_limited_and_above_the_threshold(people: Collections) -> None:
    ids = {value: enrol(people, at(value, seed=round(value * 100))) for value in (0.2, 0.4, 0.6, 0.8)}
    found = people.search("people", vector(0), "m1", similarity=80.0)
    assert [match.face_id for match in found] == [ids[0.8], ids[0.6], ids[0.4]]
    assert [match.cosine for match in found] == pytest.approx([0.8, 0.6, 0.4], abs=1e-5)
    assert found[2].similarity == pytest.approx(percent(0.4), abs=0.01)
    assert [match.face_id for match in people.search("people", vector(0), "m1", 1)] == [ids[0.8]]
    assert len(people.search("people", vector(0), "m1", similarity=0.0)) == 4


def test_a_face_does_not_match_itself(people: Collections) -> None:
    own, like = enrol(people, vector(0)), enrol(people, at(0.7))
    assert [match.face_id for match in people.search_by_face("people", own)] == [like]


def test_collections_are_apart(people: Collections) -> None:
    people.create_collection("others")
    enrol(people, vector(0))
    assert people.search("others", vector(0), "m1") == []


class TestIdentify:
    def who(self, people: Collections, similarity: float = 90.0, margin: float = 0.05) -> str | None:
        found = people.identify("people", vector(0), "m1", similarity, margin)
        return found.match.person if found.match else None

    def test_a_clear_leader_is_the_person(self, people: Collections) -> None:
        enrol(people, at(0.6), external_image_id="ada")
        enrol(people, at(0.5, seed=2), external_image_id="grace")
        found = people.identify("people", vector(0), "m1", 90.0, 0.05)
        assert found.match is not None
        assert found.match == found.best
        assert found.runner_up is not None
        assert (found.match.person, found.runner_up.person) == ("ada", "grace")

    def test_a_leader_by_less_than_the_margin_is_unknown(self, people: Collections) -> None:
        enrol(people, at(0.6), external_image_id="ada")
        enrol(people, at(0.56, seed=2), external_image_id="grace")
        assert self.who(people, margin=0.05) is None
        assert self.who(people, margin=0.03) == "ada"

    def test_below_the_threshold_is_unknown_but_told(self, people: Collections) -> None:
        enrol(people, at(cosine(89.0)), external_image_id="ada")
        found = people.identify("people", vector(0), "m1", 90.0, 0.05)
        assert found.match is None
        assert found.best is not None
        assert found.best.similarity == pytest.approx(89.0, abs=0.01)
        assert self.who(people, similarity=88.0) == "ada"

    def test_other_views_of_the_same_person_are_no_rivals(self, people: Collections) -> None:
        for seed in range(1, 41):
            enrol(people, at(0.6, seed=seed), external_image_id="ada")
        enrol(people, at(0.5, seed=50), external_image_id="grace")
        found = people.identify("people", vector(0), "m1", 90.0, 0.05)
        assert found.match is not None
        assert found.match.person == "ada"
        assert found.runner_up is not None
        assert found.runner_up.person == "grace"

    def test_a_user_gathers_faces_of_different_names(self, people: Collections) -> None:
        ids = [enrol(people, at(0.6, seed=seed), external_image_id=f"picture-{seed}") for seed in (1, 2)]
        assert self.who(people) is None
        people.create_user("people", "ada")
        people.associate("people", "ada", ids)
        assert self.who(people) == "ada"

    def test_nobody_enrolled_means_unknown(self, people: Collections) -> None:
        assert people.identify("people", vector(0), "m1", 0.0, 0.0).best is None
        assert people.identify("not-there-yet", vector(0), "m1", 0.0, 0.0).best is None


class TwoProcesses(RuleBasedStateMachine):
    """Two connections that share nothing but the file, as the daemon and the command line do."""

    faces = Bundle[str]("faces")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.sides = [Collections(connect(Path(self.folder.name))) for _ in range(2)]
        self.sides[0].create_collection("people")
        self.truth: dict[str, Vector] = {}
        self.seed = 0

    def teardown(self) -> None:
        for side in self.sides:
            side.close()
        self.folder.cleanup()

    @rule(target=faces, side=st.integers(0, 1))
    def add(self, side: int) -> str:
        self.seed += 1
        face_id = enrol(self.sides[side], vector(self.seed))
        self.truth[face_id] = vector(self.seed)
        return face_id

    @rule(face_id=consumes(faces), side=st.integers(0, 1))
    def delete(self, face_id: str, side: int) -> None:
        gone = self.sides[side].delete_faces("people", [face_id]).done
        assert gone == ((face_id,) if face_id in self.truth else ())
        self.truth.pop(face_id, None)

    @rule(side=st.integers(0, 1))
    def recreate(self, side: int) -> None:
        self.sides[side].delete_collection("people")
        self.sides[1 - side].create_collection("people")
        self.truth.clear()

    @rule(side=st.integers(0, 1))
    def search(self, side: int) -> None:
        found = self.sides[side].search("people", vector(0), "m1", 5, 0.0)
        expected = sorted((float(kept @ vector(0)) for kept in self.truth.values()), reverse=True)[:5]
        assert [match.cosine for match in found] == pytest.approx(expected, abs=1e-6)
        assert all(match.face_id in self.truth for match in found)


class TwoLargeProcesses(TwoProcesses):
    """The same where five faces are many, and three deletions too many to be told one by one."""

    def __init__(self) -> None:
        self.patched = [patch.object(search, "COMPACT", 5), patch.object(rows, "REMOVALS", 3)]
        for one in self.patched:
            one.start()
        super().__init__()

    def teardown(self) -> None:
        super().teardown()
        for one in self.patched:
            one.stop()


MANY = settings(max_examples=15, stateful_step_count=25, deadline=None)
TwoProcesses.TestCase.settings = TwoLargeProcesses.TestCase.settings = MANY
TestTwoProcesses = TwoProcesses.TestCase
TestTwoLargeProcesses = TwoLargeProcesses.TestCase


def test_a_collection_that_outgrows_floats_goes_on_in_bytes(
    people: Collections, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "COMPACT", 10)
    ids = []
    for seed in range(20):
        ids.append(enrol(people, vector(seed)))
        assert [match.face_id for match in people.search("people", vector(seed), "m1", 1)] == [ids[-1]]
        (shelf,) = people._finder._shelves.values()
        assert isinstance(shelf.index, Index if len(ids) <= 10 else Compact)
    others = Collections(connect(tmp_path))
    expected, found = (side.search("people", vector(99), "m1", 9, 0.0) for side in (people, others))
    others.close()
    assert expected == found
    known = people.identify("people", vector(3), "m1", 99.0, 0.05).match
    assert known is not None
    assert known.face_id == people.search("people", vector(3), "m1")[0].face_id


@pytest.mark.parametrize("remembered", [0, 2, 100])
def test_deletions_are_followed_whether_remembered_or_not(
    people: Collections, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembered: int
) -> None:
    monkeypatch.setattr(rows, "REMOVALS", remembered)
    ids = [enrol(people, vector(seed)) for seed in range(8)]
    assert len(people.search("people", vector(0), "m1", 9, 0.0)) == 8
    command_line = Collections(connect(tmp_path))
    command_line.delete_faces("people", ids[:2])
    command_line.delete_faces("people", [ids[2], ids[2], "nobody"])
    assert command_line._database["removals"].count == min(remembered, 3)
    command_line.close()
    assert {match.face_id for match in people.search("people", vector(0), "m1", 9, 0.0)} == set(ids[3:])
    assert len(people._finder._shelves[1].index) == 5


def test_a_face_enrolled_elsewhere_is_found_by_the_next_search(people: Collections, tmp_path: Path) -> None:
    assert people.search("people", vector(0), "m1") == []
    command_line = Collections(connect(tmp_path))
    face_id = enrol(command_line, vector(0), external_image_id="ada")
    assert [match.face_id for match in people.search("people", vector(0), "m1")] == [face_id]
    command_line.create_user("people", "ada")
    command_line.associate("people", "ada", [face_id])
    assert people.search("people", vector(0), "m1")[0].user_id == "ada"
    command_line.delete_faces("people", [face_id])
    command_line.close()
    assert people.search("people", vector(0), "m1") == []


def test_what_is_loaded_need_not_be_read_by_the_first_search(people: Collections) -> None:
    enrol(people, vector(0))
    people.load("not-there-yet")
    assert not people._finder._shelves
    people.load("people")
    (shelf,) = people._finder._shelves.values()
    assert len(shelf.index) == 1


def test_a_search_does_not_wait_for_a_writer(people: Collections) -> None:
    enrol(people, vector(0))
    with people._writing(), ThreadPoolExecutor(1) as vision:
        found = vision.submit(people.search, "people", vector(0), "m1")
        assert len(found.result(timeout=5)) == 1


def test_threads_that_add_find_and_delete_agree_in_the_end(people: Collections) -> None:
    def work(number: int) -> None:
        for step in range(10):
            seed = 1_000 * number + step
            face_id = enrol(people, vector(seed))
            assert people.search("people", vector(seed), "m1", 1)[0].face_id == face_id
            if step % 2:
                people.delete_faces("people", [face_id])
                assert all(match.face_id != face_id for match in people.search("people", vector(seed), "m1"))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(1, 5)))
    assert len(people.search("people", vector(0), "m1", 100, 0.0)) == 20


def test_deleted_faces_take_no_places_among_the_matches(people: Collections, tmp_path: Path) -> None:
    near = [enrol(people, at(0.9, seed=seed)) for seed in range(1, 7)]
    far = enrol(people, at(0.5, seed=9))
    assert len(people.search("people", vector(0), "m1", 5)) == 5
    command_line = Collections(connect(tmp_path))
    command_line.delete_faces("people", near)
    command_line.close()
    assert [match.face_id for match in people.search("people", vector(0), "m1", 5)] == [far]


@pytest.mark.parametrize("compact", [100_000, 10])
def test_as_many_as_there_are_may_be_asked_for(
    people: Collections, monkeypatch: pytest.MonkeyPatch, compact: int
) -> None:
    """4,096 is what Rekognition gives at most."""
    monkeypatch.setattr(search, "COMPACT", compact)
    with people._writing() as connection:
        key = rows.collection_key(connection, "people")
        ids = []
        for place in range(4_500):
            face = rows.new_face(NewFace(at(0.9991 - place / 5_000, seed=2), BOX, 0.9), "", "", "")
            rows.insert(connection, key, None, face, digest="m1", vector=at(0.9991 - place / 5_000, seed=2))
            ids.append(face.face_id)
    found = people.search("people", vector(0), "m1", 4_096, 0.0)
    assert [match.face_id for match in found] == ids[:4_096]
    assert [match.face_id for match in people.search_by_face("people", ids[0], 4_096, 0.0)] == ids[1:4_097]
    assert len(people.describe_faces("people", ids[:4_096])) == 4_096
    likely = people.search("people", vector(0), "m1", 4_096, 80.0)
    assert [match.face_id for match in likely] == [match.face_id for match in found if match.similarity >= 80.0]
    assert 3_000 < len(likely) < 3_500


def test_a_threshold_spares_comparing_the_unlikely(people: Collections, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "COMPACT", 10)
    for seed in range(60):
        enrol(people, vector(seed))
    asked = []
    real = search.Finder._compare
    monkeypatch.setattr(
        search.Finder, "_compare", lambda one, keys, probe: asked.append(len(keys)) or real(one, keys, probe)
    )
    assert len(people.search("people", vector(0), "m1", 4_096, 80.0)) == 1
    assert asked == [1]
