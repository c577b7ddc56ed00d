"""Requests that bear a token are done once: the same token and request gets the same answer, and nothing is done again.

The answer is kept in the transaction of what it tells of, so a client that lost it may well ask again after a crash.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

from edge.collections.records import Outcome, Refusal, Refused, ReusedTokenError

ROOM = "answers"
LIFE = 24 * 3600.0  # seconds; as long as a pagination token holds
MOST = 100_000  # answers kept, the newest: about 30 MB

STEPS = (
    """
    CREATE TABLE answers (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        collection INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
        operation TEXT NOT NULL,
        token TEXT NOT NULL,
        asked BLOB NOT NULL,
        answer TEXT NOT NULL,
        at REAL NOT NULL,
        UNIQUE (operation, token)
    );
    CREATE INDEX answers_by_collection ON answers (collection);
    CREATE INDEX answers_by_age ON answers (at)
    """,
)


def once(
    connection: sqlite3.Connection, collection: int, token: str, asked: Sequence[object], act: Callable[[], Outcome]
) -> Outcome:
    """What `act` does within this transaction, or did before; without a token it is done each time.

    `asked` is the operation's name and everything that it was asked for. Raises ReusedTokenError if the token was
    given with anything else to the same operation.
    """
    if not token:
        return act()
    operation = str(asked[0])
    _prune(connection)
    digest = hashlib.sha256(json.dumps(asked).encode()).digest()
    known = connection.execute(
        "SELECT asked, answer FROM answers WHERE operation = ? AND token = ?", [operation, token]
    ).fetchone()
    if known is not None and known[0] != digest:
        raise ReusedTokenError(f"token {token!r}: was given before, with other parameters")
    if known is not None:
        return _outcome(known[1])
    done = act()
    connection.execute(
        "INSERT INTO answers (collection, operation, token, asked, answer, at) VALUES (?, ?, ?, ?, ?, ?)",
        [collection, operation, token, digest, json.dumps(asdict(done)), time.time()],
    )
    return done


def _prune(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM answers WHERE at < ?", [time.time() - LIFE])
    connection.execute("DELETE FROM answers WHERE id <= (SELECT max(id) FROM answers) - ?", [MOST])


def _outcome(told: str) -> Outcome:
    kept = json.loads(told)
    refused = tuple(Refused(**one | {"reason": Refusal(one["reason"])}) for one in kept["refused"])
    return Outcome(tuple(kept["done"]), refused, kept["faces"])
