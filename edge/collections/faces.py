"""The faces of collections: enrolled by the picture, listed page by page, deleted for good."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

from edge.collections import remains, rows, users
from edge.collections.base import Stored
from edge.collections.records import IndexedFace, NewFace, Outcome, Page, Refusal, Refused, check_external, unit

_OWNED = """SELECT faces.id, faces.user, users.name FROM faces LEFT JOIN users ON users.id = faces.user
    WHERE faces.collection = ? AND face_id = ?"""
# With + a column is not what a plan begins with: few are picked out of many by the other one.
_ALL = "faces.collection = :collection AND faces.id > :after"
_THESE = "+faces.collection = :collection AND +faces.id > :after AND face_id IN (SELECT value FROM json_each(:faces))"
_USERS = "+faces.collection = :collection AND faces.id > :after AND faces.user = :user"


class Faces(Stored):
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
                for face in rows.faces_of_image(connection, key, image_id)
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
        return [face for _, face in self._faces(collection, f"{_ALL} ORDER BY faces.id")]

    def page_faces(
        self, collection: str, after: int = 0, limit: int = 4096, *, face_ids: Sequence[str] = (), user_id: str = ""
    ) -> Page[IndexedFace]:
        """So many in the order they were enrolled, beginning after a place: 0, or the `after` of the page before.

        With `face_ids` or `user_id` only these, or that user's; raises NoUserError if there is no such user.
        """
        given: dict[str, Any] = {"after": after, "limit": limit + 1, "faces": json.dumps(list(face_ids))}
        wanted = _THESE if face_ids else _USERS if user_id else _ALL
        if user_id:
            with self._reading() as connection:
                given["user"] = rows.user_key(connection, collection, user_id)
        if face_ids and user_id:
            wanted += " AND +faces.user = :user"
        found = self._faces(collection, f"{wanted} ORDER BY faces.id LIMIT :limit", given)
        part = found[:limit]
        return Page([face for _, face in part], part[-1][0] if len(found) > limit else None)

    def describe_face(self, collection: str, face_id: str) -> IndexedFace:
        found = self.describe_faces(collection, [face_id])
        if not found:
            raise rows.no_face(collection, face_id)
        return found[face_id]

    def describe_faces(self, collection: str, face_ids: Sequence[str]) -> dict[str, IndexedFace]:
        """By id; those that are missing are left out."""
        found = self._faces(collection, _THESE, {"faces": json.dumps(list(face_ids))})
        return {face.face_id: face for _, face in found}

    def delete_faces(self, collection: str, face_ids: Sequence[str], *, of_users: bool = True) -> Outcome:
        """Out of the file as well. Without `of_users` a face that belongs to a user is spared."""
        with self._writing() as connection:
            key = rows.collection_key(connection, collection)
            gone: dict[str, int] = {}
            refused = []
            owned = False
            for face_id in dict.fromkeys(face_ids):
                row = connection.execute(_OWNED, [key, face_id]).fetchone()
                if row is None:
                    refused.append(Refused(face_id, Refusal.FACE_NOT_FOUND))
                elif row[1] is not None and not of_users:
                    refused.append(Refused(face_id, Refusal.ASSOCIATED_TO_AN_EXISTING_USER, row[2]))
                else:
                    gone[face_id] = row[0]
                    owned = owned or row[1] is not None
            rows.delete(connection, key, list(gone.values()))
            if owned:  # whose users get other vectors
                remains.note(connection, "centres")
        return Outcome(tuple(gone), tuple(refused))

    def _faces(self, collection: str, where: str, given: dict[str, Any] | None = None) -> list[tuple[int, IndexedFace]]:
        """With their keys."""
        with self._reading() as connection:
            key = rows.collection_key(connection, collection)
            found = self._rows(f"{rows.FACES} WHERE {where}", {"collection": key, "after": 0, **(given or {})})
        return [(row.pop("key"), rows.face(row)) for row in found]
