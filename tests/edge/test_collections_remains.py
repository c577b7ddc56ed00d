"""What is deleted is found nowhere in the files: not where it lay, not where it was moved from, not in the log."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from edge.collections import Collections, NewFace, pages, remains, rows, search
from edge.collections.compact import encode
from edge.collections.pages import Pages
from edge.collections.records import Vector
from edge.collections.remains import EVERYWHERE, Eraser
from edge.database import NAME, connect, transaction
from edge.errors import StorageError
from edge.values import Box

ROOT = Path(__file__).parents[2]
BOX = Box(0.1, 0.1, 0.3, 0.4)
NAMES = ("people", "others", "strangers")
PIECE = 16  # bytes: four numbers of a vector


@pytest.fixture
def people(tmp_path: Path) -> Iterator[Collections]:
    people = Collections(connect(tmp_path))
    for name in NAMES:
        people.create_collection(name)
    yield people
    people.close()


def enrol(people: Collections, collection: str, seed: int, count: int) -> dict[int, Vector]:
    """Vectors by the keys of their faces."""
    drawn = np.random.default_rng(seed).standard_normal((count, 128), np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    with people._writing() as connection:
        key = rows.collection_key(connection, collection)
        for vector in drawn:
            face = rows.new_face(NewFace(vector, BOX, 0.9), "", "", "")
            rows.insert(connection, key, None, face, digest="m1", vector=vector)
        (newest,) = connection.execute("SELECT max(id) FROM faces").fetchone()
    return dict(enumerate(drawn, newest - count + 1))


def ids(people: Collections, keys: list[int]) -> list[str]:
    known = dict(people._database.conn.execute("SELECT id, face_id FROM faces"))
    return [known[key] for key in keys]


def traced(folder: Path, *traces: bytes) -> int:
    """How many of these left any piece of theirs in the folder's files."""
    pieces = {trace[at : at + PIECE]: trace for trace in traces for at in range(0, len(trace), PIECE)}
    held = b"".join(file.read_bytes() for file in folder.iterdir())
    return len({pieces[held[at : at + PIECE]] for at in range(len(held)) if held[at : at + PIECE] in pieces})


def vectors(of: dict[int, Vector]) -> list[bytes]:
    return [vector.astype("<f4").tobytes() for vector in of.values()]


def churn(people: Collections, seed: int) -> dict[int, Vector]:
    """Enrol and delete here and there, as years do; the vectors that are gone. One collection is deleted at last."""
    dice = np.random.default_rng(seed)
    alive: dict[str, dict[int, Vector]] = {name: {} for name in NAMES}
    gone: dict[int, Vector] = {}
    for turn in range(10):
        for part in range(16):
            for place, name in enumerate(alive):
                alive[name] |= enrol(people, name, 1_000 * seed + 100 * turn + 3 * part + place, 5)
        for name, faces in alive.items():
            share = dice.choice([0.05, 0.5, 0.8, 0.95])
            leaving = dice.choice(sorted(faces), int(len(faces) * share), replace=False).tolist()
            people.delete_faces(name, ids(people, leaving))
            gone |= {key: faces.pop(key) for key in leaving}
    people.delete_collection("people")
    return gone | alive["people"]


@pytest.mark.parametrize("seed", [1, 2, 10])
def test_of_years_of_faces_the_deleted_ones_are_gone(people: Collections, tmp_path: Path, seed: int) -> None:
    gone = churn(people, seed)
    assert len(gone) > 500
    assert traced(tmp_path, *vectors(gone)) == 0
    connection = people._database.conn
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT DISTINCT digest FROM vectors").fetchall() == [("m1",)]
    root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'vectors'").fetchone()[0]
    assert Pages(tmp_path / NAME).stale(root, [EVERYWHERE]) == [], "nor is there a copy of who lives on"


def test_without_that_sqlite_leaves_copies(people: Collections, tmp_path: Path) -> None:
    def only_the_log(eraser: Eraser) -> None:
        eraser._database.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    with patch.object(Eraser, "clear", only_the_log):
        gone = churn(people, 10)
    if not traced(tmp_path, *vectors(gone)):
        pytest.skip(f"SQLite {sqlite3.sqlite_version} leaves none, or elsewhere")
    people.create_collection("new")  # the next change finds what was noted
    assert traced(tmp_path, *vectors(gone)) == 0


def test_a_large_collection_takes_its_codes_along(people: Collections, tmp_path: Path) -> None:
    with patch.object(search, "COMPACT", 100):
        seen = enrol(people, "people", 1, 300) | enrol(people, "others", 2, 300)
        for name in ("people", "others"):
            people.load(name)
        first = np.stack([seen[key] for key in sorted(seen)[:300]])
        codes = [row.tobytes() for row in encode(first).codes]
        assert traced(tmp_path, *codes) > 200
        people.delete_collection("people")
    assert traced(tmp_path, *codes, *vectors(dict(enumerate(first)))) == 0
    assert len(people.list_faces("others")) == 300


def test_users_take_their_vectors_along(people: Collections, tmp_path: Path) -> None:
    seen = enrol(people, "people", 1, 40)
    faces = ids(people, sorted(seen))
    for place in range(20):
        people.create_user("people", f"u{place}")
        people.associate("people", f"u{place}", faces[2 * place : 2 * place + 2])
    centres = [row[0] for row in people._database.conn.execute("SELECT vector FROM centres")]
    assert traced(tmp_path, *centres) == 20
    for place in range(0, 20, 2):
        people.delete_user("people", f"u{place}")
    assert traced(tmp_path, *centres[::2]) == 0
    people.delete_faces("people", faces[2:4])
    assert traced(tmp_path, centres[1]) == 0, "a deleted face is not left in the vector of its user"
    people.delete_collection("people")
    assert traced(tmp_path, *centres, *vectors(seen)) == 0


READ = """
import sys
import numpy as np
from pathlib import Path
from edge.collections import Collections
from edge.database import connect
people = Collections(connect(Path(sys.argv[1])))
probe = np.eye(1, 128, dtype=np.float32)[0]
for line in sys.stdin:
    for _ in range(200):
        try:
            people.search("people", probe, "m1", 50, 0.0)
            people.list_faces("people")
        except Exception as error:
            print(error, flush=True)
            break
    else:
        print("read", flush=True)
people.close()
"""


def test_nobody_who_reads_keeps_it_there(people: Collections, tmp_path: Path) -> None:
    """A search of this process and one of another have the collection open all the while."""
    seen = enrol(people, "people", 1, 200)
    with subprocess.Popen(
        [sys.executable, "-c", READ, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None

        def read() -> None:
            assert reader.stdin is not None
            reader.stdin.write("\n")
            reader.stdin.flush()

        read()
        assert reader.stdout.readline() == "read\n"
        assert len(people.search("people", seen[1], "m1", 50, 0.0)) == 50
        read()  # and while it does, the collection goes
        people.delete_collection("people")
        assert traced(tmp_path, *vectors(seen)) == 0
        reader.stdout.readline()
        read()
        assert "no collection 'people'" in reader.stdout.readline()
        reader.stdin.close()
    assert traced(tmp_path, *vectors(seen)) == 0


@pytest.fixture
def old_reader(people: Collections, tmp_path: Path) -> Iterator[tuple[sqlite3.Connection, dict[int, Vector]]]:
    """A connection that reads the state of before a deletion, and what was deleted."""
    seen = enrol(people, "people", 1, 50)
    connection = sqlite3.connect(tmp_path / NAME, isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM vectors").fetchone()
    with patch.object(remains, "PATIENCE_MS", 10):
        people.delete_collection("people")
    yield connection, seen
    connection.close()


def test_who_reads_an_old_state_for_long_puts_it_off_to_the_next_change(
    people: Collections,
    tmp_path: Path,
    old_reader: tuple[sqlite3.Connection, dict[int, Vector]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection, seen = old_reader
    assert "not overwritten yet: others read or write" in caplog.get_records("setup")[-1].message
    assert traced(tmp_path, *vectors(seen)) == 50
    connection.execute("COMMIT")
    people.create_collection("new")
    assert traced(tmp_path, *vectors(seen)) == 0


def test_what_was_put_off_is_done_by_the_next_start(
    people: Collections, tmp_path: Path, old_reader: tuple[sqlite3.Connection, dict[int, Vector]]
) -> None:
    connection, seen = old_reader
    connection.execute("COMMIT")
    Collections(connect(tmp_path)).close()
    assert traced(tmp_path, *vectors(seen)) == 0
    people.create_collection("new")  # this side does it once more, and finds nothing
    people.create_collection("newer")
    assert people._database["remains"].count == 0


def test_a_disk_that_refuses_does_not_undo_the_deletion(
    people: Collections, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen = enrol(people, "people", 1, 50)
    with patch.object(remains, "_emptied", side_effect=StorageError("no space left")):
        people.delete_collection("people")
    assert "what was deleted is not overwritten yet: no space left" in caplog.text
    people.create_collection("new")
    assert traced(tmp_path, *vectors(seen)) == 0


def test_who_writes_in_between_is_waited_for(people: Collections, tmp_path: Path) -> None:
    """Only a file without a log is whole: otherwise it is emptied again."""
    other, real, times = connect(tmp_path), remains._emptied, iter(range(99))

    def emptied(connection: sqlite3.Connection, patience_ms: int) -> bool:
        done = real(connection, patience_ms)
        if next(times) == 0:
            with transaction(other) as writing:
                writing.execute("CREATE TABLE noise (x)")
        return done

    seen = enrol(people, "people", 1, 50)
    with patch.object(remains, "_emptied", emptied):
        people.delete_collection("people")
    assert next(times) == 2
    assert traced(tmp_path, *vectors(seen)) == 0
    other.conn.close()


LEAVE = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT 1 FROM collections'); c.close()"


def test_sqlite_keeps_its_locks_while_its_pages_are_looked_at(people: Collections, tmp_path: Path) -> None:
    """Were they lost, the next one to leave would take itself for the last, and delete the log under our feet."""
    enrol(people, "people", 1, 50)
    people.delete_collection("people")
    assert pages._open
    people.create_collection("new")
    subprocess.run([sys.executable, "-c", LEAVE, str(tmp_path / NAME)], check=True)
    assert (tmp_path / f"{NAME}-wal").exists()
