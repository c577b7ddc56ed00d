"""Collections of faces: people enrolled in SQLite, and the exact search over their vectors.

SQLite is the truth: `store` puts together what is done to collections, to their faces (`faces`) and to users
(`members`), all through the connections of `base`. A matrix in memory makes searching fast, of floats (`index`) or,
for a large collection, of bytes that tell which few floats to read (`compact`); `search` keeps it in step with what any
process has committed. Nothing but SQLite is on disk: a start reads the vectors again, or of a large collection the
bytes that lie beside them (`chunks`). What is deleted is overwritten there (`remains`). Similarity in percent is
defined in `edge.similarity`; a user, who has several faces, is found by one vector for all of them (`users`). A
collection holds the vectors of one embedding model only, told by the model's digest.
"""

from edge.collections.records import (
    Collection,
    DuplicateError,
    FullError,
    Identification,
    IndexedFace,
    NewFace,
    NoCollectionError,
    NoFaceError,
    NoUserError,
    Outcome,
    Page,
    Refusal,
    Refused,
    ReusedTokenError,
    User,
    UserMatch,
    picture_id,
)
from edge.collections.store import Collections

__all__ = [
    "Collection",
    "Collections",
    "DuplicateError",
    "FullError",
    "Identification",
    "IndexedFace",
    "NewFace",
    "NoCollectionError",
    "NoFaceError",
    "NoUserError",
    "Outcome",
    "Page",
    "Refusal",
    "Refused",
    "ReusedTokenError",
    "User",
    "UserMatch",
    "picture_id",
]
