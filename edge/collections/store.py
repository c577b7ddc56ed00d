"""Collections, faces and users in SQLite: each call is one transaction, and durable when it returns."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any

import numpy as np
from sqlite_utils import Database

from edge.collections import chunks, rows, users
from edge.collections.records import (
    Collection,
    DuplicateError,
    Identification,
    IndexedFace,
    NewFace,
    User,
    UserMatch,
    Vector,
    check_collection,
    check_external,
    check_user,
    unit,
)
from edge.collections.schema import ROOM, STEPS
from edge.collections.search import Finder
from edge.database import beside, migrate, reading, transaction
from edge.similarity import cosine
from edge.values import Match


class Collections:
    """Everything about enrolled people. Safe to share between threads.

    It owns `database` (give it a connection of its own) and opens two more to search with; `close` closes
    all. What another process commits is found by the next search.
    """

    def __init__(self, database: Database) -> None:
        migrate(database, ROOM, STEPS)
        migrate(database, chunks.ROOM, chunks.STEPS)
        migrate(database, users.ROOM, users.STEPS)
        self._database = database
        self._lock = RLock()
        if self._rows("SELECT 1 FROM stale LIMIT 1"):
            with self._writing():
                pass  # users of before there were vectors of users get theirs
        self._finder = Finder(beside(database))
        self._user_finder = users.UserFinder(beside(database))

    def close(self) -> None:
        self._finder.close()
        self._user_finder.close()
        with self._lock:
            self._database.close()

    # Collections

    def create_collection(self, name: str) -> None:
        """Raises InputError for an unfit name, DuplicateError for one that is taken."""
        check_collection(name)
        with self._writing() as connection:
            added = connection.execute(
                "INSERT INTO collections (name, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING", [name, time.time()]
            )
            if not added.rowcount:
                raise DuplicateError(f"collection {name!r} exists already: choose another name, or delete it first")

    def list_collections(self) -> list[Collection]:
        return [Collection(**row) for row in self._rows(f"{rows.COLLECTIONS} ORDER BY name")]

    def describe_collection(self, name: str) -> Collection:
        for row in self._rows(f"{rows.COLLECTIONS} WHERE name = ?", [name]):
            return Collection(**row)
        raise rows.no_collection(name)

    def delete_collection(self, name: str) -> None:
        """With its faces, vectors and users, whose bytes leave the file as well."""
        with self._writing() as connection:
            if not connection.execute("DELETE FROM collections WHERE name = ?", [name]).rowcount:
                raise rows.no_collection_to_delete(connection, name)
        self._finder.forget()
        self._wipe()

    # Faces

    def add_faces(  # noqa: PLR0913 - what IndexFaces takes
        self,
        collection: str,
        faces: Sequence[NewFace],
        digest: str,
        *,
        image_id: str = "",
        external_image_id: str = "",
        user_id: str = "",
    ) -> list[IndexedFace]:
        """Enrol the faces of one picture, all or none; they can be searched for at once.

        `digest` is of the model that made the vectors; a collection that holds another model's raises
        InputError. A face that the same `image_id` and `external_image_id` brought before is given back as it
        was, so repeating a call changes nothing. Without an `image_id` the picture gets one of its own.
        """
        if external_image_id:
            check_external(external_image_id)
        image_id = image_id or str(uuid.uuid4())
        with self._writing() as connection:
            key = rows.collection_key(connection, collection)
            user = rows.user_key(connection, collection, user_id) if user_id else None
            before = [
                face
                for face in self._faces(key, "image_id = :image", {"image": image_id})
                if face.external_image_id == external_image_id
            ]
            result = []
            for face in faces:
                vector = unit(face.vector)
                rows.check_model(connection, key, digest, len(vector))
                known = next((old for old in before if rows.same_box(old.box, face.box)), None)
                result.append(known or rows.new_face(face, image_id, external_image_id, user_id))
                if known is None:
                    rows.insert(connection, key, user, result[-1], digest=digest, vector=vector)
            if user is not None:
                users.check_room(connection, user, user_id)
        return result

    def list_faces(self, collection: str) -> list[IndexedFace]:
        """In the order they were enrolled."""
        with self._reading() as connection:
            return self._faces(rows.collection_key(connection, collection))

    def describe_face(self, collection: str, face_id: str) -> IndexedFace:
        with self._reading() as connection:
            found = self._faces(rows.collection_key(connection, collection), "face_id = :face", {"face": face_id})
        if not found:
            raise rows.no_face(collection, face_id)
        return found[0]

    def delete_faces(self, collection: str, face_ids: Sequence[str]) -> list[str]:
        """The ids that were there and are now gone, from the file as well; the others are left out."""
        with self._writing() as connection:
            gone = rows.delete(connection, rows.collection_key(connection, collection), face_ids)
        if gone:
            self._wipe()
        return gone

    # Users

    def create_user(self, collection: str, user_id: str) -> None:
        """Raises InputError for an unfit id, DuplicateError for one that is taken."""
        check_user(user_id)
        with self._writing() as connection:
            added = connection.execute(
                "INSERT INTO users (collection, name, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                [rows.collection_key(connection, collection), user_id, time.time()],
            )
            if not added.rowcount:
                raise DuplicateError(f"user {user_id!r} exists already in collection {collection!r}")

    def list_users(self, collection: str) -> list[User]:
        with self._reading() as connection:
            return [User(**row) for row in self._rows(rows.USERS, [rows.collection_key(connection, collection)])]

    def delete_user(self, collection: str, user_id: str) -> None:
        """The user's faces stay, and belong to nobody; the user's vector leaves the file as well."""
        with self._writing() as connection:
            key = rows.collection_key(connection, collection)
            if not connection.execute("DELETE FROM users WHERE collection = ? AND name = ?", [key, user_id]).rowcount:
                raise rows.no_user_to_delete(connection, collection, key, user_id)
        self._wipe()

    def associate(self, collection: str, user_id: str, face_ids: Sequence[str]) -> list[str]:
        """The ids that now belong to the user; a face that is missing or another user's is left out.

        Raises InputError if the user would have more than `users.MOST` faces: then nothing has changed.
        """
        with self._writing() as connection:
            key = rows.collection_key(connection, collection)
            user = rows.user_key(connection, collection, user_id)
            moved = rows.move(connection, key, face_ids, of=(None, user), to=user)
            users.check_room(connection, user, user_id)
            return moved

    def disassociate(self, collection: str, user_id: str, face_ids: Sequence[str]) -> list[str]:
        """The ids that were the user's and are nobody's now."""
        with self._writing() as connection:
            key = rows.collection_key(connection, collection)
            user = rows.user_key(connection, collection, user_id)
            return rows.move(connection, key, face_ids, of=(user,), to=None)

    # Search

    def load(self, collection: str) -> int:
        """Read the collection's vectors now, so that the first search need not: under a second for a million.

        What is not there yet is no error: a camera may watch before anyone is enrolled. Gives the number of faces
        whose stored vector is damaged; they match nobody.
        """
        return self._finder.load(collection)

    def search(
        self, collection: str, vector: Vector, digest: str, limit: int = 5, similarity: float = 80.0
    ) -> list[Match]:
        """At most `limit` faces of `similarity` percent or more, the most similar first.

        Raises MissingError for an unknown collection, and InputError if its faces were indexed with another
        embedding model than `digest`.
        """
        return self._finder.search(collection, vector, digest, limit, cosine(similarity))

    def search_by_face(self, collection: str, face_id: str, limit: int = 5, similarity: float = 80.0) -> list[Match]:
        """Like `search`, with the vector of an enrolled face, which is not among the matches."""
        with self._reading() as connection:
            row = connection.execute(rows.VECTOR, [rows.collection_key(connection, collection), face_id]).fetchone()
        if row is None:
            raise rows.no_face(collection, face_id)
        vector = np.frombuffer(row[0], "<f4")
        found = self._finder.search(collection, vector, row[1], limit + 1, cosine(similarity))
        return [match for match in found if match.face_id != face_id][:limit]

    def search_users(
        self, collection: str, vector: Vector, digest: str, limit: int = 5, similarity: float = 80.0
    ) -> list[UserMatch]:
        """At most `limit` users of `similarity` percent or more, the most similar first; raises what `search` does.

        A user is compared by one vector, the centre of all their faces, not by their most similar face.
        """
        return self._user_finder.search(collection, vector, digest, limit, cosine(similarity))

    def search_users_by_user(
        self, collection: str, user_id: str, limit: int = 5, similarity: float = 80.0
    ) -> list[UserMatch]:
        """Like `search_users`, with the vector of a user, who is not among the matches."""
        return self._user_finder.search_by_user(collection, user_id, limit, cosine(similarity))

    def identify(
        self, collection: str, vector: Vector, digest: str, similarity: float, margin: float
    ) -> Identification:
        """Who this is: the best person at `similarity` percent or more, `margin` of cosine ahead of any other.

        Faces count as one person by user id, else by external image id; a face without either is a person of
        its own. Where nobody is enrolled, even for want of the collection, everyone is unknown: a camera may
        watch before anyone is. Raises InputError as `search` does.
        """
        return self._finder.identify(collection, vector, digest, cosine(similarity), margin)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, transaction(self._database) as connection:
            yield connection
            users.refresh(connection)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, reading(self._database) as connection:
            yield connection

    def _rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        with self._reading():
            return list(self._database.query(sql, parameters))

    def _faces(self, key: int, where: str = "1", parameters: dict[str, Any] | None = None) -> list[IndexedFace]:
        found = self._rows(f"{rows.FACES} AND {where} ORDER BY faces.id", {"collection": key, **(parameters or {})})
        return [rows.face(row) for row in found]

    def _wipe(self) -> None:
        """Empty the write-ahead log, where the overwritten pages of deleted faces would linger."""
        with self._reading() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
