"""The pages of a table are found as SQLite wrote them."""

import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.collections.pages import Pages, _int, _varint

keys = st.sets(st.one_of(st.integers(0, 300), st.integers(0, 1 << 62)), min_size=1, max_size=120)
sizes = st.sampled_from([0, 30, 500, 2_000, 5_000, 70_000])


def table(path: Path, page: int, rows: Sequence[int], size: int) -> int:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA page_size = {page}")
    connection.execute("CREATE TABLE vectors (face INTEGER PRIMARY KEY, digest TEXT, vector BLOB)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO vectors VALUES (?, 'm1', ?)", [[row, b"\1" * size] for row in rows])
    connection.execute("COMMIT")
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master").fetchone()
    connection.close()
    return int(root)


def held(page: bytes) -> list[int]:
    """The keys on a leaf."""
    cells = [_int(page, 8 + 2 * place) for place in range(_int(page, 3))]
    return [_varint(page, _varint(page, cell)[1])[0] for cell in cells]


@given(st.sampled_from([512, 4096, 65536]), keys, sizes, st.tuples(st.integers(0, 400), st.integers(0, 400)))
@settings(max_examples=60, deadline=None)
def test_a_span_of_keys_is_found_and_no_page_beside_it(
    page: int, rows: set[int], size: int, span: tuple[int, int]
) -> None:
    low, high = sorted(span)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vedette.db")
        root = table(path, page, sorted(rows), size)
        pages = Pages(path)
        everything = [held(leaf) for _, leaf in pages._leaves(root, 0, 1 << 62)]
        assert [key for leaf in everything for key in leaf] == sorted(rows)
        found = [held(leaf) for _, leaf in pages._leaves(root, low, high)]
        assert {key for key in rows if low <= key <= high} <= {key for leaf in found for key in leaf}
        within = [leaf for leaf in everything if leaf[0] <= high and leaf[-1] >= low]
        assert [leaf for leaf in found if leaf in within] == within
        assert len(found) <= len(within) + 2, "but for those that a key between theirs would go to"
        assert pages.stale(root, [(0, 1 << 62)]) == []


@pytest.mark.parametrize(
    ("data", "value"),
    [(b"\x00", 0), (b"\x7f", 127), (b"\x81\x00", 128), (b"\xff" * 9, (1 << 64) - 1), (b"\x80" * 8 + b"\x05", 5)],
)
def test_numbers_are_of_as_many_bytes_as_they_take(data: bytes, value: int) -> None:
    assert _varint(data + b"\0", 0) == (value, len(data))


def test_an_empty_table_has_nothing_to_hide(tmp_path: Path) -> None:
    root = table(tmp_path / "vedette.db", 4096, [], 10)
    assert Pages(tmp_path / "vedette.db").stale(root, [(0, 9)]) == []
