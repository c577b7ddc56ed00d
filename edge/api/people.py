"""What the operations on collections share: the words for who is missing, the model's version, lists by the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from edge.api import faults
from edge.api.desk import Desk
from edge.collections import FullError, NoCollectionError, NoFaceError, NoUserError, ReusedTokenError

Item = TypeVar("Item")
Part_co = TypeVar("Part_co", covariant=True)

MOST_FACES = 4096  # of a list, or that a search finds
MOST_USERS = 500
SIMILARITY = 80.0  # percent from which a face or a user matches
NO_VERSION = "0.0"  # of the model for faces, while there is none


class Page(Protocol[Part_co]):
    """Some of a list, and the place that the next of it begins after; None at its end."""

    @property
    def items(self) -> Sequence[Part_co]: ...

    @property
    def after(self) -> int | None: ...


@contextmanager
def told(members: Mapping[str, Any]) -> Iterator[None]:
    """What the collections refuse, in the words that clients know."""
    try:
        yield
    except NoCollectionError as error:
        raise faults.resource_not_found(f"The collection id: {members['CollectionId']} does not exist") from error
    except NoUserError as error:
        raise faults.resource_not_found(f"The user id: {members['UserId']} does not exist") from error
    except NoFaceError as error:
        raise faults.invalid_parameter("faceId was not found in the collection.") from error
    except FullError as error:
        raise faults.service_quota_exceeded(str(error)) from error
    except ReusedTokenError as error:
        raise faults.idempotent_parameter_mismatch(members["ClientRequestToken"]) from error


def version(desk: Desk) -> str:
    """Which model indexes faces, as a FaceModelVersion: that of the embedding's manifest."""
    faces = desk.abilities.faces
    return f"{faces.embedder.use.version}.0" if faces else NO_VERSION


def page(
    desk: Desk, operation: str, members: Mapping[str, Any], read: Callable[[int, int], Page[Item]], most: int
) -> tuple[Sequence[Item], dict[str, str]]:
    """The part of a list that is asked for, and the NextToken if there is more.

    `read` is given the place that it begins after and how many to read. A token holds for the same request only.
    """
    bound = repr([(name, members[name]) for name in sorted(members) if name not in ("NextToken", "MaxResults")])
    token = members.get("NextToken")
    after = int(desk.tokens.take(token, operation, bound, desk.now())) if token else 0
    found = read(after, members.get("MaxResults") or most)
    if found.after is None:
        return found.items, {}
    return found.items, {"NextToken": desk.tokens.give(operation, bound, found.after, desk.now())}
