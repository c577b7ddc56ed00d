"""Codes kept beside the vectors: they save a start its time, and are never trusted where the vectors say otherwise."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from edge import database
from edge.collections import Collections, NewFace, chunks, search
from edge.collections.compact import encode
from edge.collections.records import Vector
from edge.database import connect
from edge.values import Box

ROOT = Path(__file__).parents[2]
BOX = Box(0.1, 0.1, 0.3, 0.4)
DIMENSIONS = 16
SIZE = 1 << chunks.BITS


def vectors(count: int, seed: int = 0) -> Vector:
    drawn = np.random.default_rng(seed).standard_normal((count, DIMENSIONS), np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)  # type: ignore[no-any-return]


def enrol(people: Collections, seen: Vector, collection: str = "people") -> list[str]:
    return [face.face_id for face in people.add_faces(collection, [NewFace(one, BOX, 0.9) for one in seen], "m1")]


def sealed(people: Collections) -> list[int]:
    return [row[0] for row in people._database.conn.execute("SELECT number FROM codes ORDER BY number")]


def truth(folder: Path, probe: Vector, count: int = 9) -> list[float]:
    """The best cosines as the stored vectors have them."""
    with sqlite3.connect(folder / database.NAME) as reading:
        rows = reading.execute("SELECT vector FROM vectors JOIN faces ON faces.id = face").fetchall()
    reading.close()
    stored = np.frombuffer(b"".join(row[0] for row in rows), "<f4").reshape(-1, DIMENSIONS)
    return sorted((stored @ probe).tolist(), reverse=True)[:count]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Collections]]:
    """A new process, as it were, to which ten faces are many."""
    opened = []

    def start() -> Collections:
        opened.append(Collections(connect(tmp_path)))
        return opened[-1]

    with patch.object(search, "COMPACT", 10):
        start().create_collection("people")
        yield start
    for people in opened:
        people.close()


def answers(people: Collections, probe: Vector, count: int = 9) -> list[float]:
    return [match.cosine for match in people.search("people", probe, "m1", count, 0.0)]


def read_as_vectors(people: Collections) -> int:
    """How many faces this start reads from the vectors, and not from codes."""
    read = 0
    real = search.sound

    def counting(rows: list[tuple[int, bytes]], dimensions: int) -> object:
        nonlocal read
        read += len(rows)
        return real(rows, dimensions)

    with patch.object(search, "sound", counting):
        people.load("people")
    return read


def test_a_start_reads_codes_and_only_the_newest_vectors(start: Callable[[], Collections], tmp_path: Path) -> None:
    people = start()
    enrol(people, vectors(2 * SIZE + 50))
    assert sealed(people) == [0, 1]
    again = start()
    assert read_as_vectors(again) == 51  # keys begin at 1
    for probe in vectors(5, seed=1):
        assert answers(again, probe) == pytest.approx(truth(tmp_path, probe), abs=1e-6)


def test_codes_are_those_that_the_vectors_have(start: Callable[[], Collections]) -> None:
    people = start()
    enrol(people, vectors(SIZE))
    stored = people._database.conn.execute("SELECT vector FROM vectors WHERE face < ?", [SIZE]).fetchall()
    seen = np.frombuffer(b"".join(row[0] for row in stored), "<f4").reshape(-1, DIMENSIONS)
    (chunk,) = chunks.read(people._database.conn, 1, DIMENSIONS)
    assert chunk.keys.tolist() == list(range(1, SIZE))
    for kept, made in zip(chunk.encoded, encode(seen), strict=True):
        assert np.array_equal(kept, made)


def test_a_deleted_face_takes_its_codes_out_of_the_file(start: Callable[[], Collections], tmp_path: Path) -> None:
    people, seen = start(), vectors(2 * SIZE)
    ids = enrol(people, seen)
    trace = encode(seen[100:101]).codes.tobytes()
    assert any(trace in file.read_bytes() for file in tmp_path.iterdir())
    people.delete_faces("people", [ids[100]])
    assert not any(trace in file.read_bytes() for file in tmp_path.iterdir())
    assert sealed(people) == [1]
    again = start()
    assert answers(again, seen[100]) == pytest.approx(truth(tmp_path, seen[100]), abs=1e-6)
    assert again.load("people") == 0
    assert sealed(again) == [0, 1], "what was thrown away is there again for the next start"
    assert read_as_vectors(start()) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE vectors SET vector = (SELECT vector FROM vectors WHERE face = 300) WHERE face = 5",
        "DELETE FROM vectors WHERE face = 5",
        "DELETE FROM faces WHERE id = 5",
        "UPDATE faces SET collection = 2 WHERE id = 5",
        "INSERT OR REPLACE INTO vectors SELECT 5, digest, vector FROM vectors WHERE face = 300",
        "UPDATE codes SET data = zeroblob(length(data)) WHERE number = 0",
        "UPDATE codes SET data = substr(data, 1, length(data) - 1) WHERE number = 0",
        "UPDATE codes SET residual = 0 WHERE number = 0",
        "UPDATE codes SET number = 7 WHERE number = 0",
    ],
)
@pytest.mark.parametrize("constraints", ["ON", "OFF"])
def test_whatever_changes_a_vector_no_stale_code_is_trusted(
    start: Callable[[], Collections], tmp_path: Path, change: str, constraints: str
) -> None:
    """By any program that writes to the file, an older Vedette among them: triggers lie in the file itself."""
    people = start()
    people.create_collection("others")
    seen = vectors(2 * SIZE)
    enrol(people, seen)
    with sqlite3.connect(tmp_path / database.NAME, isolation_level=None) as other:
        other.execute(f"PRAGMA foreign_keys = {constraints}")
        other.execute(change)
        rows = other.execute("SELECT vector FROM vectors JOIN faces ON faces.id = face WHERE collection = 1").fetchall()
    other.close()
    stored = np.frombuffer(b"".join(row[0] for row in rows), "<f4").reshape(-1, DIMENSIONS)
    again = start()
    for probe in (seen[4], seen[299], seen[0]):
        expected = sorted((stored @ probe).tolist(), reverse=True)[:9]
        assert answers(again, probe) == pytest.approx(expected, abs=1e-6)


def test_damaged_vectors_are_counted_from_chunks_too(start: Callable[[], Collections]) -> None:
    people = start()
    enrol(people, vectors(2 * SIZE))
    with people._writing() as connection:
        connection.execute("UPDATE vectors SET vector = zeroblob(64) WHERE face = 9")
    assert [start().load("people") for _ in range(2)] == [1, 1]
    assert sealed(people) == [0, 1]
    assert read_as_vectors(start()) == 1


def test_collections_between_each_other_s_faces_keep_their_own(
    start: Callable[[], Collections], tmp_path: Path
) -> None:
    people = start()
    people.create_collection("others")
    mine, theirs = vectors(300), vectors(300, seed=1)
    for turn in range(0, 300, 100):
        enrol(people, mine[turn : turn + 100])
        enrol(people, theirs[turn : turn + 100], "others")
    assert sealed(people) == [0, 0, 1], "the newest of a collection may be joined yet"
    people.delete_collection("others")
    again = start()
    for probe in mine[:3]:
        assert answers(again, probe) == pytest.approx(truth(tmp_path, probe), abs=1e-6)


def test_a_file_of_before_there_were_chunks(tmp_path: Path) -> None:
    with patch.object(chunks, "STEPS", ()), patch("edge.collections.rows.seal"):
        old = Collections(connect(tmp_path))
        old.create_collection("people")
        enrol(old, vectors(3 * SIZE))
        old.close()
    with patch.object(search, "COMPACT", 10):
        people = Collections(connect(tmp_path))
        assert len(answers(people, vectors(1)[0])) == 9
        assert sealed(people) == [], "a search writes nothing"
        people.close()
        people = Collections(connect(tmp_path))
        people.load("people")
        assert sealed(people) == [0, 1, 2]
        people.close()
        people = Collections(connect(tmp_path))
        assert read_as_vectors(people) == 1
        people.close()


def test_a_disk_that_refuses_costs_only_time(start: Callable[[], Collections], tmp_path: Path) -> None:
    people = start()
    enrol(people, vectors(2 * SIZE))
    with people._writing() as connection:
        connection.execute("DELETE FROM codes")
    again = start()
    with patch.object(chunks, "seal", side_effect=sqlite3.OperationalError("database or disk is full")):
        assert again.load("people") == 0
    assert sealed(again) == []
    probe = vectors(1, seed=3)[0]
    assert answers(again, probe) == pytest.approx(truth(tmp_path, probe), abs=1e-6)


def test_an_older_release_that_enrols_and_deletes_leaves_no_stale_codes(
    start: Callable[[], Collections], tmp_path: Path
) -> None:
    """It knows neither chunks nor their room, and so writes none; what the triggers do, they do for it too."""
    people = start()
    ids = enrol(people, vectors(2 * SIZE))
    with patch("edge.collections.rows.seal"):
        enrol(people, vectors(2 * SIZE, seed=1))
        people.delete_faces("people", ids[3:6])
    assert sealed(people) == [1]
    again = start()
    for probe in vectors(5, seed=2):
        assert answers(again, probe) == pytest.approx(truth(tmp_path, probe), abs=1e-6)
    again.load("people")
    assert sealed(again) == [0, 1, 2, 3]


def test_the_triggers_count_as_the_code_does() -> None:
    (step,) = chunks.STEPS
    assert step.count(">>") == step.count(f">> {chunks.BITS}")


@pytest.mark.parametrize(
    ("numbers", "added", "expected"),
    [
        ([], 700, [(-1, 700)]),
        ([0, 1], 700, [(511, 700)]),
        ([1], 700, [(-1, 255), (511, 700)]),
        ([0, 4], 1300, [(255, 1023), (1279, 1300)]),
    ],
)
def test_ranges_between_chunks(numbers: list[int], added: int, expected: list[tuple[int, int]]) -> None:
    assert list(chunks.between(numbers, added)) == expected


class Starts(RuleBasedStateMachine):
    """Two processes that enrol, delete and start anew, against the vectors themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.patched = patch.object(search, "COMPACT", 10)
        self.patched.start()
        self.folder = tempfile.TemporaryDirectory()
        self.sides = [Collections(connect(Path(self.folder.name))) for _ in range(2)]
        self.sides[0].create_collection("people")
        self.ids: list[str] = []
        self.seed = 0

    def teardown(self) -> None:
        for side in self.sides:
            side.close()
        self.folder.cleanup()
        self.patched.stop()

    @rule(side=st.integers(0, 1), count=st.integers(1, 200))
    def enrol(self, side: int, count: int) -> None:
        self.seed += 1
        self.ids += enrol(self.sides[side], vectors(count, self.seed))

    @precondition(lambda self: self.ids)
    @rule(side=st.integers(0, 1), data=st.data())
    def delete(self, side: int, data: st.DataObject) -> None:
        first = data.draw(st.integers(0, len(self.ids) - 1))
        gone = self.ids[first :: data.draw(st.integers(1, 50))]
        assert self.sides[side].delete_faces("people", gone).done == tuple(gone)
        self.ids = [face_id for face_id in self.ids if face_id not in gone]

    @rule(side=st.integers(0, 1), load=st.booleans())
    def start_anew(self, side: int, load: bool) -> None:
        self.sides[side].close()
        self.sides[side] = Collections(connect(Path(self.folder.name)))
        if load:
            assert self.sides[side].load("people") == 0

    @rule(side=st.integers(0, 1), seed=st.integers(0, 9))
    def search(self, side: int, seed: int) -> None:
        probe = vectors(1, 1000 + seed)[0]
        expected = truth(Path(self.folder.name), probe)
        assert answers(self.sides[side], probe) == pytest.approx(expected, abs=1e-6)


Starts.TestCase.settings = settings(max_examples=10, stateful_step_count=15, deadline=None)
TestStarts = Starts.TestCase

ENROL = """
import sys
import numpy as np
from pathlib import Path
from edge.collections import Collections, NewFace
from edge.database import connect
from edge.values import Box
people = Collections(connect(Path(sys.argv[1])))
for seed in range(10**6):
    drawn = np.random.default_rng(seed).standard_normal((100, 16), np.float32)
    people.add_faces("people", [NewFace(one, Box(0, 0, 1, 1), 1.0) for one in drawn], "m1")
    print(seed, flush=True)
"""


def test_a_kill_leaves_no_code_without_its_vector(start: Callable[[], Collections], tmp_path: Path) -> None:
    start()
    with subprocess.Popen(
        [sys.executable, "-c", ENROL, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as enrolling:
        assert enrolling.stdout is not None
        for _ in range(12):
            enrolling.stdout.readline()
        os.kill(enrolling.pid, signal.SIGKILL)
    again = start()
    assert read_as_vectors(again) <= SIZE
    for probe in vectors(5, seed=10**6):
        assert answers(again, probe) == pytest.approx(truth(tmp_path, probe), abs=1e-6)
