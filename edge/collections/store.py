"""Collections, with their tags, and who in them a face resembles."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import numpy as np
from sqlite_utils import Database

from edge.collections import remains, rows, tags, users
from edge.collections.faces import Faces
from edge.collections.members import Users
from edge.collections.records import (
    Collection,
    DuplicateError,
    Identification,
    Page,
    UserMatch,
    Vector,
    check_collection,
)
from edge.collections.search import Finder
from edge.database import beside
from edge.similarity import cosine
from edge.values import Match


class Collections(Faces, Users):
    """Everything about enrolled people. What another process commits is found by the next search."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._finder = Finder(beside(database))
        self._user_finder = users.UserFinder(beside(database))

    def close(self) -> None:
        self._finder.close()
        self._user_finder.close()
        super().close()

    def create_collection(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """With these tags. Raises InputError for an unfit name, DuplicateError for one that is taken."""
        check_collection(name)
        with self._writing() as connection:
            added = connection.execute(
                "INSERT INTO collections (name, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING", [name, time.time()]
            )
            if not added.rowcount:
                raise DuplicateError(f"collection {name!r} exists already: choose another name, or delete it first")
            tags.put(connection, rows.collection_key(connection, name), labels or {})

    def list_collections(self) -> list[Collection]:
        return [Collection(**row) for row in self._rows(f"{rows.COLLECTIONS} ORDER BY name")]

    def page_collections(self, after: int = 0, limit: int = 4096) -> Page[str]:
        """So many names in the order they were made, beginning after a place: 0, or the `after` of the page before."""
        found = self._rows("SELECT id, name FROM collections WHERE id > ? ORDER BY id LIMIT ?", [after, limit + 1])
        part = found[:limit]
        return Page([row["name"] for row in part], part[-1]["id"] if len(found) > limit else None)

    def describe_collection(self, name: str) -> Collection:
        for row in self._rows(f"{rows.COLLECTIONS} WHERE name = ?", [name]):
            return Collection(**row)
        raise rows.no_collection(name)

    def check_there(self, name: str) -> None:
        """Raises NoCollectionError."""
        self._key(name)

    def delete_collection(self, name: str) -> None:
        """With its faces, vectors and users, whose bytes leave the file as well."""
        with self._writing() as connection:
            if not connection.execute("DELETE FROM collections WHERE name = ?", [name]).rowcount:
                raise rows.no_collection_to_delete(connection, name)
            remains.note(connection, "vectors")
            remains.note(connection, "centres")
        self._finder.forget()
        self._user_finder.forget()

    def tags(self, name: str) -> dict[str, str]:
        with self._reading() as connection:
            return tags.of(connection, rows.collection_key(connection, name))

    def tag(self, name: str, labels: Mapping[str, str]) -> None:
        """A tag that is there gets its new value. Raises FullError if there would be more than `tags.MOST`."""
        with self._writing() as connection:
            tags.put(connection, rows.collection_key(connection, name), labels)

    def untag(self, name: str, names: Iterable[str]) -> None:
        """Tags that are not there are left out."""
        with self._writing() as connection:
            tags.drop(connection, rows.collection_key(connection, name), names)

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
        vector, digest = self._vector(collection, face_id)
        found = self._finder.search(collection, vector, digest, limit + 1, cosine(similarity))
        return [match for match in found if match.face_id != face_id][:limit]

    def search_users(
        self, collection: str, vector: Vector, digest: str, limit: int = 5, similarity: float = 80.0
    ) -> list[UserMatch]:
        """At most `limit` users of `similarity` percent or more, the most similar first; raises what `search` does.

        A user is compared by one vector, the centre of all their faces, not by their most similar face.
        """
        return self._user_finder.search(collection, vector, digest, limit, cosine(similarity))

    def search_users_by_face(
        self, collection: str, face_id: str, limit: int = 5, similarity: float = 80.0
    ) -> list[UserMatch]:
        """Like `search_users`, with the vector of an enrolled face; whose it is may be among them."""
        vector, digest = self._vector(collection, face_id)
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

    def _vector(self, collection: str, face_id: str) -> tuple[Vector, str]:
        """And the digest of the model that made it."""
        with self._reading() as connection:
            row = connection.execute(rows.VECTOR, [rows.collection_key(connection, collection), face_id]).fetchone()
        if row is None:
            raise rows.no_face(collection, face_id)
        return np.frombuffer(row[0], "<f4"), row[1]
