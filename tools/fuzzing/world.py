"""What a server holds, as far as its answers told: names that exist, existed, or never did."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any

from hypothesis import strategies as st

COLLECTIONS, USERS = ("people", "staff", "guests"), ("ann", "ben")
BUCKET, OBJECTS = "my-bucket", ("photo.jpg", "no-photo.txt", "folder/photo.png")
NOTED = ("FaceId", "ImageId", "NextToken", "CollectionArn", "Id")
MOST = 64  # of each kind that are remembered


class World:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._told: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=MOST))

    def note(self, answer: Any) -> None:
        """Remember what an answer names."""
        with self._lock:
            for name, value in _texts(answer):
                if name in NOTED and value not in self._told[name]:
                    self._told[name].append(value)

    def known(self, pictures: st.SearchStrategy[bytes]) -> Mapping[str, st.SearchStrategy[Any]]:
        """By the names of the model's shapes, for `requests.values`."""
        collections = st.sampled_from((*COLLECTIONS, *COLLECTIONS, *COLLECTIONS, "nowhere"))
        faces = self._told_of("FaceId", "00000000-0000-4000-8000-000000000000")
        stored = st.fixed_dictionaries(
            {"Bucket": st.sampled_from((BUCKET, "no-bucket")), "Name": st.sampled_from((*OBJECTS, "../key", "nothing"))}
        )
        sent = st.fixed_dictionaries({"Bytes": pictures})
        in_bucket = st.fixed_dictionaries({"S3Object": stored})
        both = st.fixed_dictionaries({}, optional={"Bytes": pictures, "S3Object": stored})
        return {
            "Image": st.integers(0, 11).flatmap(lambda kind: (sent, in_bucket, both)[max(kind - 9, 0)]),
            "CollectionId": collections,
            "FaceId": faces,
            "UserId": st.sampled_from((*USERS, *USERS, "nobody")),
            "PaginationToken": self._told_of("NextToken", "forged"),
            "ResourceArn": self._told_of("CollectionArn", "arn:aws:rekognition:us-east-1:000000000000:collection/none"),
            "RekognitionUniqueId": self._told_of("Id", "4Q2E"),
            "ExternalImageId": st.sampled_from(("one", "two", "three")),
        }

    def _told_of(self, name: str, unknown: str) -> st.SearchStrategy[str]:
        """Mostly one that was told. That draws a number, so that what was told so far does not change what is drawn."""

        def pick(number: int) -> str:
            with self._lock:
                told = self._told[name]
                return told[-1 - number % len(told)] if told and number < MOST else unknown

        return st.integers(0, MOST + MOST // 4).map(pick)


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Each text in an answer with the name of its member."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            if isinstance(part, str):
                yield name, part
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
