"""What a collection holds, as values, and which names it accepts."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError, MissingError
from edge.values import Box, Match

Vector = NDArray[np.float32]
Item = TypeVar("Item")

# The identifiers Rekognition accepts, so that what is enrolled here can be named there.
_COLLECTION = re.compile(r"[a-zA-Z0-9_.\-]{1,255}")
_USER = re.compile(r"[a-zA-Z0-9_.\-:]{1,128}")
_EXTERNAL = re.compile(r"[a-zA-Z0-9_.\-:]{1,255}")


class DuplicateError(InputError):
    """A collection or user of that name exists already."""


class FullError(InputError):
    """A user has as many faces, or a collection as many tags, as one may have."""


class ReusedTokenError(InputError):
    """A request's token was given before, with a request for something else."""


class NoCollectionError(MissingError):
    pass


class NoUserError(MissingError):
    pass


class NoFaceError(MissingError):
    pass


@dataclass(frozen=True, slots=True)
class Collection:
    """`digest` is of the embedding model whose vectors it holds; empty while it holds none."""

    name: str
    created_at: float
    faces: int
    users: int
    digest: str


@dataclass(frozen=True, slots=True)
class NewFace:
    """A face to enrol; `confidence` (that it is a face) and `quality` are 0..1."""

    vector: Vector
    box: Box
    confidence: float
    quality: float = 1.0


@dataclass(frozen=True, slots=True)
class IndexedFace:
    """An enrolled face. `image_id` is shared by the faces of one picture; empty strings mean not given."""

    face_id: str
    image_id: str
    external_image_id: str
    user_id: str
    confidence: float
    quality: float
    box: Box
    created_at: float


@dataclass(frozen=True, slots=True)
class User:
    """A person of a collection, to whom faces are associated."""

    user_id: str
    faces: int
    created_at: float


@dataclass(frozen=True, slots=True)
class UserMatch:
    """A user whom a face resembles, by all of the user's faces. `similarity` is percent, `cosine` -1..1."""

    user_id: str
    cosine: float
    similarity: float


class Refusal(StrEnum):
    """Why a face was left as it is, in Rekognition's words."""

    FACE_NOT_FOUND = "FACE_NOT_FOUND"
    ASSOCIATED_TO_AN_EXISTING_USER = "ASSOCIATED_TO_AN_EXISTING_USER"
    ASSOCIATED_TO_A_DIFFERENT_USER = "ASSOCIATED_TO_A_DIFFERENT_USER"
    LOW_MATCH_CONFIDENCE = "LOW_MATCH_CONFIDENCE"


@dataclass(frozen=True, slots=True)
class Refused:
    """`user_id` is whose face it is; `similarity` in percent is to the user it was meant for, if that was too low."""

    face_id: str
    reason: Refusal
    user_id: str = ""
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call did to faces: the ids it changed, and those it did not. What was so already is in neither.

    `faces` is how many the user has now.
    """

    done: tuple[str, ...] = ()
    refused: tuple[Refused, ...] = ()
    faces: int = 0


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list; `after` is where the next one begins, None for the last."""

    items: list[Item]
    after: int | None


@dataclass(frozen=True, slots=True)
class Identification:
    """Who a face is. `match` is None for an unknown one; `best` and `runner_up` are the nearest faces of two
    different people all the same, None only if the collection has none."""

    match: Match | None
    best: Match | None
    runner_up: Match | None


def picture_id(content: bytes) -> str:
    """The id of a picture, made from its bytes: the same file is the same picture wherever it is indexed."""
    return str(uuid.UUID(bytes=hashlib.sha256(content).digest()[:16], version=4))


def check_collection(name: str) -> str:
    return _check("collection id", name, _COLLECTION, "letters, digits and _ . - (at most 255)")


def check_user(name: str) -> str:
    return _check("user id", name, _USER, "letters, digits and _ . - : (at most 128)")


def check_external(name: str) -> str:
    return _check("external image id", name, _EXTERNAL, "letters, digits and _ . - : (at most 255)")


def _check(what: str, name: str, pattern: re.Pattern[str], wanted: str) -> str:
    if not pattern.fullmatch(name):
        raise InputError(f"{what} {name!r}: use {wanted}")
    return name


def unit(vector: Vector) -> Vector:
    """The vector as float32 of unit length; raises InputError if it has no direction."""
    flat = np.asarray(vector, np.float32).ravel()
    length = float(np.linalg.norm(flat))
    if not np.isfinite(length) or length == 0.0:
        raise InputError("face vector: has no direction; the picture may be blank, or the embedding model broken")
    return flat / np.float32(length)
