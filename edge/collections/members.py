"""Users of collections, and whose faces are theirs."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

from edge.collections import remains, rows, users
from edge.collections.base import Stored
from edge.collections.once import once
from edge.collections.records import DuplicateError, Outcome, Page, Refusal, Refused, User, check_user

_OWNED = """SELECT faces.id, faces.user, users.name, vector FROM faces JOIN vectors ON vectors.face = faces.id
    LEFT JOIN users ON users.id = faces.user WHERE faces.collection = ? AND face_id = ?"""
NONE = (None, None, "", b"")


class Users(Stored):
    """A `token` makes a call that is repeated with it one that is done once (`once`)."""

    def create_user(self, collection: str, user_id: str, token: str = "") -> None:
        """Raises InputError for an unfit id, DuplicateError for one that is taken."""
        check_user(user_id)
        with self._writing() as connection:
            key = rows.collection_key(connection, collection)

            def create() -> Outcome:
                added = connection.execute(
                    "INSERT INTO users (collection, name, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    [key, user_id, time.time()],
                )
                if not added.rowcount:
                    raise DuplicateError(f"user {user_id!r} exists already in collection {collection!r}")
                return Outcome()

            once(connection, key, token, ("CreateUser", collection, user_id), create)

    def list_users(self, collection: str) -> list[User]:
        """By name."""
        found = self._users("WHERE collection = :collection ORDER BY name", {"collection": self._key(collection)})
        return [user for _, user in found]

    def page_users(self, collection: str, after: int = 0, limit: int = 500) -> Page[User]:
        """So many in the order they were made, beginning after a place: 0, or the `after` of the page before."""
        found = self._users(
            "WHERE +collection = :collection AND id > :after ORDER BY id LIMIT :limit",  # with +, by their keys
            {"collection": self._key(collection), "after": after, "limit": limit + 1},
        )
        part = found[:limit]
        return Page([user for _, user in part], part[-1][0] if len(found) > limit else None)

    def delete_user(self, collection: str, user_id: str, token: str = "") -> None:
        """The user's faces stay, and belong to nobody; the user's vector leaves the file as well."""
        with self._writing() as connection:
            key = rows.collection_key(connection, collection)

            def delete() -> Outcome:
                row = connection.execute("SELECT id FROM users WHERE collection = ? AND name = ?", [key, user_id])
                user = row.fetchone()
                if user is None:
                    raise rows.no_user_to_delete(connection, collection, key, user_id)
                # Not left to the foreign key: what that changes has triggers forget to ignore what is noted already.
                connection.execute("UPDATE faces SET user = NULL WHERE user = ?", user)
                connection.execute("DELETE FROM users WHERE id = ?", user)
                remains.note(connection, "centres")
                return Outcome()

            once(connection, key, token, ("DeleteUser", collection, user_id), delete)

    def associate(
        self, collection: str, user_id: str, face_ids: Sequence[str], similarity: float = 0.0, token: str = ""
    ) -> Outcome:
        """Give faces to a user, who must be similar to those that the user has by so many percent.

        Where the user has none, they must be so to each other: see `users.likeness`.

        Raises FullError if the user would have more than `users.MOST` faces: then nothing has changed.
        """
        with self._writing() as connection:
            key = rows.collection_key(connection, collection)

            def give() -> Outcome:
                user = rows.user_key(connection, collection, user_id)
                return _give(connection, key, (user, user_id), face_ids, similarity)

            return once(connection, key, token, ("AssociateFaces", collection, user_id, *face_ids, similarity), give)

    def disassociate(self, collection: str, user_id: str, face_ids: Sequence[str], token: str = "") -> Outcome:
        """Take faces from a user."""
        with self._writing() as connection:
            key = rows.collection_key(connection, collection)

            def take() -> Outcome:
                return _take(connection, key, rows.user_key(connection, collection, user_id), face_ids)

            return once(connection, key, token, ("DisassociateFaces", collection, user_id, *face_ids), take)

    def _users(self, where: str, given: dict[str, int]) -> list[tuple[int, User]]:
        """With their keys."""
        return [(row.pop("key"), User(**row)) for row in self._rows(f"{rows.USERS} {where}", given)]


def _give(
    connection: sqlite3.Connection, key: int, user: tuple[int, str], face_ids: Sequence[str], similarity: float
) -> Outcome:
    found = {face_id: connection.execute(_OWNED, [key, face_id]).fetchone() or NONE for face_id in face_ids}
    free = {face_id: row[3] for face_id, row in found.items() if row[0] is not None and row[1] is None}
    likeness = users.likeness(users.vector_of(connection, user[0]), free, similarity)
    done, refused = [], []
    for face_id, (face, owner, name, _) in found.items():
        if face is None:
            refused.append(Refused(face_id, Refusal.FACE_NOT_FOUND))
        elif owner not in (None, user[0]):
            refused.append(Refused(face_id, Refusal.ASSOCIATED_TO_A_DIFFERENT_USER, name))
        elif owner is None and likeness[face_id] < similarity:
            refused.append(Refused(face_id, Refusal.LOW_MATCH_CONFIDENCE, similarity=likeness[face_id]))
        elif owner is None:
            connection.execute("UPDATE faces SET user = ? WHERE id = ?", [user[0], face])
            done.append(face_id)
    return Outcome(tuple(done), tuple(refused), users.check_room(connection, *user))


def _take(connection: sqlite3.Connection, key: int, user: int, face_ids: Sequence[str]) -> Outcome:
    done, refused = [], []
    for face_id in dict.fromkeys(face_ids):
        face, owner, name, _ = connection.execute(_OWNED, [key, face_id]).fetchone() or NONE
        if face is None:
            refused.append(Refused(face_id, Refusal.FACE_NOT_FOUND))
        elif owner == user:
            connection.execute("UPDATE faces SET user = NULL WHERE id = ?", [face])
            done.append(face_id)
        elif owner is not None:
            refused.append(Refused(face_id, Refusal.ASSOCIATED_TO_A_DIFFERENT_USER, name))
    return Outcome(tuple(done), tuple(refused), users.count(connection, user))
