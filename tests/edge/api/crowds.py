"""Pictures of people who are patterns, and eyes for them: everything is real but the networks.

A person is a chequer of grey squares. The vector of a face is what is seen of it, so two pictures of one person are
alike, and whoever is drawn out of focus is judged by the real quality filter.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from edge.api import wire
from edge.api.desk import Desk
from edge.api.faults import Fault
from edge.collections import Collections
from edge.database import connect
from edge.vision.faces import FaceAnalyzer
from models.outputs import Boxes, Embedding
from tests.edge.api import desks
from tests.edge.api.desks import Handler
from tests.edge.api.strictly import strict, strict_fault

# Where the eyes, the nose and the mouth are in the square that networks see, as parts of its side.
POINTS = np.array([(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)], np.float32) / 112


@dataclass(frozen=True)
class Person:
    """Seen so many pixels wide; `mood` is what differs between two pictures of one."""

    who: int
    width: int = 112
    mood: int = 0
    sharp: bool = True
    light: float = 128.0

    def drawn(self) -> np.ndarray:
        squares = np.random.default_rng(self.who).standard_normal((8, 8))
        squares += 0.3 * np.random.default_rng([self.who, self.mood]).standard_normal((8, 8))
        how = cv2.INTER_NEAREST if self.sharp else cv2.INTER_CUBIC
        seen = cv2.resize(self.light * (1 + 0.3 * squares), (self.width, self.width), interpolation=how)
        return np.clip(seen if self.sharp else cv2.GaussianBlur(seen, (0, 0), self.width / 18), 0, 255)


class Seer:
    """The network that makes vectors."""

    use = desks.USE

    def prepare(self, chip: np.ndarray) -> Any:
        grey = cv2.cvtColor(chip, cv2.COLOR_BGR2GRAY).astype(np.float32)
        seen = cv2.resize(grey, (16, 8), interpolation=cv2.INTER_AREA).ravel()
        seen -= seen.mean()
        return lambda: SimpleNamespace(result=lambda: Embedding(seen / np.linalg.norm(seen)))


class Crowd(FaceAnalyzer):
    """Knows a picture of its own by its height."""

    def __init__(self) -> None:
        super().__init__(None, Seer())  # type: ignore[arg-type]
        self._seen: dict[int, Boxes] = {}
        self._heights = itertools.count(300)

    def picture(self, *people: Person) -> dict[str, bytes]:
        """An Image with these people side by side."""
        height = next(self._heights)
        image = np.full((height, 20 + sum(person.width + 10 for person in people) or 100, 3), 128, np.uint8)
        boxes, points, left = [], [], 10
        for person in people:
            top = 20
            image[top : top + person.width, left : left + person.width] = person.drawn()[..., None]
            boxes.append((left, top, left + person.width, top + person.width))
            points.append(POINTS * person.width + np.array([left, top], np.float32))
            left += person.width + 10
        self._seen[height] = Boxes(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.full(len(people), 0.9375, np.float32),
            np.zeros(len(people), np.int64),
            np.array(points, np.float32).reshape(-1, 5, 2),
        )
        return {"Bytes": cv2.imencode(".png", np.pad(image, ((0, 0), (0, 80), (0, 0)), mode="edge"))[1].tobytes()}

    def find(self, image: np.ndarray, *_: Any, **__: Any) -> Boxes:
        return self._seen[image.shape[0]]


@dataclass(frozen=True)
class Counter:
    """A desk, and how a client asks there: whatever is answered is held against botocore's own model."""

    desk: Desk
    crowd: Crowd
    people: Collections

    def ask(self, handler: Handler, operation: str, /, **members: Any) -> dict[str, Any]:
        told = desks.ask(handler, self.desk, operation, **members)
        strict(operation, json.dumps(told).encode())
        return told

    def refused(self, handler: Handler, operation: str, /, **members: Any) -> tuple[str, str]:
        """Code and message of the refusal that the operation answers."""
        with pytest.raises(Fault) as told:
            desks.ask(handler, self.desk, operation, **members)
        return strict_fault(operation, told.value.status, wire.fault_body(told.value, "id"))


@contextmanager
def counter(folder: Path, **abilities: Any) -> Iterator[Counter]:
    people, crowd = Collections(connect(folder)), Crowd()
    yield Counter(desks.desk(people, faces=crowd, **abilities), crowd, people)
    people.close()


def face_ids(told: Sequence[dict[str, Any]], member: str = "Face") -> list[str]:
    """Of FaceRecords or FaceMatches."""
    return [one[member]["FaceId"] for one in told]
