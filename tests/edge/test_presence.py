"""Open tracks survive the process that opened them."""

from pathlib import Path

import pytest

from edge import database, presence
from edge.presence import OpenTrack


def test_what_was_opened_and_not_closed_is_found_again(tmp_path: Path) -> None:
    db = database.connect(tmp_path)
    presence.prepare(db)
    with database.transaction(db) as connection:
        presence.change([OpenTrack("door", 1, "person", 5.0), OpenTrack("door", 2, "dog", 6.0)], [])(connection)
    with database.transaction(db) as connection:
        presence.change([], [("door", 1)])(connection)
    db.conn.close()
    again = database.connect(tmp_path)
    presence.prepare(again)
    assert presence.left_open(again) == [OpenTrack("door", 2, "dog", 6.0)]
    assert presence.last_number(again, "door") == 2
    assert presence.last_number(again, "yard") == 0
    again.conn.close()


def test_a_commit_that_fails_opens_nothing(tmp_path: Path) -> None:
    db = database.connect(tmp_path)
    presence.prepare(db)

    def fail() -> None:
        with database.transaction(db) as connection:
            presence.change([OpenTrack("door", 1, "person", 5.0)], [])(connection)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert presence.left_open(db) == []
    db.conn.close()
